// Package server starts what benchmarks measure: our server, and databases beside it.
package server

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// Postgres starts the newest PostgreSQL that Debian's packages installed, or
// that of the PATH, with its data in dir, the superuser bench, and settings of
// the form NAME=VALUE. It does not run as root: then it runs as postgres. The
// caller ends the process.
func Postgres(dir string, settings ...string) (process *exec.Cmd, port int, err error) {
	bin := ""
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin"); len(found) > 0 {
		bin = found[len(found)-1] + "/"
	}
	data := filepath.Join(dir, "postgres-data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return nil, 0, err
	}
	attributes := &syscall.SysProcAttr{}
	if os.Geteuid() == 0 {
		account, err := user.Lookup("postgres")
		if err != nil {
			return nil, 0, err
		}
		uid, _ := strconv.Atoi(account.Uid)
		gid, _ := strconv.Atoi(account.Gid)
		if err := os.Chown(data, uid, gid); err != nil {
			return nil, 0, err
		}
		attributes.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	initialize := exec.Command(bin+"initdb", "-D", data, "-U", "bench", "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync")
	initialize.Dir, initialize.SysProcAttr = "/", attributes
	if out, err := initialize.CombinedOutput(); err != nil {
		return nil, 0, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	if port, err = FreePort(); err != nil {
		return nil, 0, err
	}
	args := []string{"-D", data, "-p", strconv.Itoa(port)}
	for _, setting := range append([]string{"listen_addresses=127.0.0.1", "unix_socket_directories="}, settings...) {
		args = append(args, "-c", setting)
	}
	process = exec.Command(bin+"postgres", args...)
	process.Dir, process.SysProcAttr = "/", attributes
	if err := process.Start(); err != nil {
		return nil, 0, err
	}
	ready := func() error {
		return exec.Command(bin+"pg_isready", "-q", "-h", "127.0.0.1", "-p", strconv.Itoa(port)).Run()
	}
	return process, port, await(ready)
}

// Redis starts a Redis that keeps everything in memory alone. The caller ends
// the process.
func Redis(dir string) (process *exec.Cmd, port int, err error) {
	if port, err = FreePort(); err != nil {
		return nil, 0, err
	}
	process = exec.Command("redis-server", "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--save", "", "--dir", dir)
	if err := process.Start(); err != nil {
		return nil, 0, err
	}
	return process, port, Reachable(port)
}

// FreePort returns a port of this machine that nobody listens at.
func FreePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// Reachable waits for a server to listen.
func Reachable(port int) error {
	return await(func() error {
		conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			err = conn.Close()
		}
		return err
	})
}

// await tries for two minutes.
func await(try func() error) error {
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		err := try()
		if err == nil || time.Now().After(end) {
			return err
		}
	}
}
