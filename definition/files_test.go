package definition_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/asof-dev/asof/definition"
)

// TestStampChangesWithTheFiles that definitions are read from, and with no
// others.
func TestStampChangesWithTheFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	last := ""
	for i, step := range []struct {
		name, text string
		changes    bool
	}{{"views.py", "a = 1", true}, {"part/__init__.py", "b = 1", true}, {"views.py", "a = 12", true}, {"data/rows.csv", "1", false},
		{".feastignore", "old", true}, {"old/views.py", "c = 1", false}, {"venv/lib.py", "d = 1", false}} {
		write(step.name, step.text)
		stamp, err := definition.Stamp(&definition.Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if (stamp != last) != step.changes {
			t.Errorf("%d: after writing %s the stamp is\n%s", i, step.name, stamp)
		}
		last = stamp
	}
	if _, err := definition.Stamp(&definition.Config{Dir: filepath.Join(dir, "none")}); err == nil {
		t.Error("a folder that is not there has a stamp")
	}
}
