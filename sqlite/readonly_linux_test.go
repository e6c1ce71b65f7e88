package sqlite_test

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqlite"
)

// asStranger does something as a user who may not write to the folder.
func asStranger(t *testing.T, dir string, do func()) {
	t.Helper()
	if os.Getuid() != 0 {
		if err := os.Chmod(dir, 0o555); err != nil {
			t.Fatal(err)
		}
		defer os.Chmod(dir, 0o755)
		do()
		return
	}
	runtime.LockOSThread() // the user of file access is a thread's
	defer runtime.UnlockOSThread()
	const nobody = 65534
	if err := syscall.Setfsuid(nobody); err != nil {
		t.Fatal(err)
	}
	defer syscall.Setfsuid(0)
	do()
}

// TestFolderThatIsReadOnly reads a store that belongs to another user, who
// writes to it now and then.
func TestFolderThatIsReadOnly(t *testing.T) {
	dir, err := os.MkdirTemp("", "asof-read-only-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "online.db")
	fill(t, path, 1)
	o := openOnline(t, path)
	read := func(id int64, want bool) {
		t.Helper()
		asStranger(t, dir, func() { wantRow(t, o, id, want) })
	}
	read(0, true)
	read(1, false)
	asStranger(t, dir, func() {
		if _, err := o.Write(t.Context(), "p", view, rows(t, 1)); asof.ErrorCode(err) != asof.CodeUnavailable {
			t.Errorf("writing: %v", err)
		}
	})

	fill(t, path, 2) // and closed again
	read(1, true)

	writer := openOnline(t, path)
	if _, err := writer.Write(t.Context(), "p", view, rows(t, 3)); err != nil {
		t.Fatal(err)
	}
	read(2, true) // while the writer has it open
	writer.Close()
	read(2, true)

	o.Close() // SQLite would use what it has open again
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	asStranger(t, dir, func() {
		fresh, err := sqlite.OpenOnline(path, 3)
		if err != nil {
			t.Fatal(err)
		}
		defer fresh.Close()
		_, err = readOne(t, fresh, 0)
		fails(t, err, asof.CodeUnavailable, "cannot be opened")
	})
}

// TestAskedByOneWhoMayOnlyRead lists keys and ledger in a folder of another
// user, who goes on writing to it.
func TestAskedByOneWhoMayOnlyRead(t *testing.T) {
	dir, err := os.MkdirTemp("", "asof-read-only-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "asof.db")
	run := func(view string) {
		t.Helper()
		l, err := sqlite.OpenLedger(path)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if _, err := l.Begin(t.Context(), asof.Materialization{Project: "p", View: view, Cause: "batch"}); err != nil {
			t.Fatal(err)
		}
	}
	run("first")
	l, err := sqlite.OpenLedger(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	listed := func(want int) {
		t.Helper()
		asStranger(t, dir, func() {
			if list, err := l.Materializations(t.Context(), asof.MaterializationQuery{Project: "p"}); err != nil || len(list) != want {
				t.Errorf("%d runs, %v; want %d", len(list), err, want)
			}
		})
	}
	listed(1)
	run("second") // what was read before has changed
	listed(2)

	store := filepath.Join(dir, "online.db")
	fill(t, store, 1)
	o := openOnline(t, store)
	defer o.Close()
	asStranger(t, dir, func() {
		if holds, err := o.Holds(t.Context(), "p"); err != nil || !holds {
			t.Errorf("rows: %t, %v", holds, err)
		}
	})
}
