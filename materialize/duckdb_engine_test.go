//go:build duckdb_arrow

package materialize_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/duckdb"
)

var engines = map[string]func(*testing.T) engine{"memory": inMemory, "duckdb": inParquet}

// inParquet keeps each table in a Parquet file, which DuckDB reads.
func inParquet(t *testing.T) engine {
	dir := t.TempDir()
	store, err := duckdb.OpenOffline(duckdb.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	put := func(t *testing.T, table string, rows arrow.RecordBatch) {
		t.Helper()
		file, err := os.Create(filepath.Join(dir, table+".parquet"))
		if err != nil {
			t.Fatal(err)
		}
		whole := array.NewTableFromRecords(rows.Schema(), []arrow.RecordBatch{rows})
		defer whole.Release()
		if err := pqarrow.WriteTable(whole, file, 1<<20, parquet.NewWriterProperties(), pqarrow.DefaultWriterProps()); err != nil {
			t.Fatal(err)
		}
	}
	return engine{store, put, func(table string) *asof.DataSource {
		return &asof.DataSource{Kind: asof.SourceFile, Path: table + ".parquet"}
	}}
}
