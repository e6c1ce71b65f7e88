//go:build duckdb_arrow

package duckdb_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/asof-dev/asof"
	asofduckdb "github.com/asof-dev/asof/duckdb"
	"github.com/asof-dev/asof/storetest"
)

// offline opens a store over a folder of its own.
func offline(t *testing.T, o asofduckdb.Options) *asofduckdb.Offline {
	t.Helper()
	store, err := asofduckdb.OpenOffline(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// writer returns a DuckDB that writes files.
func writer(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(t.Context(), "SET TimeZone = 'UTC'"); err != nil {
		t.Fatal(err)
	}
	return db
}

func run(t *testing.T, statements ...string) {
	t.Helper()
	db := writer(t)
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%v in %s", err, s)
		}
	}
}

func TestOfflineParquet(t *testing.T) {
	storetest.Offline(t, overParquet(t, offline(t, asofduckdb.Options{})))
}

// TestOfflineInEngine has DuckDB match the rows, as for sources that are too
// large to be joined in memory.
func TestOfflineInEngine(t *testing.T) {
	storetest.Offline(t, overParquet(t, offline(t, asofduckdb.Options{}).InEngine()))
}

// TestOfflineStreaming holds no entity rows, as for more of them than are held.
func TestOfflineStreaming(t *testing.T) {
	storetest.Offline(t, overParquet(t, offline(t, asofduckdb.Options{}).Streaming()))
}

// TestOfflineStreamingInEngine has entity rows that are not held go to DuckDB.
func TestOfflineStreamingInEngine(t *testing.T) {
	storetest.Offline(t, overParquet(t, offline(t, asofduckdb.Options{}).Streaming().InEngine()))
}

// overParquet opens a store whose tables are Parquet files, a folder of them
// each time. The store is one and the same: most of a case is DuckDB's start.
func overParquet(t *testing.T, store *asofduckdb.Offline) func(*testing.T) storetest.OfflineUnderTest {
	t.Helper()
	db := writer(t)
	return func(t *testing.T) storetest.OfflineUnderTest {
		dir := t.TempDir()
		return storetest.OfflineUnderTest{Name: "parquet", OfflineStore: store,
			Load: func(t *testing.T, table storetest.OfflineTable) *asof.DataSource {
				path := filepath.Join(dir, table.Name+".parquet")
				if _, err := db.ExecContext(t.Context(), "COPY ("+table.Values()+") TO '"+path+"' (FORMAT parquet)"); err != nil {
					t.Fatal(err)
				}
				return &asof.DataSource{Name: table.Name, Kind: asof.SourceFile, Path: path}
			}}
	}
}

// fees answers "fee per user at the end of February" as user=fee, user=fee.
func fees(t *testing.T, store asof.OfflineStore, source *asof.DataSource) (string, error) {
	t.Helper()
	source.TimestampField = "as_of"
	q := &asof.Latest{To: time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC), View: asof.ViewQuery{View: "fees", Source: source, Timestamp: "as_of",
		Keys:     []asof.KeyColumn{{Column: "user_id", Entity: "user_id", Type: asof.Scalar(asof.TypeString)}},
		Features: []asof.FeatureColumn{{Column: "fee", Output: "fee", Type: asof.Scalar(asof.TypeFloat32)}}}}
	reader, err := store.PullLatest(t.Context(), q)
	if err != nil {
		return "", err
	}
	defer reader.Release()
	var found []string
	for reader.Next() {
		b := reader.RecordBatch()
		for i := range int(b.NumRows()) {
			found = append(found, b.Column(0).ValueStr(i)+"="+b.Column(3).ValueStr(i))
		}
	}
	slices.Sort(found)
	return strings.Join(found, ", "), reader.Err()
}

// A path is a file, a folder, a Hive-partitioned folder or a pattern.
func TestPaths(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a [*] repository")
	for _, sub := range []string{"flat", "hive/as_of=2024-01-31", "hive/as_of=2024-02-29", "months", "empty"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write := func(path, rows string) { run(t, "COPY ("+rows+") TO '"+filepath.Join(dir, path)+"'") }
	write("flat/1.parquet", "SELECT 'a' AS user_id, DATE '2024-01-31' AS as_of, 1.5::DECIMAL(8,2) AS fee")
	write("flat/2.parquet", "SELECT 'b' AS user_id, DATE '2024-01-31' AS as_of, 2.5::DOUBLE AS fee")
	write("hive/as_of=2024-01-31/x.parquet", "SELECT 'a' AS user_id, 1.5::REAL AS fee")
	write("hive/as_of=2024-02-29/x.parquet", "SELECT 'a' AS user_id, 2.5::REAL AS fee UNION ALL SELECT 'b', 3.5")
	write("months/m1.csv", "SELECT 'a' AS user_id, DATE '2024-01-31' AS as_of, 1.5 AS fee")
	write("months/m2.csv", "SELECT '007' AS user_id, DATE '2024-02-29' AS as_of, 2.5 AS fee")
	store := offline(t, asofduckdb.Options{Dir: dir})
	for _, c := range []struct {
		path   string
		format asof.FileFormat
		want   string
	}{
		{"flat/1.parquet", "", "a=1.5"},
		{"file://" + dir + "/flat/2.parquet", asof.FormatParquet, "b=2.5"},
		{"flat", "", "a=1.5, b=2.5"},
		{"hive", "", "a=2.5, b=3.5"},
		{"months", asof.FormatCSV, "007=2.5, a=1.5"},
		{"months/m1.csv", "", "a=1.5"},
		{"flat/3.parquet", "", `there is no file ` + dir + `/flat/3.parquet; did you mean "1.parquet" or "2.parquet"?`},
		{"empty", "", "holds no files of its format"},
		{"months", "", "holds CSV files, and a folder is taken for Parquet; write the path as " + dir + "/months/*.csv"},
		{"s3://bucket/x.parquet", "", "not on this machine"},
		{"table", asof.FormatDelta, "delta file"},
	} {
		got, err := fees(t, store, &asof.DataSource{Name: "fees", Kind: asof.SourceFile, Path: c.path, Format: c.format})
		if err != nil {
			got = err.Error()
			if asof.ErrorCode(err) != asof.CodeInvalid {
				t.Errorf("%s: code %s", c.path, asof.ErrorCode(err))
			}
		}
		if got != c.want && (err == nil || !strings.Contains(got, c.want)) {
			t.Errorf("%s: %s, want %s", c.path, got, c.want)
		}
	}
	plain := t.TempDir()
	run(t, "COPY (SELECT 'a' AS user_id, DATE '2024-01-31' AS as_of, 1.5 AS fee) TO '"+plain+"/p1.parquet'",
		"COPY (SELECT 'b' AS user_id, DATE '2024-01-31' AS as_of, 2.5 AS fee) TO '"+plain+"/q1.parquet'")
	if got, err := fees(t, offline(t, asofduckdb.Options{Dir: plain}), &asof.DataSource{Name: "fees", Kind: asof.SourceFile, Path: "p*.parquet"}); got != "a=1.5" || err != nil {
		t.Errorf("a pattern: %s %v", got, err)
	}
}

func TestWarehouseSources(t *testing.T) {
	w, err := asofduckdb.OpenWarehouse(filepath.Join(t.TempDir(), "warehouse"))
	if err != nil {
		t.Fatal(err)
	}
	publishFee(t, w, "fees", "1.25")
	store := offline(t, asofduckdb.Options{Warehouse: w})
	source := func(query, table string) *asof.DataSource {
		return &asof.DataSource{Name: "fees_source", Kind: asof.SourcePostgres, Query: query, Table: table}
	}
	for _, c := range []struct {
		source *asof.DataSource
		want   string
	}{
		{source("SELECT user_id, DATE '2024-01-31' AS as_of, fee FROM fees", ""), "a=1.25"},
		{source("SELECT user_id, DATE '2024-01-31' AS as_of, fee FROM Fees -- all", ""), "a=1.25"},
		{source("WITH f AS (SELECT * FROM fees) SELECT *, DATE '2024-01-31' AS as_of FROM f ;\n", ""), "a=1.25"},
		{source("SELECT 1; SELECT 2", ""), `the query of data source "fees_source" holds more than one statement`},
		{source("SELECT 1) AS x; DROP TABLE y; SELECT * FROM (SELECT 2", ""), "syntax error"},
		{source("CREATE TABLE x (y int)", ""), "is not a SELECT"},
		{source("SELECT * FROM fee", ""), `the warehouse has no table "fee"; did you mean "fees"?`},
		{source("", "public.feess"), `the warehouse has no table "feess"; did you mean "fees"?`},
		{source("SELECT user_id, fee FROM fees", ""), `has no column "as_of", its timestamp`},
	} {
		got, err := fees(t, store, c.source)
		if err != nil {
			got = err.Error()
			if asof.ErrorCode(err) != asof.CodeInvalid {
				t.Errorf("%s: code %s", c.source.Query, asof.ErrorCode(err))
			}
		}
		if got != c.want && (err == nil || !strings.Contains(got, c.want)) {
			t.Errorf("%s%s: %s\nwant %s", c.source.Query, c.source.Table, got, c.want)
		}
	}
	columns, err := store.Columns(t.Context(), source("", "fees"))
	if err != nil || len(columns) != 2 || columns[1].Native != "DECIMAL(8,2)" || columns[1].Type.Value != asof.TypeFloat64 {
		t.Errorf("columns: %v %v", columns, err)
	}
}

func publishFee(t *testing.T, w *asofduckdb.Warehouse, name, fee string) {
	t.Helper()
	table := asof.Table{Name: name, Key: []string{"user_id"}, Columns: []asof.TableColumn{{Name: "user_id", Type: "text"}, {Name: "fee", Type: "numeric(8,2)"}}}
	rows := storetest.OfflineTable{Name: name, Columns: table.Columns, Rows: [][]*string{{new("a"), &fee}}}.Records(t)
	defer rows.Release()
	reader, err := array.NewRecordReader(rows.Schema(), []arrow.RecordBatch{rows})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Release()
	stage, err := w.Stage(t.Context(), "run")
	if err != nil {
		t.Fatal(err)
	}
	defer stage.Discard(t.Context())
	if _, err := stage.Load(t.Context(), table, reader, func() string { return "" }); err != nil {
		t.Fatal(err)
	}
	if _, err := stage.Publish(t.Context(), asof.Publication{ID: "run", AsOf: time.Date(2024, 1, 31, 0, 0, 0, 0, time.UTC), Writes: []asof.Write{{Table: table}}}); err != nil {
		t.Fatal(err)
	}
}

// A cancelled context ends a query that runs.
func TestCancelInterrupts(t *testing.T) {
	w, err := asofduckdb.OpenWarehouse(filepath.Join(t.TempDir(), "warehouse"))
	if err != nil {
		t.Fatal(err)
	}
	store := offline(t, asofduckdb.Options{Warehouse: w, Memory: 1 << 30})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	source := &asof.DataSource{Name: "long", Kind: asof.SourcePostgres, TimestampField: "at",
		Query: "SELECT to_timestamp(sum(a.range * b.range % 7)) AS at FROM range(1000000) a, range(1000000) b"}
	start := time.Now()
	_, err = store.Range(ctx, source)
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 20*time.Second {
		t.Errorf("after %v: %v", time.Since(start), err)
	}
}
