package registryfile_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/registryfile"
)

// crashEnv names the registry that a child process of TestKilledWriter changes
// until it is killed.
const crashEnv = "ASOF_TEST_KILLED_WRITER"

// TestKilledWriter kills a process that changes the registry, at twenty points
// of its work, while this one reads: every read is a whole registry with all
// that was in it before, the lock of the dead is free, and no draft piles up.
func TestKilledWriter(t *testing.T) {
	if path := os.Getenv(crashEnv); path != "" {
		writeForever(t, path)
	}
	path := filepath.Join(t.TempDir(), "registry.db")
	r := registryfile.Open(path, nil)
	mustApply(t, r, user)
	seen := 0
	for i := range 20 {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledWriter$")
		child.Env = append(os.Environ(), crashEnv+"="+path)
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		// However slow the machine, the child dies at work: after its first
		// write, a little later each time.
		for wrote := seen + 1; seen < wrote && t.Context().Err() == nil; {
			seen = countEntities(t, r, seen)
		}
		for until := time.Now().Add(time.Duration(i) * 700 * time.Microsecond); time.Now().Before(until); {
			seen = countEntities(t, r, seen)
		}
		_ = child.Process.Kill()
		_ = child.Wait()
		seen = countEntities(t, r, seen)
	}
	s := mustApply(t, r, &asof.Entity{Name: "after", JoinKey: "a"})
	if len(s.Entities()) != seen+1 {
		t.Errorf("%d entities after one more, want %d", len(s.Entities()), seen+1)
	}
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(files) != 2 {
		t.Errorf("beside the registry and its lock: %v (%v)", files, err)
	}
}

// countEntities fails the test where there are fewer entities than before.
func countEntities(t *testing.T, r *registryfile.Registry, before int) int {
	t.Helper()
	s, err := r.Snapshot(t.Context(), "p")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(s.Entities()); n >= before {
		return n
	}
	t.Fatalf("%d entities, where %d were read before", len(s.Entities()), before)
	return 0
}

func writeForever(t *testing.T, path string) {
	r := registryfile.Open(path, nil)
	for i := 0; ; i++ {
		name := fmt.Sprintf("e%d_%d", os.Getpid(), i)
		mustApply(t, r, &asof.Entity{Name: name, JoinKey: name})
	}
}
