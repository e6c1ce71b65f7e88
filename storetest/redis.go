package storetest

import (
	"bufio"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

const (
	redisPassword  = "p@ss/w:rd%21"
	redisDatabases = 1024
)

// RedisServer is a real Redis server that asks for a password and keeps
// nothing on disk.
type RedisServer struct {
	Host string
	Port int

	databases atomic.Int64
}

// RedisDatabase is a numbered database of one test, and how to reach it.
type RedisDatabase struct {
	Host     string
	Port     int
	Password string
	Index    int
}

// Addr returns host:port.
func (d RedisDatabase) Addr() string {
	return net.JoinHostPort(d.Host, strconv.Itoa(d.Port))
}

// Connection returns the database's connection string, as Feast writes it.
func (d RedisDatabase) Connection() string {
	return fmt.Sprintf("%s,db=%d,password=%s", d.Addr(), d.Index, d.Password)
}

var theRedis shared[RedisServer]

// Redis returns the server that the tests of this process share.
func Redis(tb testing.TB) *RedisServer {
	tb.Helper()
	return theRedis.get(tb, startRedis)
}

// Database returns an empty database for the test, which is emptied after it.
func (s *RedisServer) Database(tb testing.TB) RedisDatabase {
	tb.Helper()
	index := int(s.databases.Add(1))
	if index >= redisDatabases {
		tb.Fatalf("the tests of one package use more than %d Redis databases", redisDatabases)
	}
	d := RedisDatabase{Host: s.Host, Port: s.Port, Password: redisPassword, Index: index}
	tb.Cleanup(func() {
		if err := d.flush(); err != nil {
			tb.Error(err)
		}
	})
	return d
}

// Copy returns a database with the keys of another.
func (s *RedisServer) Copy(tb testing.TB, from RedisDatabase) RedisDatabase {
	tb.Helper()
	to := s.Database(tb)
	script := `"for _,k in ipairs(redis.call('KEYS','*')) do redis.call('COPY',k,k,'DB',ARGV[1]) end return redis.status_reply('OK')"`
	if err := from.do(fmt.Sprintf("EVAL %s 0 %d", script, to.Index)); err != nil {
		tb.Fatal(err)
	}
	return to
}

// flush removes all keys of the database.
func (d RedisDatabase) flush() error { return d.do("FLUSHDB") }

// do runs an inline command, which needs no client, and is answered by OK.
func (d RedisDatabase) do(command string) error {
	conn, err := net.Dial("tcp", d.Addr())
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "AUTH %s\r\nSELECT %d\r\n%s\r\n", d.Password, d.Index, command); err != nil {
		return err
	}
	replies := bufio.NewScanner(conn)
	for _, command := range []string{"AUTH", "SELECT", command} {
		if !replies.Scan() || replies.Text() != "+OK" {
			return fmt.Errorf("redis answered %s with %q", command, replies.Text())
		}
	}
	return nil
}

func startRedis() (*RedisServer, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	if _, err := startRedisOn(port, fmt.Sprintf("requirepass %s\ndatabases %d\n", redisPassword, redisDatabases)); err != nil {
		return nil, err
	}
	return &RedisServer{Host: "127.0.0.1", Port: port}, nil
}

// startRedisOn starts a server on the port, which the settings may turn into
// another kind.
func startRedisOn(port int, settings string) (*process, error) {
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, fmt.Errorf("tests need Redis, and it is not installed: run `make test`, or `apt-get install redis-server`")
	}
	dir, err := serverDir("redis")
	if err != nil {
		return nil, err
	}
	// Passwords go in on standard input, where no list of processes shows them.
	cmd := exec.Command(bin, "-")
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(fmt.Sprintf("bind 127.0.0.1\nport %d\ndir %s\nsave \"\"\nappendonly no\n%s", port, dir, settings))
	return startProcess(cmd, dir, "Ready to accept connections", syscall.SIGTERM)
}
