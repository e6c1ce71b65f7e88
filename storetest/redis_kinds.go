package storetest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// RedisInstance is a Redis server of one test, which may stop and start it.
type RedisInstance struct {
	Port int

	tb       testing.TB
	settings string
	process  *process
}

// StartRedis starts a server with settings of its own, as redis.conf has them.
// It ends with the test.
func StartRedis(tb testing.TB, settings string) *RedisInstance {
	tb.Helper()
	port, err := freePort()
	if err != nil {
		tb.Fatal(err)
	}
	s := &RedisInstance{Port: port, tb: tb, settings: settings}
	s.Start()
	tb.Cleanup(s.Stop)
	return s
}

// Addr returns host:port.
func (s *RedisInstance) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)) }

// Start starts the server again, empty, on the same port.
func (s *RedisInstance) Start() {
	s.tb.Helper()
	var err error
	if s.process, err = startRedisOn(s.Port, s.settings); err != nil {
		s.tb.Fatal(err)
	}
}

// Stop ends the server.
func (s *RedisInstance) Stop() { s.process.stop() }

// Pause keeps the server from answering until Resume.
func (s *RedisInstance) Pause() { s.signal(syscall.SIGSTOP) }

// Resume ends a Pause.
func (s *RedisInstance) Resume() { s.signal(syscall.SIGCONT) }

func (s *RedisInstance) signal(sig syscall.Signal) {
	s.tb.Helper()
	if err := s.process.cmd.Process.Signal(sig); err != nil {
		s.tb.Fatal(err)
	}
}

// Do runs a command with redis-cli and returns what it prints.
func (s *RedisInstance) Do(args ...string) string {
	s.tb.Helper()
	return redisCLI(s.tb, append([]string{"-p", strconv.Itoa(s.Port)}, args...)...)
}

// DoWith is Do for a command on a key of any bytes, which comes after the
// command's name.
func (s *RedisInstance) DoWith(key string, args ...string) string {
	s.tb.Helper()
	line := append([]string{args[0], fmt.Sprintf("%q", key)}, args[1:]...)
	return redisCLIWith(s.tb, strings.Join(line, " ")+"\n", "-p", strconv.Itoa(s.Port))
}

func redisCLI(tb testing.TB, args ...string) string {
	tb.Helper()
	return redisCLIWith(tb, "", args...)
}

func redisCLIWith(tb testing.TB, stdin string, args ...string) string {
	tb.Helper()
	var out bytes.Buffer
	cmd := exec.Command("redis-cli", args...)
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		tb.Fatalf("redis-cli %s: %v\n%s", strings.Join(args, " "), err, out.Bytes())
	}
	return strings.TrimSpace(out.String())
}

// StartRedisCluster starts a cluster of three masters and returns them.
func StartRedisCluster(tb testing.TB) []*RedisInstance {
	tb.Helper()
	args := []string{"--cluster", "create"}
	var nodes []*RedisInstance
	for range 3 {
		// The nodes speak to one another on a port of their own; Redis' own
		// choice, 10000 higher, may be past the last port.
		bus, err := freePort()
		if err != nil {
			tb.Fatal(err)
		}
		node := StartRedis(tb, fmt.Sprintf("cluster-enabled yes\ncluster-port %d\ncluster-node-timeout 2000\n", bus))
		nodes = append(nodes, node)
		args = append(args, node.Addr())
	}
	redisCLI(tb, append(args, "--cluster-yes")...)
	for _, node := range nodes {
		waitFor(tb, "the cluster to be whole", func() bool { return strings.Contains(node.Do("cluster", "info"), "cluster_state:ok") })
	}
	return nodes
}

// RedisSentinel is a master with a replica and one sentinel that watches them.
type RedisSentinel struct {
	Master, Replica, Sentinel *RedisInstance
}

// SentinelMaster is what the sentinel calls the master.
const SentinelMaster = "features"

// StartRedisSentinel starts a master, a replica and a sentinel; settings are
// those of master and replica, which ask for that password.
func StartRedisSentinel(tb testing.TB, password string) *RedisSentinel {
	tb.Helper()
	auth := fmt.Sprintf("requirepass %s\nmasterauth %s\nrepl-diskless-sync-delay 0\n", password, password)
	s := &RedisSentinel{Master: StartRedis(tb, auth)}
	s.Replica = StartRedis(tb, auth+fmt.Sprintf("replicaof 127.0.0.1 %d\n", s.Master.Port))
	waitFor(tb, "the replica", func() bool {
		return strings.Contains(s.Replica.Do("--no-auth-warning", "-a", password, "info", "replication"), "master_link_status:up")
	})
	port, err := freePort()
	if err != nil {
		tb.Fatal(err)
	}
	// A sentinel writes its own file.
	path := filepath.Join(tb.TempDir(), "sentinel.conf")
	conf := fmt.Sprintf("bind 127.0.0.1\nport %d\nsentinel monitor %s 127.0.0.1 %d 1\nsentinel auth-pass %s %s\nsentinel down-after-milliseconds %s 500\nsentinel failover-timeout %s 2000\n",
		port, SentinelMaster, s.Master.Port, SentinelMaster, password, SentinelMaster, SentinelMaster)
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		tb.Fatal(err)
	}
	dir, err := serverDir("sentinel")
	if err != nil {
		tb.Fatal(err)
	}
	s.Sentinel = &RedisInstance{Port: port, tb: tb}
	if s.Sentinel.process, err = startProcess(exec.Command("redis-server", path, "--sentinel"), dir, "+monitor", syscall.SIGTERM); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Sentinel.Stop)
	waitFor(tb, "the sentinel to find the replica", func() bool {
		return strings.Contains(s.Sentinel.Do("sentinel", "replicas", SentinelMaster), strconv.Itoa(s.Replica.Port))
	})
	return s
}

// Certificates are files of one authority: its own, and a certificate with its
// key for the host localhost.
type Certificates struct{ Authority, Certificate, Key string }

// StartRedisTLS starts a server that speaks TLS alone, and asks for no
// certificate of its clients.
func StartRedisTLS(tb testing.TB) (*RedisInstance, Certificates) {
	tb.Helper()
	c := NewCertificates(tb)
	port, err := freePort()
	if err != nil {
		tb.Fatal(err)
	}
	s := &RedisInstance{Port: 0, tb: tb, settings: fmt.Sprintf("tls-port %d\ntls-cert-file %s\ntls-key-file %s\ntls-ca-cert-file %s\ntls-auth-clients optional\n",
		port, c.Certificate, c.Key, c.Authority)}
	s.Start()
	s.Port = port
	tb.Cleanup(s.Stop)
	return s, c
}

// NewCertificates makes an authority and what it certifies, valid for an hour.
func NewCertificates(tb testing.TB) Certificates {
	tb.Helper()
	dir := tb.TempDir()
	authorityKey, key := newKey(tb), newKey(tb)
	authority := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	server := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: authority.NotBefore, NotAfter: authority.NotAfter, KeyUsage: x509.KeyUsageDigitalSignature}
	write := func(name, kind string, der []byte, err error) string {
		path := filepath.Join(dir, name)
		if err == nil {
			err = os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
		}
		if err != nil {
			tb.Fatal(err)
		}
		return path
	}
	der, err := x509.CreateCertificate(rand.Reader, authority, authority, &authorityKey.PublicKey, authorityKey)
	files := Certificates{Authority: write("authority.pem", "CERTIFICATE", der, err)}
	der, err = x509.CreateCertificate(rand.Reader, server, authority, &key.PublicKey, authorityKey)
	files.Certificate = write("server.pem", "CERTIFICATE", der, err)
	der, err = x509.MarshalECPrivateKey(key)
	files.Key = write("server.key", "EC PRIVATE KEY", der, err)
	return files
}

func newKey(tb testing.TB) *ecdsa.PrivateKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// waitFor waits until it is so.
func waitFor(tb testing.TB, what string, so func() bool) {
	tb.Helper()
	for end := time.Now().Add(startTimeout); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if so() {
			return
		}
	}
	tb.Fatalf("waited %s for %s", startTimeout, what)
}
