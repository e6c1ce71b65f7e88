package sqlite_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/entitykey"
	"github.com/asof-dev/asof/sqlite"
)

// fill makes the view ready in the store at the path and writes n rows.
func fill(t *testing.T, path string, n int) {
	t.Helper()
	o := openOnline(t, path)
	defer o.Close()
	if err := update(t, o); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Write(t.Context(), "p", view, rows(t, n)); err != nil {
		t.Fatal(err)
	}
}

func idKey(t *testing.T, id int64) []byte {
	t.Helper()
	encoder, err := entitykey.NewEncoder(3, "id")
	if err != nil {
		t.Fatal(err)
	}
	key, err := encoder.Append(nil, entitykey.Int64(id))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// readOne reads the key of the number and reports whether there is a row.
func readOne(t *testing.T, o *sqlite.Online, id int64) (bool, error) {
	t.Helper()
	r := &asof.Reading{View: view, Features: []string{"x"}, Keys: [][]byte{idKey(t, id)}}
	err := o.Read(t.Context(), "p", []*asof.Reading{r})
	return err == nil && r.Found[0], err
}

func wantRow(t *testing.T, o *sqlite.Online, id int64, want bool) {
	t.Helper()
	if found, err := readOne(t, o, id); err != nil || found != want {
		t.Errorf("row %d: found %t, %v; want %t", id, found, err, want)
	}
}

// TestFileIsRemovedAndReplaced does so under a store that has it open, for
// reading and for writing.
func TestFileIsRemovedAndReplaced(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "online.db")
	o := openOnline(t, path)
	defer o.Close()
	if err := update(t, o); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Write(t.Context(), "p", view, rows(t, 2)); err != nil {
		t.Fatal(err)
	}
	wantRow(t, o, 1, true)
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + end); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	_, err := readOne(t, o, 1)
	fails(t, err, asof.CodeNotFound, "asof apply")

	other := filepath.Join(dir, "other.db")
	fill(t, other, 1)
	if err := os.Rename(other, path); err != nil {
		t.Fatal(err)
	}
	wantRow(t, o, 0, true)
	wantRow(t, o, 1, false)
	if _, err := o.Write(t.Context(), "p", view, rows(t, 3)); err != nil {
		t.Fatal(err)
	}
	wantRow(t, o, 2, true)
}

// TestReadersSeeChangedTables lets another process's apply remove the view and
// make it anew.
func TestReadersSeeChangedTables(t *testing.T) {
	path := filepath.Join(t.TempDir(), "online.db")
	fill(t, path, 1)
	reader, other := openOnline(t, path), openOnline(t, path)
	defer reader.Close()
	defer other.Close()
	wantRow(t, reader, 0, true)
	if err := other.Update(t.Context(), "p", nil, []string{"v"}); err != nil {
		t.Fatal(err)
	}
	_, err := readOne(t, reader, 0)
	fails(t, err, asof.CodeNotFound, "asof apply")
	if err := update(t, other); err != nil {
		t.Fatal(err)
	}
	wantRow(t, reader, 0, false)
}

// TestReadsWhileTheFileIsReplaced has readers at work: each answer is of the
// one file or of the other.
func TestReadsWhileTheFileIsReplaced(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "online.db")
	fill(t, path, 1)
	o := openOnline(t, path)
	defer o.Close()
	done := make(chan struct{})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if found, err := readOne(t, o, 0); err != nil || !found {
					t.Errorf("found %t, %v", found, err)
					return
				}
			}
		})
	}
	for range 20 {
		other := filepath.Join(dir, "other.db")
		fill(t, other, 2)
		if err := os.Rename(other, path); err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	group.Wait()
	wantRow(t, o, 1, true)
}

// TestReadsAllocateNothingByKey holds a read of a thousand keys against one of
// a single key.
func TestReadsAllocateNothingByKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "online.db")
	fill(t, path, 1000)
	o := openOnline(t, path)
	defer o.Close()
	allocations := func(keys int64) float64 {
		r := &asof.Reading{View: view, Features: []string{"x"}}
		for id := range keys {
			r.Keys = append(r.Keys, idKey(t, id))
		}
		return testing.AllocsPerRun(20, func() {
			if err := o.Read(t.Context(), "p", []*asof.Reading{r}); err != nil || !r.Found[keys-1] {
				t.Fatal(err, r.Found[keys-1])
			}
		})
	}
	if one, many := allocations(1), allocations(1000); many > one {
		t.Errorf("%v allocations for one key, %v for a thousand", one, many)
	}
}
