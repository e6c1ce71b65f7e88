package registryfile_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/registryfile"
)

var user = &asof.Entity{Name: "user", JoinKey: "user_id"}

// newRegistry makes a registry file with one project.
func newRegistry(t *testing.T) (path string, r *registryfile.Registry) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "registry.db")
	r = registryfile.Open(path, nil)
	mustApply(t, r, user)
	return path, r
}

func mustApply(t *testing.T, r *registryfile.Registry, put ...asof.Object) *asof.Snapshot {
	t.Helper()
	s, err := r.Apply(t.Context(), "p", asof.Change{Put: put})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func readRegistry(t *testing.T, path string) *core.Registry {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var m core.Registry
	if err := proto.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return &m
}

func writeFile(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestForeignFiles(t *testing.T) {
	path, _ := newRegistry(t)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	later := readRegistry(t, path)
	later.RegistrySchemaVersion = "2"
	laterBytes, err := proto.Marshal(later)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"empty":         {nil, "it is empty"},
		"cut off":       {whole[:len(whole)-7], "cut off"},
		"HTML":          {[]byte("<!DOCTYPE html><html><body>404</body></html>"), "another kind of file"},
		"JSON":          {[]byte(`{"entities": []}`), "another kind of file"},
		"YAML":          {[]byte("project: p\nregistry: registry.db\n"), "another kind of file"},
		"SQLite":        {append([]byte("SQLite format 3\x00"), make([]byte, 4096)...), "another kind of file"},
		"other message": {[]byte("\x0a\x00"), "another kind of file"},
		"later schema":  {laterBytes, "its schema version is 2"},
	} {
		t.Run(name, func(t *testing.T) {
			writeFile(t, path, c.content)
			r := registryfile.Open(path, nil)
			_, err := r.Snapshot(t.Context(), "p")
			if asof.ErrorCode(err) != asof.CodeInvalid || !strings.Contains(err.Error(), path) ||
				!strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "run `asof apply`") {
				t.Errorf("%v; want the path, %q and a way out", err, c.want)
			}
			if _, err := r.Apply(t.Context(), "p", asof.Change{Put: []asof.Object{user}}); asof.ErrorCode(err) != asof.CodeInvalid {
				t.Errorf("an apply on it: %v", err)
			}
			if b, _ := os.ReadFile(path); !bytes.Equal(b, c.content) {
				t.Error("the file was changed")
			}
		})
	}
}

func TestWhatWeDoNotKnowIsKept(t *testing.T) {
	path, r := newRegistry(t)
	later := []byte{0xfa, 0x3f, 3, 'n', 'e', 'w'} // field 1023, a string
	m := readRegistry(t, path)
	m.ProtoReflect().SetUnknown(later)
	m.Infra = &core.Infra{InfraObjects: []*core.InfraObject{{InfraObjectClassType: "x"}}}
	m.FeatureTables = []*core.FeatureTable{{Spec: &core.FeatureTableSpec{Name: "old", Project: "p"}}}
	m.SavedDatasets = []*core.SavedDataset{{Spec: &core.SavedDatasetSpec{Name: "d", Project: "p", Features: []string{"f"}}}}
	m.Entities[0].Spec.ProtoReflect().SetUnknown(later)
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, b)

	changed := *user
	changed.Description = "who"
	s := mustApply(t, r, &changed)
	if d, ok := s.Object(asof.KindSavedDataset, "d").(*asof.Opaque); !ok || len(d.Meta.Stored) == 0 {
		t.Errorf("the saved dataset is listed as %v", s.Object(asof.KindSavedDataset, "d"))
	}
	now := readRegistry(t, path)
	if !bytes.Equal(now.ProtoReflect().GetUnknown(), later) {
		t.Error("an unknown field of the registry is lost")
	}
	if e := now.Entities[0].Spec; e.Description != "who" || !bytes.Equal(e.ProtoReflect().GetUnknown(), later) {
		t.Errorf("the entity is now %v", e)
	}
	if !proto.Equal(now.Infra, m.Infra) || len(now.FeatureTables) != 1 || !proto.Equal(now.SavedDatasets[0], m.SavedDatasets[0]) {
		t.Errorf("infra %v, feature tables %v, datasets %v", now.Infra, now.FeatureTables, now.SavedDatasets)
	}
	if now.VersionId == m.VersionId || now.VersionId == "" || now.RegistrySchemaVersion != "1" {
		t.Errorf("version id %q, then %q; schema %q", m.VersionId, now.VersionId, now.RegistrySchemaVersion)
	}
}

// TestFeastWrites: Feast empties the file and writes it again, in place, and a
// clock's tick may pass between two writes of one size or may not.
func TestFeastWrites(t *testing.T) {
	path, r := newRegistry(t)
	m := readRegistry(t, path)
	for _, description := range []string{"one", "two", "six", "ten"} {
		m.Entities[0].Spec.Description = description
		b, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, path, b)
		s, err := r.Snapshot(t.Context(), "p")
		if err != nil {
			t.Fatal(err)
		}
		if e, err := s.Entity("user"); err != nil || e.Description != description {
			t.Fatalf("read %v (%v) after %q was written", e, err, description)
		}
	}

	// A reader that comes between the two writes waits for the second.
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, nil)
	written := make(chan error, 1)
	go func() {
		time.Sleep(30 * time.Millisecond)
		written <- os.WriteFile(path, b, 0o666)
	}()
	if s, err := registryfile.Open(path, nil).Snapshot(t.Context(), "p"); err != nil || s.Project() == nil {
		t.Errorf("read while Feast was writing: %v", err)
	}
	if err := <-written; err != nil {
		t.Fatal(err)
	}
}

func TestUnchangedFileIsNotDecodedAgain(t *testing.T) {
	path, r := newRegistry(t)
	first, err := r.Snapshot(t.Context(), "p")
	if err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, old, old); err != nil { // touched, with the same content
		t.Fatal(err)
	}
	second, err := r.Snapshot(t.Context(), "p")
	if err != nil || second != first {
		t.Errorf("the same content was decoded again (%v)", err)
	}
}

func TestPermissionsAndLinksAreKept(t *testing.T) {
	path, _ := newRegistry(t)
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	mustApply(t, registryfile.Open(link, nil), &asof.Entity{Name: "shop", JoinKey: "shop_id"})
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is now %v (%v)", info.Mode(), err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the permissions are now %v (%v)", info.Mode(), err)
	}
	if n := len(readRegistry(t, path).Entities); n != 3 { // and the dummy entity
		t.Errorf("%d entities in the linked file, want 3", n)
	}
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(files) != 2 {
		t.Errorf("beside the registry and its lock: %v (%v)", files, err)
	}
}

func TestFailedWriteLeavesTheFile(t *testing.T) {
	path, r := newRegistry(t)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// A folder in the place of the draft fails the write for root, too.
	if err := os.MkdirAll(filepath.Join(filepath.Dir(path), ".registry.db.new", "full"), 0o777); err != nil {
		t.Fatal(err)
	}
	_, err = r.Apply(t.Context(), "p", asof.Change{Put: []asof.Object{&asof.Entity{Name: "shop", JoinKey: "s"}}})
	if err == nil || !strings.Contains(err.Error(), "cannot write registry "+path+", which is as it was") {
		t.Errorf("a write that fails: %v", err)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("the file was changed")
	}
}

// fullDiskEnv names the registry that a child process of TestFullDisk changes.
const fullDiskEnv = "ASOF_TEST_FULL_DISK"

// TestFullDisk runs out of room by the limit on the size of files. It is a whole
// process's, so it is a child's.
func TestFullDisk(t *testing.T) {
	if path := os.Getenv(fullDiskEnv); path != "" {
		writeWithoutRoom(path)
	}
	path, _ := newRegistry(t)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFullDisk$")
	child.Env = append(os.Environ(), fullDiskEnv+"="+path)
	told, err := child.Output()
	if err != nil || !bytes.Contains(told, []byte("file too large")) || !bytes.Contains(told, []byte("is as it was")) {
		t.Errorf("without room: %s (%v)", told, err)
	}
	after, _ := os.ReadFile(path)
	if !bytes.Equal(before, after) {
		t.Error("the file was changed")
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(path), ".registry.db.new")); !os.IsNotExist(err) {
		t.Errorf("the draft is left: %v", err)
	}
}

// writeWithoutRoom changes a registry whose files may not grow, says what came
// of it, and ends the process.
func writeWithoutRoom(path string) {
	info, err := os.Stat(path)
	if err == nil {
		limit := syscall.Rlimit{Cur: uint64(info.Size()), Max: uint64(info.Size())}
		err = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit)
	}
	if err == nil {
		big := &asof.Entity{Name: "big", JoinKey: "b", Description: strings.Repeat("x", 4096)}
		_, err = registryfile.Open(path, nil).Apply(context.Background(), "p", asof.Change{Put: []asof.Object{big}})
	}
	fmt.Print(err)
	os.Exit(0)
}

func TestLockIsWaitedFor(t *testing.T) {
	path, r := newRegistry(t)
	lock, err := os.Open(path + ".lock")
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	_, err = r.Apply(ctx, "p", asof.Change{Put: []asof.Object{&asof.Entity{Name: "shop", JoinKey: "s"}}})
	if asof.ErrorCode(err) != asof.CodeUnavailable || !strings.Contains(err.Error(), "another process") {
		t.Errorf("while another process holds the lock: %v", err)
	}
	if _, err := r.Snapshot(t.Context(), "p"); err != nil {
		t.Errorf("reading needs no lock: %v", err)
	}
}

func TestTeardownOfTheLastProjectRemovesTheFile(t *testing.T) {
	path, r := newRegistry(t)
	if _, err := r.Apply(t.Context(), "q", asof.Change{Put: []asof.Object{user}}); err != nil {
		t.Fatal(err)
	}
	if err := r.Teardown(t.Context(), "p"); err != nil {
		t.Fatal(err)
	}
	if m := readRegistry(t, path); len(m.Projects) != 1 || len(m.Entities) != 2 {
		t.Errorf("left of the file: %v", m)
	}
	if err := r.Teardown(t.Context(), "q"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the empty registry is still there: %v", err)
	}
}

// TestReadOnlyFolder works as a user who may read and not write; root gives up
// its rights on one thread, which ends with the goroutine.
func TestReadOnlyFolder(t *testing.T) {
	path, r := newRegistry(t)
	dir := filepath.Dir(path)
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o555); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o755); _ = os.Chmod(filepath.Dir(dir), 0o755) })
	if err := os.Remove(path + ".lock"); err != nil && os.Getuid() == 0 {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlock: the thread is not used again
		if os.Getuid() == 0 {
			if err := syscall.Setfsuid(65534); err != nil {
				done <- err
				return
			}
		}
		if s, err := registryfile.Open(path, nil).Snapshot(context.Background(), "p"); err != nil || s.Project() == nil {
			t.Errorf("a registry that may be read: %v", err)
		}
		_, err := r.Apply(context.Background(), "p", asof.Change{Put: []asof.Object{&asof.Entity{Name: "shop", JoinKey: "s"}}})
		done <- err
	}()
	err := <-done
	if asof.ErrorCode(err) != asof.CodeForbidden || !strings.Contains(err.Error(), path) ||
		!strings.Contains(err.Error(), "the folder must be writable for this user") {
		t.Errorf("a folder that may not be written: %v", err)
	}
}

// BenchmarkRegistry: a project of 200 views with 20 features each.
func BenchmarkRegistry(b *testing.B) {
	var put []asof.Object
	source := &asof.DataSource{Name: "source", Kind: asof.SourceFile, Path: "x.parquet", TimestampField: "at"}
	for i := range 200 {
		v := &asof.FeatureView{Name: fmt.Sprintf("view%d", i), Kind: asof.ViewPlain, Source: source, Online: true, Enabled: true}
		for j := range 20 {
			v.Features = append(v.Features, asof.Field{Name: fmt.Sprintf("f%d", j), Type: asof.Scalar(asof.TypeFloat32)})
		}
		put = append(put, v)
	}
	path := filepath.Join(b.TempDir(), "registry.db")
	r := registryfile.Open(path, nil)
	if _, err := r.Apply(b.Context(), "p", asof.Change{Put: put}); err != nil {
		b.Fatal(err)
	}
	b.Run("unchanged", func(b *testing.B) {
		time.Sleep(150 * time.Millisecond) // until its modification time can be relied on
		for b.Loop() {
			if _, err := r.Snapshot(b.Context(), "p"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("opened", func(b *testing.B) {
		for b.Loop() {
			if _, err := registryfile.Open(path, nil).Snapshot(b.Context(), "p"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("apply one", func(b *testing.B) {
		for b.Loop() {
			if _, err := r.Apply(b.Context(), "p", asof.Change{Put: put[:1]}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
