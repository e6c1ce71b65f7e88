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

func TestAppendToOneFile(t *testing.T) {
	storetest.Append(t, overParquet(t, offline(t, asofduckdb.Options{})))
}

// TestAppendToFolder appends to folders of files, and to patterns.
func TestAppendToFolder(t *testing.T) {
	for name, pattern := range map[string]string{"folder": "", "pattern": "/*.parquet"} {
		t.Run(name, func(t *testing.T) {
			open := overParquet(t, offline(t, asofduckdb.Options{}))
			storetest.Append(t, func(t *testing.T) storetest.OfflineUnderTest {
				u := open(t)
				load := u.Load
				u.Load = func(t *testing.T, table storetest.OfflineTable) *asof.DataSource {
					source := load(t, table)
					folder := filepath.Join(t.TempDir(), table.Name)
					if err := os.Mkdir(folder, 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.Rename(source.Path, filepath.Join(folder, "a.parquet")); err != nil {
						t.Fatal(err)
					}
					source.Path = folder + pattern
					return source
				}
				return u
			})
		})
	}
}

// A live table of the warehouse takes rows whose keys are new, and a pipeline
// goes on from there; the tables that are written as a whole take none.
func TestAppendToWarehouse(t *testing.T) {
	w, err := asofduckdb.OpenWarehouse(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	users := asof.Table{Name: "users", Key: []string{"id"}, Columns: []asof.TableColumn{{Name: "id", Type: "bigint"}, {Name: "at", Type: "timestamptz"}, {Name: "fee", Type: "numeric(8,2)"}}}
	day := time.Date(2024, 1, 31, 0, 0, 0, 0, time.UTC)
	publish := func(run string, asOf time.Time, rows [][]any) {
		t.Helper()
		stage, err := w.Stage(t.Context(), run)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stage.Load(t.Context(), users, usersOf(t, rows...)); err != nil {
			t.Fatal(err)
		}
		month := asof.Publication{ID: run, AsOf: asOf, Upserts: []asof.Upsert{{Table: users}},
			Frozen: []asof.Frozen{{Table: asof.Table{Name: "months", Key: users.Key, Columns: users.Columns}, SQL: "SELECT * FROM users"}}}
		if _, err := stage.Publish(t.Context(), month); err != nil {
			t.Fatal(err)
		}
	}
	publish("r1", day, [][]any{{1, 10, "1.50"}, {2, 20, "2.50"}})
	store := offline(t, asofduckdb.Options{Warehouse: w})
	source := &asof.DataSource{Name: "users", Kind: asof.SourcePostgres, Table: "public.Users", TimestampField: "at"}
	for i := range 70 { // more than are kept apart
		rows := usersOf(t, []any{100 + i, 5, "0.25"})
		if n, err := store.Append(t.Context(), source, rows); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
	span := func(want int64) {
		t.Helper()
		if got, err := store.Range(t.Context(), source); err != nil || got.Rows != want {
			t.Errorf("%+v, %v, want %d rows", got, err, want)
		}
	}
	span(72)
	for says, rows := range map[string]array.RecordReader{
		`the key id=100 already`:   usersOf(t, []any{7, 5, "0"}, []any{100, 5, "0"}),
		`2 rows have the key id=9`: usersOf(t, []any{9, 5, "0"}, []any{9, 6, "0"}),
	} {
		if n, err := store.Append(t.Context(), source, rows); n != 0 || asof.ErrorCode(err) != asof.CodeInvalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%d, %v, want one that says %s", n, err, says)
		}
	}
	span(72)
	publish("r2", day.AddDate(0, 1, 0), [][]any{{2, 21, "2.75"}, {100, 6, "9"}, {3, 1, "3"}})
	span(73)

	if err := storetest.Replace(t.Context(), w, "training", "", usersOf(t, []any{1, 1, "1"})); err != nil {
		t.Fatal(err)
	}
	for table, says := range map[string]string{"training": "training set", "months": "snapshots"} {
		source.Table = table
		if _, err := store.Append(t.Context(), source, usersOf(t, []any{2, 1, "1"})); asof.ErrorCode(err) != asof.CodeInvalid || !strings.Contains(err.Error(), says) {
			t.Errorf("rows for %s: %v", table, err)
		}
	}
}

// usersOf makes rows of id, seconds and fee.
func usersOf(t *testing.T, rows ...[]any) array.RecordReader {
	t.Helper()
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "at", Type: asof.Timestamp, Nullable: true}, {Name: "fee", Type: &arrow.Decimal128Type{Precision: 8, Scale: 2}, Nullable: true}}, nil))
	defer b.Release()
	for _, row := range rows {
		b.Field(0).(*array.Int64Builder).Append(int64(row[0].(int)))
		b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(row[1].(int) * 1_000_000))
		if err := b.Field(2).AppendValueFromString(row[2].(string)); err != nil {
			t.Fatal(err)
		}
	}
	batch := b.NewRecordBatch()
	defer batch.Release()
	reader, err := array.NewRecordReader(batch.Schema(), []arrow.RecordBatch{batch})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reader.Release)
	return reader
}
