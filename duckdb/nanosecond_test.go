package duckdb_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	asofduckdb "github.com/asof-dev/asof/duckdb"
	"github.com/asof-dev/asof/storetest"
)

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
