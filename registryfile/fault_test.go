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

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/registryfile"
)

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
