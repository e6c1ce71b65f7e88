package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// server is a PostgreSQL of the benchmark's own, with the settings that it is
// installed with, but for the care for data that nobody keeps.
type server struct {
	port int
	cmd  *exec.Cmd
}

// startPostgres makes a cluster in dir and runs it until stop.
func startPostgres(dir string) (*server, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return nil, fmt.Errorf("PostgreSQL is not installed in /usr/lib/postgresql; install it, or leave it out with -postgres=false")
	}
	bin := filepath.Dir(found[len(found)-1])
	account, err := serverAccount(dir)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "postgres")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "asof", "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = "/", account
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &server{port: free.Addr().(*net.TCPAddr).Port}
	_ = free.Close() // its port is what was wanted
	s.cmd = exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-p", strconv.Itoa(s.port), "-c", "listen_addresses=127.0.0.1",
		"-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "max_wal_size=4GB")
	s.cmd.Dir, s.cmd.SysProcAttr = "/", account
	said, err := s.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(said)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "database system is ready to accept connections") {
			go func() {
				for lines.Scan() {
				}
			}()
			return s, nil
		}
	}
	return nil, fmt.Errorf("PostgreSQL does not start: %w", s.cmd.Wait())
}

// stop ends the server at once.
func (s *server) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		return err
	}
	_ = s.cmd.Wait() // a server that is told to quit does not exit with 0
	return nil
}

func (s *server) url(schema string) string {
	return fmt.Sprintf("postgres://asof:none@127.0.0.1:%d/postgres?search_path=%s", s.port, schema)
}

// admin runs statements one after the other.
func (s *server) admin(ctx context.Context, statements ...string) error {
	conn, err := connect(ctx, s.url("public"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// serverAccount is what the server runs as: ourselves, or postgres for root, as
// whom PostgreSQL refuses to run. It dies with us.
func serverAccount(dir string) (*syscall.SysProcAttr, error) {
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT}
	if os.Geteuid() != 0 {
		return attr, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root, and there is no account postgres: %w", err)
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return nil, err
	}
	attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "postgres")
	if err := os.Mkdir(data, 0o700); err != nil {
		return nil, err
	}
	return attr, os.Chown(data, uid, gid)
}
