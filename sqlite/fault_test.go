package sqlite_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqlite"
)

var view = &asof.FeatureView{Name: "v", EntityColumns: []asof.Field{{Name: "id", Type: asof.Scalar(asof.TypeInt64)}},
	Features: []asof.Field{{Name: "x", Type: asof.Scalar(asof.TypeString)}}}

// rows makes rows of the view, of about a kilobyte each.
func rows(t *testing.T, n int) arrow.RecordBatch {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64}, {Name: asof.EventTimestamp, Type: asof.Timestamp},
		{Name: asof.CreatedTimestamp, Type: asof.Timestamp, Nullable: true}, {Name: "x", Type: arrow.BinaryTypes.String}}, nil)
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(`{"id": %d, "event_timestamp": "2024-01-01T00:00:00Z", "x": %q}`, i, strings.Repeat("x", 1000))
	}
	b, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader("["+strings.Join(all, ",")+"]"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func update(t *testing.T, o *sqlite.Online) error {
	return o.Update(t.Context(), "p", []*asof.FeatureView{view}, nil)
}

func fails(t *testing.T, err error, code asof.Code, says string) {
	t.Helper()
	if asof.ErrorCode(err) != code || !strings.Contains(err.Error(), says) {
		t.Errorf("got %v (%s), want %s that says %q", err, asof.ErrorCode(err), code, says)
	}
}

func TestFullDisk(t *testing.T) {
	o := openOnline(t, filepath.Join(t.TempDir(), "online.db"))
	defer o.Close()
	if err := update(t, o); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Write(t.Context(), "p", view, rows(t, 1)); err != nil {
		t.Fatal(err)
	}
	if err := o.FillDisk(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := o.Write(t.Context(), "p", view, rows(t, 1000))
	fails(t, err, asof.CodeUnavailable, "the disk is full")
	r := &asof.Reading{View: view, Features: []string{"x"}, Keys: [][]byte{{1}}}
	if err := o.Read(t.Context(), "p", []*asof.Reading{r}); err != nil {
		t.Errorf("reading from a full disk: %v", err)
	}
}

func TestLockedByAnotherProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "online.db")
	o := openOnline(t, path)
	defer o.Close()
	o.Impatient(50 * time.Millisecond)
	if err := update(t, o); err != nil {
		t.Fatal(err)
	}
	other, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	tx, err := other.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.Exec("CREATE TABLE held (x)"); err != nil {
		t.Fatal(err)
	}
	_, err = o.Write(t.Context(), "p", view, rows(t, 1))
	fails(t, err, asof.CodeUnavailable, "another process has held it for more than 50ms")
	r := &asof.Reading{View: view, Features: []string{"x"}, Keys: [][]byte{{1}}}
	if err := o.Read(t.Context(), "p", []*asof.Reading{r}); err != nil {
		t.Errorf("reading while another process writes: %v", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Write(t.Context(), "p", view, rows(t, 1)); err != nil {
		t.Errorf("writing after the other process is done: %v", err)
	}
}

func TestFileThatIsNoDatabase(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "online.db")
	if err := os.WriteFile(path, bytes.Repeat([]byte("no database "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	o := openOnline(t, path)
	defer o.Close()
	fails(t, update(t, o), asof.CodeInvalid, "no SQLite database")
	fails(t, o.Read(t.Context(), "p", []*asof.Reading{{View: view}}), asof.CodeInvalid, "no SQLite database")

	below := openOnline(t, filepath.Join(path, "online.db"))
	defer below.Close()
	fails(t, update(t, below), asof.CodeUnavailable, "cannot make the folder")
	folder := openOnline(t, dir)
	defer folder.Close()
	fails(t, update(t, folder), asof.CodeUnavailable, "cannot be opened or made")
}

// TestFirstUseByManyAtOnce makes the file with several stores at once, as
// processes that start together do.
func TestFirstUseByManyAtOnce(t *testing.T) {
	for range 20 {
		path := filepath.Join(t.TempDir(), "online.db")
		var group sync.WaitGroup
		for range 8 {
			o := openOnline(t, path)
			group.Go(func() {
				defer o.Close()
				if err := update(t, o); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	}
}

func TestReadingMakesNoFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "online.db")
	o := openOnline(t, path)
	defer o.Close()
	fails(t, o.Read(t.Context(), "p", []*asof.Reading{{View: view}}), asof.CodeNotFound, "asof apply")
	if err := o.Teardown(t.Context(), "p", []string{"v"}); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the file is there: %v", err)
	}
	if _, err := sqlite.OpenOnline(path, 1); asof.ErrorCode(err) != asof.CodeInvalid {
		t.Errorf("entity keys of version 1: %v", err)
	}
}
