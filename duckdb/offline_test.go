//go:build duckdb_arrow

package duckdb_test

import (
	"context"
	"database/sql"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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

func TestOfflineCSV(t *testing.T) {
	store := offline(t, asofduckdb.Options{})
	storetest.Offline(t, func(t *testing.T) storetest.OfflineUnderTest {
		dir := t.TempDir()
		return storetest.OfflineUnderTest{Name: "csv", OfflineStore: store,
			Load: func(t *testing.T, table storetest.OfflineTable) *asof.DataSource {
				path := filepath.Join(dir, table.Name+".csv")
				writeCSV(t, path, table)
				return &asof.DataSource{Name: table.Name, Kind: asof.SourceFile, Path: path}
			}}
	})
}

func writeCSV(t *testing.T, path string, table storetest.OfflineTable) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := csv.NewWriter(f)
	var header []string
	for _, c := range table.Columns {
		header = append(header, c.Name)
	}
	_ = w.Write(header)
	for _, row := range table.Rows {
		var values []string
		for i, v := range row {
			text := ""
			if v != nil {
				text = table.Plain(t, i, *v)
			}
			values = append(values, text)
		}
		_ = w.Write(values)
	}
	w.Flush()
	if err := w.Error(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
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

// What is wrong in a CSV file is said, with its place, and nothing of it
// becomes a NULL.
func TestBadCSV(t *testing.T) {
	dir := t.TempDir()
	store := offline(t, asofduckdb.Options{Dir: dir})
	path := filepath.Join(dir, "fees.csv")
	for rows, want := range map[string]string{
		"a,2024-01-31,1\n":                          "a=1",
		"a,2024-01-31,\"1\"\nb,,2\n":                "a=1",
		"a,2024-01-31,1\nb,someday,2\n":             `someday`,
		"a,2024-01-31,1\nb,2024-01-31,lots\n":       `holds "lots" where user_id=b, which does not fit its declared type Float32`,
		"a,2024-01-31,1e39\n":                       `holds "1e39" where user_id=a`,
		"a,2024-01-31,1\nb,2024-01-31\n":            path + " is no CSV table",
		"a,2024-01-31,1\nb,2024-01-31,\"Zo\xeb\"\n": path + ", line 3: Invalid unicode",
	} {
		if err := os.WriteFile(path, []byte("user_id,as_of,fee\n"+rows), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := fees(t, store, &asof.DataSource{Name: "fees", Kind: asof.SourceFile, Path: "fees.csv"})
		if err != nil {
			got = err.Error()
			if asof.ErrorCode(err) != asof.CodeInvalid {
				t.Errorf("%q: code %s", rows, asof.ErrorCode(err))
			}
		}
		if got != want && (err == nil || !strings.Contains(got, want)) {
			t.Errorf("%q: %s, want %s", rows, got, want)
		}
	}
}

// A PostgreSQLSource sees the warehouse's tables by their names, and one
// SELECT only.
// TestEmptyCSV reads files in which the columns of times hold nothing, so that
// only the source says that they are times.
func TestEmptyCSV(t *testing.T) {
	dir := t.TempDir()
	store := offline(t, asofduckdb.Options{Dir: dir})
	for text, rows := range map[string]int64{"k,ts,made\n": 0, "k,ts,made\n7,2024-01-31,\n": 1} {
		if err := os.WriteFile(filepath.Join(dir, "few.csv"), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		source := &asof.DataSource{Name: "few", Kind: asof.SourceFile, Path: "few.csv", TimestampField: "ts", CreatedField: "made"}
		span, err := store.Range(t.Context(), source)
		if err != nil || span.Rows != rows {
			t.Errorf("%q: %d rows, %v", text, span.Rows, err)
		}
		columns, err := store.Columns(t.Context(), source)
		if err != nil || len(columns) != 3 || !columns[1].IsTime || !columns[2].IsTime {
			t.Errorf("%q: %v, %v", text, columns, err)
		}
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
	if _, err := stage.Load(t.Context(), table, reader); err != nil {
		t.Fatal(err)
	}
	if _, err := stage.Publish(t.Context(), asof.Publication{ID: "run", AsOf: time.Date(2024, 1, 31, 0, 0, 0, 0, time.UTC), Upserts: []asof.Upsert{{Table: table}}}); err != nil {
		t.Fatal(err)
	}
}

// Finer than a microsecond, a source's time is rounded up and an entity's down.
func TestNanoseconds(t *testing.T) {
	dir := t.TempDir()
	run(t, "COPY (SELECT 'a' AS user_id, TIMESTAMP_NS '2024-01-01 00:00:00.000001001' AS at, 1 AS n UNION ALL SELECT 'old', TIMESTAMP_NS '1969-12-31 23:59:59.999998999', 2) TO '"+dir+"/n.parquet'")
	store := offline(t, asofduckdb.Options{Dir: dir})
	nanos := &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "UTC"}
	schema := arrow.NewSchema([]arrow.Field{{Name: "user_id", Type: arrow.BinaryTypes.String}, {Name: "event_timestamp", Type: nanos}}, nil)
	rows, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(`[
		{"user_id":"a","event_timestamp":"2024-01-01T00:00:00.000001999Z"}, {"user_id":"a","event_timestamp":"2024-01-01T00:00:00.000002Z"},
		{"user_id":"old","event_timestamp":"1969-12-31T23:59:59.999998999Z"}, {"user_id":"old","event_timestamp":"1969-12-31T23:59:59.999999999Z"}]`))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Release()
	reader, err := array.NewRecordReader(schema, []arrow.RecordBatch{rows})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Release()
	answer, err := store.Historical(t.Context(), &asof.PointInTime{Entities: asof.EntityRows{Schema: schema, Records: reader}, Timestamp: "event_timestamp",
		Views: []asof.ViewQuery{{View: "v", Source: &asof.DataSource{Name: "n", Kind: asof.SourceFile, Path: "n.parquet"}, Timestamp: "at",
			Keys:     []asof.KeyColumn{{Column: "user_id", Entity: "user_id", Type: asof.Scalar(asof.TypeString)}},
			Features: []asof.FeatureColumn{{Column: "n", Output: "n", Type: asof.Scalar(asof.TypeInt64)}}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Release()
	var got []string
	for answer.Next() {
		b := answer.RecordBatch()
		if !arrow.TypeEqual(b.Schema().Field(1).Type, nanos) {
			t.Errorf("the entity time has become %s", b.Schema().Field(1).Type)
		}
		for i := range int(b.NumRows()) {
			got = append(got, b.Column(2).ValueStr(i))
		}
	}
	if want := []string{"(null)", "1", "(null)", "2"}; answer.Err() != nil || !slices.Equal(got, want) {
		t.Errorf("%v (%v), want %v", got, answer.Err(), want)
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

// Nanoseconds with a time zone, as pandas writes them, are taken where they are
// whole microseconds; where DuckDB would cut something off, they are refused.
func TestZonedNanoseconds(t *testing.T) {
	dir := t.TempDir()
	store := offline(t, asofduckdb.Options{Dir: dir})
	for name, c := range map[string]struct {
		nanos int64
		want  string
	}{"whole": {1_706_659_200_000_001_000, "a=12.5"}, "finer": {1_706_659_200_000_000_001, `holds a time finer than a microsecond with a time zone`}} {
		storetest.RunPython(t, `
import sys, pyarrow as pa, pyarrow.parquet as pq
at = pa.array([int(sys.argv[2]), None], pa.timestamp("ns", "UTC"))
pq.write_table(pa.table({"user_id": ["a", "b"], "as_of": at, "fee": [12.5, 1.0]}), sys.argv[1])
`, filepath.Join(dir, name+".parquet"), fmt.Sprint(c.nanos))
		got, err := fees(t, store, &asof.DataSource{Name: name, Kind: asof.SourceFile, Path: name + ".parquet"})
		if err != nil {
			got = err.Error()
			if asof.ErrorCode(err) != asof.CodeInvalid {
				t.Errorf("%s: code %s", name, asof.ErrorCode(err))
			}
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
