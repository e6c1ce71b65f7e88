package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/asof-dev/asof/bench/server"
)

// store is a filled store, and the servers that read it.
type store struct {
	floor, ours, feast *contender
	grpc               string // where ours serves gRPC
	running            []*exec.Cmd
}

// contender is one server.
type contender struct {
	name    string
	address string
	pid     int // 0 for one of several processes
	results []result
	costs   costs
}

// openStore starts the store, fills it through asof and, for Feast, in Feast's
// own way, and starts the servers.
func openStore(o options, name string) (s *store, err error) {
	s = &store{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	online, floorArg, err := s.start(o, name)
	if err != nil {
		return s, err
	}
	asof, err := filepath.Abs(o.asof)
	if err != nil {
		return s, err
	}
	repository := filepath.Join(o.dir, name)
	if err := writeRepository(o, repository, online); err != nil {
		return s, err
	}
	for _, args := range [][]string{{"apply"}, {"materialize", "2024-01-01T00:00:00", "2024-02-01T00:00:00"}} {
		if err := s.do(repository, asof, args...); err != nil {
			return s, err
		}
	}
	self, err := os.Executable()
	if err != nil {
		return s, err
	}
	port, err := server.FreePort()
	if err != nil {
		return s, err
	}
	if s.ours, err = s.serve("asof", repository, asof, "serve", "-p", "0", "--grpc-port", strconv.Itoa(port)); err != nil {
		return s, err
	}
	s.grpc = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	if s.floor, err = s.serve("floor", repository, self, "floor", name, floorArg); err != nil || o.feast == "" {
		return s, err
	}
	s.feast, err = s.startFeast(o, name, online)
	return s, err
}

func writeRepository(o options, dir, online string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return errors.Join(os.WriteFile(filepath.Join(dir, "feature_store.yaml"), []byte(storeYAML(online)), 0o644),
		os.WriteFile(filepath.Join(dir, "features.py"), []byte(featuresPy(o.dir)), 0o644))
}

// startFeast fills the store as Feast lays it out, and serves it by two workers:
// one for each core that such a comparison mostly has.
func (s *store) startFeast(o options, name, online string) (*contender, error) {
	repository := filepath.Join(o.dir, name+"-feast")
	if err := writeRepository(o, repository, online); err != nil {
		return nil, err
	}
	python, err := filepath.Abs(o.feast)
	if err != nil {
		return nil, err
	}
	feast := filepath.Join(filepath.Dir(python), "feast")
	if err := s.do(repository, feast, "apply", "--skip-source-validation"); err != nil {
		return nil, err
	}
	if err := s.do(repository, python, "-c", feastPy); err != nil {
		return nil, err
	}
	port, err := server.FreePort()
	if err != nil {
		return nil, err
	}
	if _, err := s.spawn(repository, feast, "serve", "-p", strconv.Itoa(port), "-w", "2", "--no-access-log", "--max-requests", "0"); err != nil {
		return nil, err
	}
	return &contender{name: "Feast", address: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}, server.Reachable(port)
}

// do runs a command to its end.
func (s *store) do(dir, program string, args ...string) error {
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", filepath.Base(program), strings.Join(args, " "), err, out)
	}
	return nil
}

// spawn starts a process, which stop ends, and returns what it prints.
func (s *store) spawn(dir, program string, args ...string) (io.Reader, error) {
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	out, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s.running = append(s.running, cmd)
	return out, nil
}

var served = regexp.MustCompile(`http://(\S+)`)

// serve starts a server that prints its address.
func (s *store) serve(name, dir, program string, args ...string) (*contender, error) {
	out, err := s.spawn(dir, program, args...)
	if err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	var said []string
	for lines.Scan() {
		if m := served.FindStringSubmatch(lines.Text()); m != nil {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return &contender{name: name, address: m[1], pid: s.running[len(s.running)-1].Process.Pid}, nil
		}
		said = append(said, lines.Text())
	}
	return nil, fmt.Errorf("%s does not serve: %s", name, strings.Join(said, "\n"))
}

// stop ends the servers, last to first.
func (s *store) stop() error {
	for i := len(s.running) - 1; i >= 0; i-- {
		_ = s.running[i].Process.Signal(os.Interrupt)
		ended := make(chan struct{})
		go func() { _ = s.running[i].Wait(); close(ended) }()
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			_ = s.running[i].Process.Kill()
			<-ended
		}
	}
	return nil
}
