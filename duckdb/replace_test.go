//go:build duckdb_arrow

package duckdb_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	asofduckdb "github.com/asof-dev/asof/duckdb"
	"github.com/asof-dev/asof/storetest"
)

// replaceBy writes one row of whole numbers into a table.
func replaceBy(t *testing.T, w *asofduckdb.Warehouse, table string, value int64, columns ...string) error {
	t.Helper()
	fields := make([]arrow.Field, len(columns))
	for i, name := range columns {
		fields[i] = arrow.Field{Name: name, Type: arrow.PrimitiveTypes.Int64}
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	for i := range columns {
		b.Field(i).(*array.Int64Builder).Append(value)
	}
	rows, err := array.NewRecordReader(b.Schema(), []arrow.RecordBatch{b.NewRecordBatch()})
	if err != nil {
		t.Fatal(err)
	}
	return storetest.Replace(t.Context(), w, table, "id", rows)
}

func TestReplacementIsToldApart(t *testing.T) {
	w, err := asofduckdb.OpenWarehouse(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := replaceBy(t, w, "Training", 1, "n"); err != nil {
		t.Fatal(err)
	}
	for says, try := range map[string]func() error{
		`there is a table "Training", which SQL does not tell from "training"`: func() error { return replaceBy(t, w, "training", 2, "n") },
		`the columns "n" and "N", which SQL does not tell apart`:               func() error { return replaceBy(t, w, "Training", 2, "n", "N") },
		`column 2 of the table "Training" would have no name`:                  func() error { return replaceBy(t, w, "Training", 2, "n", "") },
	} {
		if err := try(); asof.ErrorCode(err) != asof.CodeInvalid || !strings.Contains(err.Error(), says) {
			t.Errorf("error = %v, want one that says %s", err, says)
		}
	}
	if rows, err := reader(w)(t.Context(), `SELECT n FROM "Training"`); err != nil || rows[0][0] != "1" {
		t.Errorf("Training = %v, %v", rows, err)
	}
}

// Readers that pinned the old table keep it; its file goes when nobody needs
// it, and so does what dead processes left. Live ones keep theirs.
func TestReplacedFilesGoWhenNobodyNeedsThem(t *testing.T) {
	dir := t.TempDir()
	w, err := asofduckdb.OpenWarehouse(dir)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC)
	w.At(func() time.Time { return now })
	replace := func(value int64) {
		t.Helper()
		if err := replaceBy(t, w, "training", value, "n"); err != nil {
			t.Fatal(err)
		}
	}
	replace(1)
	pin, err := w.Pin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	replace(2)
	now = now.Add(2 * time.Hour)
	replace(3)
	if rows, err := reader(w)(t.Context(), "SELECT n FROM "+pin.Tables()[0].Relation); err != nil || rows[0][0] != "1" {
		t.Errorf("through the pin: %v, %v", rows, err)
	}
	pin.Release()

	running, err := w.Replace(t.Context(), "other")
	if err != nil {
		t.Fatal(err)
	}
	empty := array.ReaderFromIter(arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil), func(func(arrow.RecordBatch, error) bool) {})
	defer empty.Release()
	if _, err := running.Write(t.Context(), empty); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(dir, "asof_tables", strings.Repeat("0", 32)+".parquet")
	for _, file := range []string{left, left + ".part"} {
		if err := os.WriteFile(file, []byte("half"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	now = now.Add(2 * time.Hour)
	replace(4)
	if err := running.Commit(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Join(dir, "asof_tables"))
	if err != nil || len(entries) != 3 { // training, what it just replaced, other
		t.Errorf("%v, %v; want three files", entries, err)
	}
	if rows, err := reader(w)(t.Context(), "SELECT n FROM training"); err != nil || rows[0][0] != "4" {
		t.Errorf("training = %v, %v", rows, err)
	}
}
