package storetest

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// The account of the test servers. The password holds the characters that a
// connection string must escape.
const (
	postgresUser     = "asof"
	postgresPassword = "p@ss/w:rd%21"
)

// PostgresServer is a real PostgreSQL server, with passwords checked (SCRAM)
// and without the care for its data that a test does not need.
type PostgresServer struct {
	Host string
	Port int

	databases atomic.Int64
}

// PostgresDatabase is a database of one test, and how to reach it.
type PostgresDatabase struct {
	Host     string
	Port     int
	User     string // may do everything
	Password string
	Name     string
}

// URL returns the database's connection string.
func (d PostgresDatabase) URL() string {
	u := url.URL{
		Scheme: "postgres",
		User:   url.UserPassword(d.User, d.Password),
		Host:   net.JoinHostPort(d.Host, strconv.Itoa(d.Port)),
		Path:   d.Name,
	}
	return u.String()
}

var thePostgres shared[PostgresServer]

// Postgres returns the server that the tests of this process share. Its
// programs are those in ASOF_POSTGRES_BIN, else the newest that Debian's
// packages installed, else those on the PATH.
func Postgres(tb testing.TB) *PostgresServer {
	tb.Helper()
	return thePostgres.get(tb, startPostgres)
}

// Database creates an empty database for the test, which goes with it.
func (s *PostgresServer) Database(tb testing.TB) PostgresDatabase {
	tb.Helper()
	return s.create(tb, "template1")
}

// Copy creates a copy of a database that nobody is connected to.
func (s *PostgresServer) Copy(tb testing.TB, d PostgresDatabase) PostgresDatabase {
	tb.Helper()
	return s.create(tb, d.Name)
}

func (s *PostgresServer) create(tb testing.TB, template string) PostgresDatabase {
	tb.Helper()
	d := PostgresDatabase{
		Host: s.Host, Port: s.Port, User: postgresUser, Password: postgresPassword,
		Name: "test_" + strconv.FormatInt(s.databases.Add(1), 10),
	}
	s.admin(tb, "CREATE DATABASE "+d.Name+" TEMPLATE "+template)
	tb.Cleanup(func() { s.admin(tb, "DROP DATABASE "+d.Name+" WITH (FORCE)") })
	return d
}

// admin runs one statement outside of the tests' databases. Its own context
// serves in a test's clean-up too.
func (s *PostgresServer) admin(tb testing.TB, statement string) {
	tb.Helper()
	ctx := context.Background()
	d := PostgresDatabase{Host: s.Host, Port: s.Port, User: postgresUser, Password: postgresPassword, Name: "postgres"}
	conn, err := pgx.Connect(ctx, d.URL())
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		tb.Fatalf("%s: %v", statement, err)
	}
}

func startPostgres() (*PostgresServer, error) {
	bin, err := postgresBin()
	if err != nil {
		return nil, err
	}
	account, err := postgresAccount()
	if err != nil {
		return nil, err
	}
	dir, err := serverDir("postgres")
	if err != nil {
		return nil, err
	}
	template, err := postgresTemplate(bin, account)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	if out, err := exec.Command("cp", "-a", template, data).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("cannot copy the database cluster: %s", out)
	}
	if err := os.Chmod(dir, 0o755); err != nil { // the server's account must get in
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-p", strconv.Itoa(port))
	for _, setting := range []string{
		"listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200",
		"fsync=off", "synchronous_commit=off", "full_page_writes=off",
		"wal_level=minimal", "max_wal_senders=0",
	} {
		cmd.Args = append(cmd.Args, "-c", setting)
	}
	runAs(cmd, account)
	// SIGQUIT is the shutdown that does not tidy up: the data goes anyway.
	if _, err := startProcess(cmd, dir, "database system is ready to accept connections", syscall.SIGQUIT); err != nil {
		return nil, err
	}
	return &PostgresServer{Host: "127.0.0.1", Port: port}, nil
}

// postgresBin returns the folder of PostgreSQL's programs.
func postgresBin() (string, error) {
	if bin := os.Getenv("ASOF_POSTGRES_BIN"); bin != "" {
		return bin, nil
	}
	version := func(initdb string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb))))
		return n
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		newest := slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })
		return filepath.Dir(newest), nil
	}
	initdb, err := exec.LookPath("initdb")
	if err != nil {
		return "", fmt.Errorf("tests need PostgreSQL, and none is installed: run `make test`, or `apt-get install postgresql`, or set ASOF_POSTGRES_BIN")
	}
	return filepath.Dir(initdb), nil
}

// postgresAccount returns the account that the server runs under: nil for our
// own, and postgres for root, as whom PostgreSQL refuses to run.
func postgresAccount() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root, and there is no account postgres: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

func runAs(cmd *exec.Cmd, account *syscall.Credential) {
	cmd.Dir = "/" // our own folder may be closed to the account
	if account != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: account}
	}
}

// postgresTemplate returns a fresh database cluster to copy. Making one takes
// a second, so it is kept in .cache, one for each version.
func postgresTemplate(bin string, account *syscall.Credential) (string, error) {
	version, err := exec.Command(filepath.Join(bin, "postgres"), "--version").Output()
	if err != nil {
		return "", fmt.Errorf("cannot run PostgreSQL in %s: %w", bin, err)
	}
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	words := strings.Fields(string(version)) // postgres (PostgreSQL) 15.18 (Debian …)
	if len(words) < 3 {
		return "", fmt.Errorf("%s/postgres does not tell its version but %q", bin, version)
	}
	template := filepath.Join(cache, "postgres-cluster-"+words[2])
	if _, err := os.Stat(template); err == nil {
		return template, nil
	}

	dir, err := serverDir("initdb")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	if err := initCluster(bin, dir, account); err != nil {
		return "", err
	}
	// Another process may be as far: copy under a name of our own, then rename.
	mine := template + "-" + strconv.Itoa(os.Getpid())
	defer os.RemoveAll(mine)
	if out, err := exec.Command("cp", "-a", filepath.Join(dir, "data"), mine).CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot keep the database cluster: %s", out)
	}
	if err := os.Rename(mine, template); err != nil && !os.IsExist(err) {
		return "", err
	}
	return template, nil
}

// initCluster makes a database cluster in dir/data.
func initCluster(bin, dir string, account *syscall.Credential) error {
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte(postgresPassword), 0o600); err != nil {
		return err
	}
	if account != nil {
		for _, path := range []string{dir, password} {
			if err := os.Chown(path, int(account.Uid), int(account.Gid)); err != nil {
				return err
			}
		}
	}
	cmd := exec.Command(filepath.Join(bin, "initdb"), "-D", filepath.Join(dir, "data"),
		"--username", postgresUser, "--pwfile", password, "--auth", "scram-sha-256",
		"--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions")
	cmd.Env = append(os.Environ(), "TZ=UTC")
	runAs(cmd, account)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot make a database cluster: %w\n%s", err, out)
	}
	return nil
}
