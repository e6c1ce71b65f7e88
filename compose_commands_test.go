package asof_test

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/asof-dev/asof/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// otherUser owns the mounted folder where the test runs as root.
const otherUser = 12345

// container stands in for one of compose's: the binary under both names, the
// service's environment, and the repository as the working folder.
type container struct {
	bin  string
	repo string
	env  []string
}

// command prepares what `docker compose exec` would run.
func (c container) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(c.bin, name), args...)
	cmd.Dir, cmd.Env = c.repo, c.env
	return cmd
}

// run runs a command, which must succeed, and returns what it said.
func (c container) run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := c.command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// newContainer builds the binary, makes StreamFlow's repository as the
// Dockerfile does, with a month of files, and gives it to another user.
func newContainer(t *testing.T) container {
	t.Helper()
	c := container{bin: t.TempDir(), repo: filepath.Join(t.TempDir(), "streamflow")}
	if err := os.Chmod(filepath.Dir(c.bin), 0o755); err != nil { // the other user must get in
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-tags", "duckdb_arrow", "-o", filepath.Join(c.bin, "asof"), "./cmd/asof")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := os.Symlink("asof", filepath.Join(c.bin, "feast")); err != nil {
		t.Fatal(err)
	}
	for variable, value := range composeService(t, loadCompose(t), "api").Environment {
		c.env = append(c.env, variable+"="+*value)
	}
	db := storetest.Postgres(t).Database(t)
	c.env = append(c.env, "PATH="+c.bin, "POSTGRES_HOST="+db.Host, "POSTGRES_PORT="+strconv.Itoa(db.Port),
		"POSTGRES_DB="+db.Name, "POSTGRES_USER="+db.User, "POSTGRES_PASSWORD="+db.Password)

	repo := c.repo
	c.repo = filepath.Dir(repo)
	c.run(t, "asof", "init", "streamflow", "-t", "streamflow")
	c.repo = repo
	if err := os.Rename(filepath.Join(repo, "feature_store.postgres.yaml"), filepath.Join(repo, "feature_store.yaml")); err != nil {
		t.Fatal(err)
	}
	c.run(t, "asof", "sample", "streamflow", "--out", "data/seeds", "--users", "200", "--months", "1")
	if os.Getuid() == 0 {
		everyFile(t, repo, func(path string, _ fs.FileInfo) {
			if err := os.Lchown(path, otherUser, otherUser); err != nil {
				t.Fatal(err)
			}
		})
	}
	return c
}

func everyFile(t *testing.T, dir string, do func(path string, info fs.FileInfo)) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			do(path, info)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// serve starts the api service and returns its address and what stops it.
func (c container) serve(t *testing.T) (address string, stop func()) {
	t.Helper()
	cmd := c.command("asof", "serve", "-h", "127.0.0.1", "-p", "0")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // where the test ends early
	said := bufio.NewScanner(stderr)
	for address == "" {
		if !said.Scan() {
			t.Fatalf("the server ended before it served: %v", cmd.Wait())
		}
		address = regexp.MustCompile(`http://\S+`).FindString(said.Text())
	}
	go io.Copy(io.Discard, stderr)
	return address, func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server did not stop well: %v", err)
		}
	}
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, strings.TrimSpace(string(b))
}

// backfill asks for January once more and lets the worker of compose carry it
// out, until it is told to stop.
func (c container) backfill(t *testing.T) {
	t.Helper()
	worker := c.command("asof", composeService(t, loadCompose(t), "worker").Command...)
	if err := worker.Start(); err != nil {
		t.Fatal(err)
	}
	defer worker.Process.Kill() // where the test ends early
	c.run(t, "asof", "pipeline", "backfill", "ingest_month", "--from", "2024-01", "--to", "2024-01",
		"month=month_000", "seeds=./data/seeds") // written otherwise: this run is not the completed one
	for began := time.Now(); !strings.Contains(c.run(t, "asof", "pipeline", "runs", "--state", "completed"), "backfill"); {
		if time.Since(began) > time.Minute {
			t.Fatal(c.run(t, "asof", "pipeline", "runs"))
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err := worker.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if err := worker.Wait(); err != nil {
		t.Errorf("the worker did not stop well: %v", err)
	}
}

// What StreamFlow's team types into its containers, word for word, with the
// repository in somebody else's folder. It stands in for a Docker engine.
func TestComposeCommands(t *testing.T) {
	c := newContainer(t)
	api, stop := c.serve(t)
	if status, body := get(t, api+"/health"); status != 200 || body != `{"status":"ok"}` {
		t.Errorf("health before any apply: %d %s", status, body)
	}
	if status, body := get(t, api+"/features/3413-BMNZE"); status != 404 || !strings.Contains(body, "apply") {
		t.Errorf("features before any apply: %d %s, want 404 and a word of apply", status, body)
	}

	c.run(t, "asof", "pipeline", "run", "ingest_month", "month=month_000", "as_of=2024-01-31")
	c.run(t, "feast", "apply")
	c.run(t, "feast", "materialize", "2024-01-01T00:00:00", "2024-02-01T00:00:00")
	c.run(t, "feast", "materialize-incremental", time.Now().Format(time.DateOnly))

	want := `{"user_id":"3413-BMNZE","features":{"months_active":1,"monthly_fee":45.25,"paperless_billing":false}}`
	if status, body := get(t, api+"/features/3413-BMNZE"); status != 200 || body != want {
		t.Errorf("features: %d %s, want %s", status, body, want)
	}
	if got := c.run(t, "asof", "ping", api+"/health"); got != `{"status":"ok"}`+"\n" {
		t.Errorf("the health check says %q", got)
	}
	stop()
	c.backfill(t)

	everyFile(t, c.repo, func(path string, info fs.FileInfo) {
		owner, want := info.Sys().(*syscall.Stat_t).Uid, uint32(otherUser)
		if os.Getuid() != 0 {
			want = uint32(os.Getuid())
		}
		if owner != want {
			t.Errorf("%s belongs to user %d, want %d", path, owner, want)
		}
	})
	if err := exec.Command(filepath.Join(c.bin, "asof"), "ping", api+"/health").Run(); err == nil {
		t.Error("the health check of a stopped server succeeds")
	} else if fmt.Sprint(err) != "exit status 1" {
		t.Errorf("the health check of a stopped server: %v", err)
	}
}
