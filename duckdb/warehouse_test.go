//go:build duckdb_arrow

package duckdb_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/duckdb/duckdb-go/v2"

	"github.com/asof-dev/asof"
	asofduckdb "github.com/asof-dev/asof/duckdb"
	"github.com/asof-dev/asof/storetest"
)

func TestWarehouse(t *testing.T) {
	storetest.Warehouse(t, func(t *testing.T) storetest.WarehouseUnderTest {
		w, err := asofduckdb.OpenWarehouse(t.TempDir() + "/a [*] folder/warehouse")
		if err != nil {
			t.Fatal(err)
		}
		offline, err := asofduckdb.OpenOffline(asofduckdb.Options{Dir: t.TempDir(), Warehouse: w})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = offline.Close() })
		return storetest.WarehouseUnderTest{Warehouse: w, Read: reader(w), Offline: offline}
	})
}

func TestWarehouseKilled(t *testing.T) {
	storetest.WarehouseKilled(t, func(t *testing.T) string { return t.TempDir() },
		func(t *testing.T, dir string, step func(string)) storetest.WarehouseUnderTest {
			w, err := asofduckdb.OpenWarehouse(dir)
			if err != nil {
				t.Fatal(err)
			}
			w.OnStep(step)
			return storetest.WarehouseUnderTest{Warehouse: w, Read: reader(w)}
		})
}

func TestRollbackKilled(t *testing.T) {
	storetest.RollbackKilled(t, func(t *testing.T) string { return t.TempDir() },
		func(t *testing.T, dir string, step func(string)) storetest.WarehouseUnderTest {
			w, err := asofduckdb.OpenWarehouse(dir)
			if err != nil {
				t.Fatal(err)
			}
			w.OnStep(step)
			return storetest.WarehouseUnderTest{Warehouse: w, Read: reader(w)}
		})
}

func TestReplacementKilled(t *testing.T) {
	storetest.ReplacementKilled(t, func(t *testing.T) string { return t.TempDir() },
		func(t *testing.T, dir string, step func(string)) storetest.WarehouseUnderTest {
			w, err := asofduckdb.OpenWarehouse(dir)
			if err != nil {
				t.Fatal(err)
			}
			w.OnStep(step)
			return storetest.WarehouseUnderTest{Warehouse: w, Read: reader(w)}
		},
		func(t *testing.T, dir string) []string { // beside the table's file those that it retired within the hour
			text, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
			if err != nil {
				t.Fatal(err)
			}
			var left []string
			entries, err := os.ReadDir(filepath.Join(dir, "asof_tables"))
			for _, e := range entries {
				if !strings.Contains(string(text), e.Name()) {
					left = append(left, e.Name())
				}
			}
			if err != nil || len(entries) == 0 {
				t.Fatalf("%d files, %v", len(entries), err)
			}
			return left
		})
}

// files lists the Parquet files of a warehouse.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".parquet") {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

var live = asof.Table{Name: "live", Key: []string{"id"}, Columns: []asof.TableColumn{{Name: "id", Type: "integer"}, {Name: "v", Type: "text"}}}

// publish writes one row (id, v) into the table live, or the columns of table.
func publish(t *testing.T, w *asofduckdb.Warehouse, table asof.Table, frozen []asof.Frozen, values ...string) asof.Published {
	t.Helper()
	done, err := tryPublish(t, w, table, frozen, values...)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func tryPublish(t *testing.T, w *asofduckdb.Warehouse, table asof.Table, frozen []asof.Frozen, values ...string) (asof.Published, error) {
	t.Helper()
	schema, err := table.Schema()
	if err != nil {
		t.Fatal(err)
	}
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer builder.Release()
	for i, v := range values {
		if err := builder.Field(i).AppendValueFromString(v); err != nil {
			t.Fatal(err)
		}
	}
	batch := builder.NewRecordBatch()
	defer batch.Release()
	rows, err := array.NewRecordReader(schema, []arrow.RecordBatch{batch})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Release()
	stage, err := w.Stage(t.Context(), "r")
	if err != nil {
		t.Fatal(err)
	}
	defer stage.Discard(t.Context())
	if _, err := stage.Load(t.Context(), table, rows, func() string { return "" }); err != nil {
		return asof.Published{}, err
	}
	return stage.Publish(t.Context(), asof.Publication{ID: "r", AsOf: time.Date(2024, 1, 31, 0, 0, 0, 0, time.UTC),
		Writes: []asof.Write{{Table: table}}, Frozen: frozen})
}

func TestFilesGoWhenNobodyNeedsThem(t *testing.T) {
	dir := t.TempDir()
	w, err := asofduckdb.OpenWarehouse(dir)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC)
	w.At(func() time.Time { return now })
	for _, v := range []string{"1", "2", "3", "4", "5"} {
		publish(t, w, live, nil, "1", v)
	}
	if got := len(files(t, dir)); got != 5 {
		t.Errorf("%d files right after five publications, want all 5: one present, three kept, one within its grace time", got)
	}
	orphan := filepath.Join(dir, "live", strings.Repeat("0", 32)+".parquet")
	foreign := filepath.Join(dir, "live", "notes.parquet")
	for _, file := range []string{orphan, foreign} {
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	now = now.Add(2 * time.Hour)
	pin, err := w.Pin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	publish(t, w, live, nil, "1", "6")
	if got := files(t, dir); len(got) != 7 || slices.Contains(got, orphan) {
		t.Errorf("while a pin is held: %v; only what a dead process left may go", got)
	}
	pin.Release()
	publish(t, w, live, nil, "1", "7")
	if got := files(t, dir); len(got) != 7 || !slices.Contains(got, foreign) {
		t.Errorf("files = %v: one present, three kept, two within their grace time, and one that is not ours", got)
	}
}

// TestStagesComeAndGoWhilePublishing: the stages of other runs, which begin and
// end without the writer's lock, do not get in the way of one that publishes.
func TestStagesComeAndGoWhilePublishing(t *testing.T) {
	dir := t.TempDir()
	w, err := asofduckdb.OpenWarehouse(dir)
	if err != nil {
		t.Fatal(err)
	}
	stop, others := make(chan struct{}), sync.WaitGroup{}
	others.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			run := filepath.Join(dir, ".stage", strconv.Itoa(i%7))
			for _, folder := range []string{"a", "b", "c"} {
				_ = os.MkdirAll(filepath.Join(run, folder, "live"), 0o755)
			}
			_ = os.RemoveAll(run)
		}
	})
	defer func() { close(stop); others.Wait() }()
	for i := range 40 {
		publish(t, w, live, nil, "1", strconv.Itoa(i))
	}
}

func TestPinKeepsItsState(t *testing.T) {
	w, err := asofduckdb.OpenWarehouse(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	publish(t, w, live, nil, "1", "old")
	pin, err := w.Pin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer pin.Release()
	publish(t, w, live, nil, "1", "new")
	if now, err := reader(w)(t.Context(), "SELECT v FROM live"); err != nil || now[0][0] != "new" {
		t.Errorf("now: %v, %v", now, err)
	}
	then, err := reader(w)(t.Context(), "SELECT v FROM "+pin.Tables()[0].Relation)
	if err != nil || then[0][0] != "old" {
		t.Errorf("through the pin: %v, %v", then, err)
	}
}

func TestAColumnComesLater(t *testing.T) {
	w, err := asofduckdb.OpenWarehouse(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	freeze := func(columns string) []asof.Frozen {
		table := asof.Table{Name: "snapshots", Key: []string{"id"}, Columns: live.Columns}
		if columns != "id, v" {
			table.Columns = append(slices.Clone(live.Columns), asof.TableColumn{Name: "w", Type: "date"})
		}
		return []asof.Frozen{{Table: table, SQL: "SELECT " + columns + " FROM live"}}
	}
	publish(t, w, live, freeze("id, v"), "1", "x")
	wider := live
	wider.Columns = append(slices.Clone(live.Columns), asof.TableColumn{Name: "w", Type: "date"})
	publish(t, w, wider, nil, "2", "y", "2024-01-02")
	got, err := reader(w)(t.Context(), "SELECT * FROM live ORDER BY id")
	if want := [][]string{{"1", "x", "∅"}, {"2", "y", "2024-01-02"}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("live = %v, %v; want %v", got, err, want)
	}
	narrow := publish(t, w, live, freeze("id, v"), "2", "z") // a pipeline that knows nothing of w keeps it
	if got, err := reader(w)(t.Context(), "SELECT w FROM live WHERE id = 2"); err != nil || got[0][0] != "2024-01-02" || narrow.Tables[0].Changed != 1 {
		t.Errorf("w = %v, %v after %+v", got, err, narrow.Tables)
	}
	publish(t, w, wider, freeze("id, v, w"), "2", "z", "2024-01-03")
	got, err = reader(w)(t.Context(), "SELECT * FROM snapshots")
	if want := [][]string{{"2", "2024-01-31", "z", "2024-01-03"}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("snapshots = %v, %v; want %v", got, err, want)
	}
}

// DuckDB 1.5.5 fails where the day is a DATE of a folder's name, and a condition
// leaves fewer files.
func TestTheNewestDayBeforeAnother(t *testing.T) {
	w, err := asofduckdb.OpenWarehouse(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	stage, err := w.Stage(t.Context(), "r")
	if err != nil {
		t.Fatal(err)
	}
	defer stage.Discard(t.Context())
	snapshots := asof.Table{Name: "snapshots", Key: []string{"id"}, Columns: live.Columns}
	for month := time.January; month <= time.March; month++ {
		if _, err := stage.Publish(t.Context(), asof.Publication{ID: "r", AsOf: time.Date(2024, month, 28, 0, 0, 0, 0, time.UTC),
			Frozen: []asof.Frozen{{Table: snapshots, SQL: "SELECT 1 AS id, '" + month.String() + "' AS v"}}}); err != nil {
			t.Fatal(err)
		}
	}
	for sql, want := range map[string]string{
		"SELECT max(as_of) FROM snapshots WHERE as_of < DATE '2024-03-28'":                            "2024-02-28",
		"SELECT max(as_of) FROM snapshots WHERE as_of < DATE '2024-02-28'":                            "2024-01-28",
		"SELECT min(as_of) FROM snapshots WHERE as_of > DATE '2024-01-28'":                            "2024-02-28",
		"SELECT max(as_of) FROM snapshots":                                                            "2024-03-28",
		"SELECT v FROM snapshots WHERE as_of = (SELECT max(as_of) FROM snapshots WHERE v <> 'March')": "February",
		"SELECT count(*) FROM snapshots WHERE as_of BETWEEN DATE '2024-01-01' AND DATE '2024-02-29'":  "2",
		"SELECT typeof(as_of) FROM snapshots LIMIT 1":                                                 "DATE",
	} {
		if got, err := reader(w)(t.Context(), sql); err != nil || got[0][0] != want {
			t.Errorf("%s = %v, %v; want %s", sql, got, err, want)
		}
	}
}

func TestATableKeepsItsTypes(t *testing.T) {
	w, err := asofduckdb.OpenWarehouse(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	publish(t, w, live, nil, "1", "x")
	text := live
	text.Columns = []asof.TableColumn{{Name: "id", Type: "text"}, {Name: "v", Type: "text"}}
	publish(t, w, text, nil, "2", "y") // "2" is an integer too
	if got, err := reader(w)(t.Context(), "SELECT sum(id) FROM live"); err != nil || got[0][0] != "3" {
		t.Errorf("sum = %v, %v", got, err)
	}
	if _, err := tryPublish(t, w, text, nil, "two", "y"); asof.ErrorCode(err) != asof.CodeInvalid || !strings.Contains(err.Error(), `value two of column "id"`) {
		t.Errorf("a text that is no integer: %v", err)
	}
	other := live
	other.Key = []string{"v"}
	if _, err := tryPublish(t, w, other, nil, "2", "y"); asof.ErrorCode(err) != asof.CodeInvalid {
		t.Errorf("another key: %v", err)
	}
}

// reader answers SQL over a pin, in a DuckDB of its own.
func reader(w *asofduckdb.Warehouse) func(context.Context, string) ([][]string, error) {
	return func(ctx context.Context, sql string) ([][]string, error) {
		pin, err := w.Pin(ctx)
		if err != nil {
			return nil, err
		}
		defer pin.Release()
		connector, err := duckdb.NewConnector("", nil)
		if err != nil {
			return nil, err
		}
		defer connector.Close()
		conn, err := connector.Connect(ctx)
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		arrow, err := duckdb.NewArrowFromConn(conn)
		if err != nil {
			return nil, err
		}
		statements := []string{"SET TimeZone = 'UTC'"}
		for _, table := range pin.Tables() {
			statements = append(statements, "CREATE TEMP VIEW \""+table.Name+"\" AS FROM "+table.Relation)
		}
		for _, statement := range statements {
			rows, err := arrow.QueryContext(ctx, statement)
			if err != nil {
				return nil, err
			}
			rows.Release()
		}
		rows, err := arrow.QueryContext(ctx, "SELECT COLUMNS(*)::VARCHAR FROM ("+sql+")")
		if err != nil {
			return nil, err
		}
		defer rows.Release()
		var all [][]string
		for rows.Next() {
			batch := rows.RecordBatch()
			for i := range int(batch.NumRows()) {
				row := make([]string, batch.NumCols())
				for j, column := range batch.Columns() {
					row[j] = "∅"
					if !column.IsNull(i) {
						row[j] = strings.Clone(column.ValueStr(i))
					}
				}
				all = append(all, row)
			}
		}
		return all, rows.Err()
	}
}
