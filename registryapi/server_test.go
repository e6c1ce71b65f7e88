package registryapi_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/asof-dev/asof/feastregistry"
	"github.com/asof-dev/asof/postgres"
	"github.com/asof-dev/asof/registryapi"
	"github.com/asof-dev/asof/registryfile"
	"github.com/asof-dev/asof/sqlite"
	"github.com/asof-dev/asof/storetest"
)

// The environment of a process that serves a registry: which, and where.
const (
	servedPlace   = "ASOF_TEST_SERVED_REGISTRY"
	servedAddress = "ASOF_TEST_SERVED_ADDRESS"
)

func TestMain(m *testing.M) {
	if place := os.Getenv(servedPlace); place != "" {
		if err := serveAlone(place, os.Getenv(servedAddress)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	storetest.Main(m)
}

// serveAlone serves the registry at a place until the process is told to end.
func serveAlone(place, address string) error {
	store, done, err := openPlace(context.Background(), place)
	if err != nil {
		return err
	}
	defer done()
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Println("serving")
	server := registryapi.New(registryapi.Options{Store: store})
	defer server.Close()
	return server.Serve(context.Background(), l)
}

// openPlace opens the registry that a URL names as feature_store.yaml does; that
// of a file is file:PATH.
func openPlace(ctx context.Context, place string) (feastregistry.Store, func() error, error) {
	if path, ok := strings.CutPrefix(place, "file:"); ok {
		return registryfile.Open(path, nil), func() error { return nil }, nil
	}
	if path, ok := strings.CutPrefix(place, "sqlite:///"); ok {
		r := sqlite.OpenRegistry(path)
		return r, r.Close, nil
	}
	u, err := url.Parse(place)
	if err != nil {
		return nil, nil, err
	}
	port, _ := strconv.Atoi(u.Port())
	password, _ := u.User.Password()
	db, err := postgres.Open(ctx, postgres.Config{Host: u.Hostname(), Port: port, Database: strings.TrimPrefix(u.Path, "/"), User: u.User.Username(), Password: password})
	if err != nil {
		return nil, nil, err
	}
	return db.Registry(), db.Close, nil
}

// places are new registries of each kind, by its name.
func places(tb testing.TB) map[string]string {
	d := storetest.Postgres(tb).Database(tb)
	return map[string]string{
		"file":       "file:" + filepath.Join(tb.TempDir(), "registry.db"),
		"SQLite":     "sqlite:///" + filepath.Join(tb.TempDir(), "registry.db"),
		"PostgreSQL": d.URL(),
	}
}

// storeAt opens the registry at a place until the test ends.
func storeAt(tb testing.TB, place string) feastregistry.Store {
	tb.Helper()
	store, done, err := openPlace(tb.Context(), place)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = done() })
	return store
}

// process is a server of a registry that can be killed.
type process struct {
	place, address string
	cmd            *exec.Cmd
}

// startProcess serves the registry at a place by a process of its own.
func startProcess(t *testing.T, place string) *process {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &process{place: place, address: l.Addr().String()}
	l.Close()
	p.start(t)
	t.Cleanup(func() { p.kill(t) })
	return p
}

// start returns when the server listens.
func (p *process) start(t *testing.T) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd = exec.Command(program)
	p.cmd.Env = append(os.Environ(), servedPlace+"="+p.place, servedAddress+"="+p.address)
	p.cmd.Stderr = os.Stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "serving\n" {
		t.Fatalf("the server of %s says %q (%v)", p.place, line, err)
	}
	go io.Copy(io.Discard, out)
}

func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	p.cmd.Wait() // it was killed
}
