package main

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

// start starts the store's server where it has one. It returns the section
// online_store of feature_store.yaml, and what the floor needs to know.
func (s *store) start(o options, name string) (section, floorArg string, err error) {
	switch name {
	case "sqlite":
		return "{type: sqlite, path: online.db}", filepath.Join(o.dir, name, "online.db"), nil
	case "postgres":
		port, err := s.startPostgres(o)
		return fmt.Sprintf("{type: postgres, host: 127.0.0.1, port: %d, database: postgres, user: bench, password: bench, sslmode: disable}", port),
			fmt.Sprintf("postgres://bench:bench@127.0.0.1:%d/postgres", port), err
	case "redis":
		port, err := s.startRedis(o)
		return fmt.Sprintf("{type: redis, connection_string: \"127.0.0.1:%d\"}", port), fmt.Sprintf("127.0.0.1:%d", port), err
	}
	return "", "", fmt.Errorf("it is none of sqlite, postgres and redis")
}

// startPostgres starts the newest PostgreSQL that Debian's packages installed,
// or that of the PATH. It does not run as root: then it runs as postgres.
func (s *store) startPostgres(o options) (port int, err error) {
	bin := ""
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin"); len(found) > 0 {
		bin = found[len(found)-1] + "/"
	}
	data := filepath.Join(o.dir, "postgres-data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return 0, err
	}
	attributes := &syscall.SysProcAttr{}
	if os.Geteuid() == 0 {
		account, err := user.Lookup("postgres")
		if err != nil {
			return 0, err
		}
		uid, _ := strconv.Atoi(account.Uid)
		gid, _ := strconv.Atoi(account.Gid)
		if err := os.Chown(data, uid, gid); err != nil {
			return 0, err
		}
		attributes.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	initialize := exec.Command(bin+"initdb", "-D", data, "-U", "bench", "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync")
	initialize.Dir, initialize.SysProcAttr = "/", attributes
	if out, err := initialize.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	if port, err = freePort(); err != nil {
		return 0, err
	}
	serve := exec.Command(bin+"postgres", "-D", data, "-p", strconv.Itoa(port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=")
	serve.Dir, serve.SysProcAttr = "/", attributes
	if err := serve.Start(); err != nil {
		return 0, err
	}
	s.running = append(s.running, serve)
	return port, reachable(port)
}

// startRedis starts a Redis that keeps everything in memory alone.
func (s *store) startRedis(o options) (port int, err error) {
	if port, err = freePort(); err != nil {
		return 0, err
	}
	serve := exec.Command("redis-server", "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--save", "", "--dir", o.dir)
	if err := serve.Start(); err != nil {
		return 0, err
	}
	s.running = append(s.running, serve)
	return port, reachable(port)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// reachable waits for a server to listen.
func reachable(port int) error {
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return conn.Close()
		}
		if time.Now().After(end) {
			return err
		}
	}
}
