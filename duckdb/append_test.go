//go:build duckdb_arrow

package duckdb_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

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
		if _, err := stage.Load(t.Context(), users, usersOf(t, rows...), func() string { return "" }); err != nil {
			t.Fatal(err)
		}
		month := asof.Publication{ID: run, AsOf: asOf, Writes: []asof.Write{{Table: users}},
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

func TestAppendToOneFileKilled(t *testing.T) { appendKilled(t, "trips.parquet", "trips.parquet") }

func TestAppendToFolderKilled(t *testing.T) { appendKilled(t, "trips", "trips/a.parquet") }

// appendKilled appends to a source in a folder, whose first file is at a path in
// there.
func appendKilled(t *testing.T, source, first string) {
	storetest.AppendKilled(t,
		func(t *testing.T) string {
			dir := t.TempDir()
			path := filepath.Join(dir, first)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			run(t, "COPY ("+storetest.AppendedTrips(t).Values()+") TO '"+path+"' (FORMAT parquet)")
			return dir
		},
		func(t *testing.T, dir string, step func(string)) (storetest.OfflineUnderTest, *asof.DataSource) {
			store := offline(t, asofduckdb.Options{Dir: dir})
			store.OnAppendStep(step)
			return storetest.OfflineUnderTest{Name: "parquet", OfflineStore: store}, &asof.DataSource{Name: "trips", Kind: asof.SourceFile, Path: source}
		}, unfinished)
}

// unfinished lists what appends have left in a folder.
func unfinished(t *testing.T, dir string) (left []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if strings.HasPrefix(filepath.Base(path), ".asof-") {
			left = append(left, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return left
}

func TestAppendToWarehouseKilled(t *testing.T) {
	open := func(t *testing.T, dir string) *asofduckdb.Warehouse {
		w, err := asofduckdb.OpenWarehouse(dir)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	storetest.AppendKilled(t,
		func(t *testing.T) string {
			dir := t.TempDir()
			made := storetest.AppendedTrips(t)
			table := asof.Table{Name: made.Name, Key: []string{"driver", "event"}, Columns: made.Columns}
			rows := made.Records(t)
			defer rows.Release()
			reader, err := array.NewRecordReader(rows.Schema(), []arrow.RecordBatch{rows})
			if err != nil {
				t.Fatal(err)
			}
			defer reader.Release()
			stage, err := open(t, dir).Stage(t.Context(), "first")
			if err == nil {
				_, err = stage.Load(t.Context(), table, reader, func() string { return "" })
			}
			if err == nil {
				_, err = stage.Publish(t.Context(), asof.Publication{ID: "first", Writes: []asof.Write{{Table: table}}})
			}
			if err != nil {
				t.Fatal(err)
			}
			return dir
		},
		func(t *testing.T, dir string, step func(string)) (storetest.OfflineUnderTest, *asof.DataSource) {
			w := open(t, dir)
			w.OnStep(step)
			store := offline(t, asofduckdb.Options{Dir: dir, Warehouse: w})
			store.OnAppendStep(step)
			return storetest.OfflineUnderTest{Name: "warehouse", OfflineStore: store}, &asof.DataSource{Name: "trips", Kind: asof.SourcePostgres, Table: "trips"}
		},
		func(t *testing.T, dir string) []string { // and of parts, those that nothing names
			left := unfinished(t, dir)
			text, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
			if err != nil {
				t.Fatal(err)
			}
			entries, err := os.ReadDir(filepath.Join(dir, "trips"))
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if !strings.Contains(string(text), e.Name()) {
					left = append(left, e.Name())
				}
			}
			return left
		})
}

// What is beside the rows stays as it is: a link, the rights of a file, the
// columns of its pandas; and what cannot take rows says why.
func TestAppendBesides(t *testing.T) {
	dir := t.TempDir()
	store := offline(t, asofduckdb.Options{Dir: dir})
	write := func(path, options string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o755); err != nil {
			t.Fatal(err)
		}
		run(t, "COPY ("+storetest.AppendedTrips(t).Values()+") TO '"+filepath.Join(dir, path)+"' ("+options+")")
	}
	write("real.parquet", "FORMAT parquet")
	if err := errors.Join(os.Chmod(filepath.Join(dir, "real.parquet"), 0o640), os.Symlink("real.parquet", filepath.Join(dir, "link.parquet"))); err != nil {
		t.Fatal(err)
	}
	write("months/month=1/a.parquet", "FORMAT parquet")
	write("months/month=2/a.parquet", "FORMAT parquet")
	write("trips.csv", "FORMAT csv, HEADER")
	write("part-1.parquet", "FORMAT parquet")
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	append := func(path string) error {
		rows := storetest.AppendedTrips(t).Records(t)
		defer rows.Release()
		reader, err := array.NewRecordReader(rows.Schema(), []arrow.RecordBatch{rows})
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Release()
		_, err = store.Append(t.Context(), &asof.DataSource{Name: "trips", Kind: asof.SourceFile, Path: path}, reader)
		return err
	}
	if err := append("link.parquet"); err != nil {
		t.Fatal(err)
	}
	link, err := os.Lstat(filepath.Join(dir, "link.parquet"))
	if err != nil || link.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is %v, %v", link, err)
	}
	file, err := os.Stat(filepath.Join(dir, "real.parquet"))
	if err != nil || file.Mode().Perm() != 0o640 {
		t.Errorf("the file is %v, %v", file, err)
	}
	for path, says := range map[string]string{"months": `(month=…)`, "trips.csv": "types of a CSV file", "empty": "holds no files", "part-*.parquet": "would not match",
		"gone.parquet": "there is no file", "s3://bucket/trips": "not on this machine"} {
		if err := append(path); asof.ErrorCode(err) != asof.CodeInvalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want one that says %s", path, err, says)
		}
	}
	if left := unfinished(t, dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// Old forms of Parquet are told apart from those that are written.
func TestAppendToOldForms(t *testing.T) {
	path := filepath.Join(t.TempDir(), "old.parquet")
	rows := storetest.AppendedTrips(t).Records(t)
	defer rows.Release()
	reader, err := array.NewRecordReader(rows.Schema(), []arrow.RecordBatch{rows, rows})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Release()
	fields := rows.Schema().Fields()
	fields[1].Type = arrow.FixedWidthTypes.Timestamp_ns
	fine, err := asof.Arrange("", reader, arrow.NewSchema(fields, nil), memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	defer fine.Release()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := pqarrow.NewFileWriter(fine.Schema(), file, nil, pqarrow.NewArrowWriterProperties(pqarrow.WithDeprecatedInt96Timestamps(true)))
	if err == nil && fine.Next() {
		err = errors.Join(w.Write(fine.RecordBatch()), w.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	source := &asof.DataSource{Name: "trips", Kind: asof.SourceFile, Path: path}
	if _, err := offline(t, asofduckdb.Options{}).Append(t.Context(), source, reader); asof.ErrorCode(err) != asof.CodeInvalid || !strings.Contains(err.Error(), `column "event" has a form that is not written here (INT96)`) {
		t.Errorf("a file with INT96: %v", err)
	}
}
