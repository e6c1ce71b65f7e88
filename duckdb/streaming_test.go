//go:build duckdb_arrow

package duckdb_test

import (
	"context"
	"errors"
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
	asofduckdb "github.com/asof-dev/asof/duckdb"
	"github.com/asof-dev/asof/historical"
)

// Entity rows of the tests below: 22 MB in all.
const (
	streamBatches = 200
	streamRows    = 1000
)

// stream makes entity rows as they are read, and calls before ahead of each
// batch.
func stream(mem memory.Allocator, before func(batch int) error) array.RecordReader {
	schema := arrow.NewSchema([]arrow.Field{{Name: "user_id", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "event_timestamp", Type: arrow.FixedWidthTypes.Timestamp_us}, {Name: "note", Type: arrow.BinaryTypes.LargeString}}, nil)
	return array.ReaderFromIter(schema, func(yield func(arrow.RecordBatch, error) bool) {
		at := time.Date(2024, 2, 10, 0, 0, 0, 0, time.UTC).UnixMicro()
		for i := range streamBatches {
			if err := before(i); err != nil {
				yield(nil, err)
				return
			}
			b := array.NewRecordBuilder(mem, schema)
			for row := range streamRows {
				b.Field(0).(*array.StringBuilder).Append([]string{"a", "b", "nobody"}[row%3])
				b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(at))
				b.Field(2).(*array.LargeStringBuilder).Append(fmt.Sprintf("%0100d", i*streamRows+row))
			}
			batch := b.NewRecordBatch()
			b.Release()
			if !yield(batch, nil) {
				return
			}
		}
	})
}

// readStream joins entity rows with two views, checks what comes of them, and
// returns how many came.
func readStream(t *testing.T, ctx context.Context, store *asofduckdb.Offline, entities array.RecordReader) (int, error) {
	t.Helper()
	q := &asof.PointInTime{Entities: asof.EntityRows{Schema: entities.Schema(), Records: entities}, Timestamp: "event_timestamp"}
	for _, name := range []string{"fee", "hours"} {
		q.Views = append(q.Views, asof.ViewQuery{View: name, Source: &asof.DataSource{Name: name, Kind: asof.SourceFile, Path: name + ".parquet"}, Timestamp: "as_of",
			Keys:     []asof.KeyColumn{{Column: "user_id", Entity: "user_id", Type: asof.Scalar(asof.TypeString)}},
			Features: []asof.FeatureColumn{{Column: "x", Output: name, Type: asof.Scalar(asof.TypeInt64)}}})
	}
	answer, err := store.Historical(ctx, q)
	if err != nil {
		return 0, err
	}
	defer answer.Release()
	rows := 0
	for answer.Next() {
		b := answer.RecordBatch()
		for i := range int(b.NumRows()) {
			want := fmt.Sprintf("%0100d ", rows) + []string{"1 1", "2 2", "(null) (null)"}[rows%streamRows%3]
			if got := strings.Join([]string{b.Column(2).ValueStr(i), b.Column(3).ValueStr(i), b.Column(4).ValueStr(i)}, " "); got != want {
				t.Fatalf("row %d is %s, want %s", rows, got, want)
			}
			rows++
		}
	}
	return rows, answer.Err()
}

// Entity rows that are not held: however many there are, few are in memory at a
// time, and nothing stays behind, whatever happens.
func TestEntityRowsStream(t *testing.T) {
	broken := asof.Errorf(asof.CodeInvalid, "the entity rows end in the middle")
	for name, with := range map[string]func(*asofduckdb.Offline) *asofduckdb.Offline{
		"in memory":     (*asofduckdb.Offline).Streaming,
		"in the engine": func(o *asofduckdb.Offline) *asofduckdb.Offline { return o.Streaming().InEngine() },
	} {
		for happens, want := range map[string]error{"to the end": nil, "cancelled": context.Canceled, "broken": broken} {
			t.Run(name+", "+happens, func(t *testing.T) {
				dir := t.TempDir()
				for _, table := range []string{"fee", "hours"} {
					run(t, "COPY (SELECT 'a' AS user_id, DATE '2024-01-31' AS as_of, 1 AS x UNION ALL SELECT 'b', DATE '2024-01-31', 2) TO '"+dir+"/"+table+".parquet'")
				}
				mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
				defer mem.AssertSize(t, 0)
				spill := filepath.Join(dir, "spill")
				store, err := asofduckdb.OpenOffline(asofduckdb.Options{Dir: dir, Spill: spill})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				peak := 0
				entities := stream(mem, func(batch int) error {
					peak = max(peak, mem.CurrentAlloc())
					if batch == streamBatches/2 && happens == "cancelled" {
						cancel()
					}
					if batch == streamBatches/2 && happens == "broken" {
						return broken
					}
					return nil
				})
				rows, err := readStream(t, ctx, with(store.Allocating(mem)), entities)
				entities.Release()
				if !errors.Is(err, want) || want == nil && rows != streamBatches*streamRows {
					t.Errorf("%d rows, then %v", rows, err)
				}
				if peak > 4<<20 {
					t.Errorf("%d bytes were held at a time", peak)
				}
				if err := store.Close(); err != nil {
					t.Error(err)
				}
				if _, err := os.Stat(spill); !os.IsNotExist(err) {
					t.Errorf("the folder for what does not fit is left behind (%v)", err)
				}
			})
		}
	}
}

// Where there is no room on disk either, the message says so.
func TestEntityRowsWithoutRoom(t *testing.T) {
	dir := t.TempDir()
	for _, table := range []string{"fee", "hours"} {
		run(t, "COPY (SELECT 'a' AS user_id, DATE '2024-01-31' AS as_of, 1 AS x UNION ALL SELECT 'b', DATE '2024-01-31', 2) TO '"+dir+"/"+table+".parquet'")
	}
	entities := stream(memory.DefaultAllocator, func(int) error { return nil })
	defer entities.Release()
	store := offline(t, asofduckdb.Options{Dir: dir, Spill: filepath.Join(dir, "fee.parquet", "spill")}).Streaming().InEngine()
	_, err := readStream(t, t.Context(), store, entities)
	if want := "the entity rows do not fit in memory and cannot be kept on disk: mkdir "; asof.ErrorCode(err) != asof.CodeUnavailable || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v (%s)", err, asof.ErrorCode(err))
	}
}

// The progress of entity rows that stream goes to its end.
func TestStreamingProgress(t *testing.T) {
	dir := t.TempDir()
	run(t, "COPY (SELECT 'a' AS user_id, TIMESTAMP '2024-02-10' AS event_timestamp, i AS row FROM range(300000) AS rows(i)) TO '"+dir+"/asked.parquet'",
		"COPY (SELECT 'a' AS user_id, DATE '2024-01-31' AS as_of, 1 AS x) TO '"+dir+"/fee.parquet'")
	view := &asof.FeatureView{Name: "fee", Kind: asof.ViewPlain, Enabled: true, EntityColumns: []asof.Field{{Name: "user_id", Type: asof.Scalar(asof.TypeString)}},
		Features: []asof.Field{{Name: "x", Type: asof.Scalar(asof.TypeInt64)}},
		Source:   &asof.DataSource{Name: "fee", Kind: asof.SourceFile, Path: "fee.parquet", TimestampField: "as_of"}}
	var mu sync.Mutex
	done, calls := map[string]int64{}, map[string]int{}
	result, err := historical.Run(t.Context(), historical.Request{
		Snapshot: asof.NewSnapshot("1", time.Unix(0, 0), []asof.Object{&asof.Project{Name: "p"}, view}), Store: offline(t, asofduckdb.Options{Dir: dir}).Streaming(),
		References: []string{"fee:x"}, Entities: historical.Entities{Path: filepath.Join(dir, "asked.parquet")}, Output: filepath.Join(dir, "out.parquet"),
		Progress: func(step string, rows, total int64) {
			mu.Lock()
			defer mu.Unlock()
			if rows <= done[step] || total != 300_000 {
				t.Errorf("%s: %d of %d after %d", step, rows, total, done[step])
			}
			done[step], calls[step] = rows, calls[step]+1
		}})
	if err != nil || result.Rows != 300_000 {
		t.Fatalf("%d rows, %v", result.Rows, err)
	}
	for _, step := range []string{"read entity rows", "write training data"} {
		if done[step] != 300_000 || calls[step] < 5 {
			t.Errorf("%s: %d rows after %d calls", step, done[step], calls[step])
		}
	}
}

// Sources are held against what there is room for before they are read, and
// conditions that DuckDB can only guess at count.
func TestSourcesLargerThanMemory(t *testing.T) {
	dir := t.TempDir()
	run(t, "COPY (SELECT i AS user_id, 'x' || i AS text FROM range(100000) AS rows(i)) TO '"+dir+"/source.parquet'",
		"COPY (SELECT i AS user_id, 'x' || i AS text FROM range(100000) AS rows(i)) TO '"+dir+"/source.csv'")
	store := offline(t, asofduckdb.Options{Dir: dir})
	for _, file := range []string{"source.parquet", "source.csv"} {
		for where, rows := range map[string]int64{"true": 100_000, "text LIKE 'x%'": 100_000, "text LIKE 'x1%'": 11_111, "user_id < 10": 10, "user_id < 0": 0} {
			sql := fmt.Sprintf("SELECT * FROM '%s' WHERE %s", filepath.Join(dir, file), where)
			for limit, want := range map[int64]bool{rows: false, rows - 1: true, rows / 2: rows > 0, 2_000_000: false} {
				if got, err := store.Exceeds(t.Context(), sql, limit); got != want || err != nil {
					t.Errorf("%s: more than %d rows: %t, %v", sql, limit, got, err)
				}
			}
		}
	}
}
