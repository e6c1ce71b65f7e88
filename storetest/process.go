package storetest

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// startTimeout is how long a server may take to say that it is ready: far more
// than any needs, on a machine that does much else.
const startTimeout = 60 * time.Second

// process is a server as a child process, with its data in a directory of its
// own that goes when it stops.
type process struct {
	cmd    *exec.Cmd
	dir    string
	signal syscall.Signal // asks it to end
	ended  chan struct{}  // closed when it has
}

// startProcess runs cmd until its output holds the line part ready. The child
// gets signal when this process dies, however it dies. Where it fails, dir is
// removed.
func startProcess(cmd *exec.Cmd, dir, ready string, signal syscall.Signal) (*process, error) {
	p := &process{cmd: cmd, dir: dir, signal: signal, ended: make(chan struct{})}
	started, isReady := make(chan error), make(chan error, 1)
	go p.run(ready, started, isReady)
	if err := <-started; err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	select {
	case err := <-isReady:
		if err != nil {
			_ = os.RemoveAll(dir)
			return nil, err
		}
	case <-time.After(startTimeout):
		p.stop()
		return nil, fmt.Errorf("%s was not ready after %s", cmd.Path, startTimeout)
	}
	running.Lock()
	defer running.Unlock()
	running.processes = append(running.processes, p)
	return p, nil
}

// run starts the child, reports once it has started and once it is ready, and
// stays until it ends. The kernel sends the signal on parent's death when the
// thread that started the child ends, so that thread is kept for as long.
func (p *process) run(ready string, started, isReady chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.ended)

	output, err := p.cmd.StdoutPipe()
	if err == nil {
		p.cmd.Stderr = p.cmd.Stdout
		dieWithParent(p.cmd, p.signal)
		err = p.cmd.Start()
	}
	started <- err
	if err != nil {
		return
	}

	var said []string // until it is ready; later lines are only drained
	waiting := true
	for lines := bufio.NewScanner(output); lines.Scan(); {
		if !waiting {
			continue
		}
		said = append(said, lines.Text())
		if strings.Contains(lines.Text(), ready) {
			waiting = false
			isReady <- nil
		}
	}
	err = p.cmd.Wait()
	if waiting {
		isReady <- fmt.Errorf("%s ended before it was ready (%v):\n%s", p.cmd.Path, err, strings.Join(said, "\n"))
	}
}

// stop ends the server, by force if it takes long, and removes its data.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(p.signal) // it may have ended by itself
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
	_ = os.RemoveAll(p.dir)
}

// serverDir makes a directory for a server's data, and removes those of test
// processes that were killed before they could.
func serverDir(name string) (string, error) {
	prefix := "asof-" + name + "-"
	old, err := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*"))
	if err != nil {
		return "", err
	}
	for _, dir := range old {
		owner, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), prefix), "-")
		pid, err := strconv.Atoi(owner)
		if err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			_ = os.RemoveAll(dir)
		}
	}
	return os.MkdirTemp("", prefix+strconv.Itoa(os.Getpid())+"-")
}

// freePort returns a port of the loopback interface that nothing listens on.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
