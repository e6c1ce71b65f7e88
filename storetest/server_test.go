package storetest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

func TestMain(m *testing.M) {
	if os.Getenv(killedChild) != "" {
		startAndHang()
	}
	Main(m)
}

func TestPostgresDatabasesAreSeparate(t *testing.T) {
	ctx := t.Context()
	for _, name := range []string{"one", "two"} {
		conn, err := pgx.Connect(ctx, Postgres(t).Database(t).URL())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(ctx)
		// A table of the same name, twice: the databases are two.
		if _, err := conn.Exec(ctx, "CREATE TABLE t AS SELECT $1::text AS name", name); err != nil {
			t.Fatal(err)
		}
		var zone, encoding string
		if err := conn.QueryRow(ctx, "SELECT current_setting('TimeZone'), current_setting('server_encoding')").Scan(&zone, &encoding); err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(zone, "UTC") || encoding != "UTF8" {
			t.Errorf("zone %s, encoding %s; want UTC and UTF8", zone, encoding)
		}
	}
}

func TestPostgresDropsDatabaseAfterTest(t *testing.T) {
	var gone PostgresDatabase
	t.Run("inner", func(t *testing.T) { gone = Postgres(t).Database(t) })
	_, err := pgx.Connect(t.Context(), gone.URL())
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) || pgErr.Code != "3D000" {
		t.Errorf("connecting to a dropped database: %v, want SQLSTATE 3D000", err)
	}
}

func TestPostgresRefusesWrongPassword(t *testing.T) {
	d := Postgres(t).Database(t)
	d.Password = "wrong"
	_, err := pgx.Connect(t.Context(), d.URL())
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) || pgErr.Code != "28P01" {
		t.Errorf("connecting with a wrong password: %v, want SQLSTATE 28P01", err)
	}
}

func TestRedisDatabaseIsEmptiedAfterTest(t *testing.T) {
	var used RedisDatabase
	t.Run("inner", func(t *testing.T) {
		used = Redis(t).Database(t)
		if got := redisCommand(t, used, "SET k v"); got != "+OK" {
			t.Fatalf("SET answered %q", got)
		}
		if got := redisCommand(t, used, "DBSIZE"); got != ":1" {
			t.Errorf("DBSIZE answered %q, want :1", got)
		}
	})
	if got := redisCommand(t, used, "DBSIZE"); got != ":0" {
		t.Errorf("DBSIZE after the test answered %q, want :0", got)
	}
}

func TestRedisAsksForPassword(t *testing.T) {
	d := Redis(t).Database(t)
	d.Password = "wrong"
	if err := d.flush(); err == nil || !strings.Contains(err.Error(), "WRONGPASS") {
		t.Errorf("flush with a wrong password: %v, want WRONGPASS", err)
	}
}

// redisCommand returns the first line of the answer to an inline command.
func redisCommand(t *testing.T, d RedisDatabase, command string) string {
	t.Helper()
	conn, err := net.Dial("tcp", d.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "AUTH %s\r\nSELECT %d\r\n%s\r\nQUIT\r\n", d.Password, d.Index, command)
	var answer strings.Builder
	buf := make([]byte, 1024)
	for {
		n, err := conn.Read(buf)
		answer.Write(buf[:n])
		if err != nil {
			break
		}
	}
	lines := strings.Split(answer.String(), "\r\n")
	if len(lines) < 3 {
		t.Fatalf("redis answered %q", answer.String())
	}
	return lines[2]
}

func TestFeastPython(t *testing.T) {
	got := string(RunPython(t, "import sys, feast; print(feast.__version__, sys.argv[1:])", "a", "b c"))
	if want := "0.67.0 ['a', 'b c']\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := string(RunFeast(t, t.TempDir(), "version")); !strings.Contains(got, "0.67.0") {
		t.Errorf("feast version printed %q", got)
	}
}

// killedChild tells the test binary to start the servers and wait for its end.
const killedChild = "ASOF_STORETEST_KILLED_CHILD"

func startAndHang() {
	for _, start := range []func() error{
		func() error { _, err := startPostgres(); return err },
		func() error { _, err := startRedis(); return err },
	} {
		if err := start(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	for _, p := range running.processes {
		fmt.Println(p.cmd.Process.Pid, p.dir)
	}
	fmt.Println("started")
	select {}
}

// A test binary that is killed takes its servers with it, and the next one
// removes their data.
func TestServersEndWithKilledTest(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killedChild+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, 0, 4096)
	for !strings.Contains(string(said), "started") {
		n, err := out.Read(said[len(said):cap(said)])
		said = said[:len(said)+n]
		if err != nil {
			t.Fatalf("the child said %q and ended: %v", said, err)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed, so never nil

	servers := 0
	for line := range strings.Lines(string(said)) {
		pidText, dir, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok {
			continue
		}
		servers++
		pid, err := strconv.Atoi(pidText)
		if err != nil {
			t.Fatal(err)
		}
		waitForEnd(t, pid)
		name := strings.Split(dir[strings.LastIndex(dir, "/")+1:], "-")[1]
		mine, err := serverDir(name)
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(mine)
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			t.Errorf("%s is still there (%v)", dir, err)
		}
	}
	if servers != 2 {
		t.Errorf("the child started %d servers, want 2", servers)
	}
}

// waitForEnd waits until the process is gone or only waits to be reaped.
func waitForEnd(t *testing.T, pid int) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			return
		}
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err == nil && strings.Contains(string(stat), ") Z ") {
			return
		}
	}
	t.Errorf("server %d outlived the test that started it", pid)
}

func TestServerThatDoesNotStart(t *testing.T) {
	dir, err := serverDir("broken")
	if err != nil {
		t.Fatal(err)
	}
	_, err = startProcess(exec.Command("sh", "-c", "echo no such setting >&2; exit 3"), dir, "ready", syscall.SIGTERM)
	if err == nil || !strings.Contains(err.Error(), "no such setting") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("got %v, want what the server said and its exit status", err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("its directory is still there (%v)", err)
	}
}
