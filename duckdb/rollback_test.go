//go:build duckdb_arrow

package duckdb_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	asofduckdb "github.com/asof-dev/asof/duckdb"
)

// Appended rows stay also where they have been written into one file with those
// of the run that is rolled back.
func TestRollbackTakesMergedRowsApart(t *testing.T) {
	dir := t.TempDir()
	w, err := asofduckdb.OpenWarehouse(dir)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC)
	w.At(func() time.Time { return now })
	offline, err := asofduckdb.OpenOffline(asofduckdb.Options{Dir: t.TempDir(), Warehouse: w})
	if err != nil {
		t.Fatal(err)
	}
	defer offline.Close()
	publish(t, w, live, nil, "1", "old")
	wider := live
	wider.Columns = append(live.Columns[:2:2], asof.TableColumn{Name: "w", Type: "date"})
	publish(t, w, wider, nil, "1", "new", "2024-01-02")
	schema := arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int32}, {Name: "v", Type: arrow.BinaryTypes.String},
		{Name: "w", Type: arrow.FixedWidthTypes.Date32, Nullable: true}}, nil)
	const appends = 66 // two more than a table has parts
	for i := range appends {
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		b.Field(0).(*array.Int32Builder).Append(int32(100 + i))
		b.Field(1).(*array.StringBuilder).Append("pushed")
		b.Field(2).AppendNull()
		rows, err := array.NewRecordReader(schema, []arrow.RecordBatch{b.NewRecordBatch()})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := offline.Append(t.Context(), &asof.DataSource{Name: "s", Kind: asof.SourcePostgres, Table: "live"}, rows); err != nil {
			t.Fatal(err)
		}
	}
	now = now.Add(2 * time.Hour) // what nobody needs goes
	if _, err := w.Rollback(t.Context(), "r"); err != nil {
		t.Fatal(err)
	}
	rows, err := reader(w)(t.Context(), "SELECT count(*), max(id), min(v), max(v) FROM live")
	if want := fmt.Sprintf("[[%d 165 old pushed]]", appends+1); err != nil || fmt.Sprint(rows) != want {
		t.Errorf("live = %v, %v; want %s", rows, err, want)
	}
	if columns, err := reader(w)(t.Context(), "SELECT column_name FROM (DESCRIBE live)"); err != nil || fmt.Sprint(columns) != "[[id] [v]]" {
		t.Errorf("columns = %v, %v", columns, err)
	}
	now = now.Add(2 * time.Hour)
	publish(t, w, wider, nil, "1", "newer", "2024-01-03")
	if rows, err := reader(w)(t.Context(), "SELECT v, w FROM live WHERE id IN (1, 165) ORDER BY id"); err != nil || fmt.Sprint(rows) != "[[newer 2024-01-03] [pushed ∅]]" {
		t.Errorf("after another publication: %v, %v", rows, err)
	}
	if left := files(t, filepath.Join(dir, "live")); len(left) > 70 {
		t.Errorf("%d files are left", len(left))
	}
}
