package storetest

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
)

func rollback(t *testing.T, w asof.Warehouse, run string) asof.Rollback {
	t.Helper()
	done, err := w.Rollback(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// testRollback rolls a corrected month back, and the one before it.
func testRollback(t *testing.T, w WarehouseUnderTest) {
	publishMonth(t, w, "r1", firstMonth)
	before := state(t, w)
	corrected := month{january,
		[][]string{{"a", "false"}, {"d", "true"}},
		[][]string{{"a", "∅", "1"}, {"b", "2.25", "2"}, {"d", "4.00", "4"}}}
	publishMonth(t, w, "r2", corrected)
	after := state(t, w)
	for range 2 { // the second time nothing changes
		done := rollback(t, w, "r2")
		diff(t, "counts", []asof.TableChange{{Table: "usage", Rows: 2, Changed: 1, Removed: 1},
			{Table: "usage_snapshots", Rows: 3, Added: 1, Changed: 1, Removed: 1}, {Table: "users", Rows: 2, Changed: 1, Removed: 1}}, done.Tables)
		if p := done.Publication; p.ID != "r2" || p.Name != "ingest" || !p.AsOf.Equal(january) || p.Undone.IsZero() || len(done.Gone) > 0 {
			t.Errorf("rollback = %+v", done)
		}
		diff(t, "tables", before, state(t, w))
		list, err := w.Publications(t.Context())
		if err != nil || len(list) != 2 || list[0].Undone.IsZero() || !list[1].Undone.IsZero() || !list[0].Undone.Equal(done.Publication.Undone) {
			t.Errorf("publications = %+v, %v", list, err)
		}
	}
	done := publishMonth(t, w, "r3", corrected)
	diff(t, "dropped keys of the month again", []string{"c"}, droppedOf(t, done, "usage_snapshots"))
	diff(t, "the month again", after, state(t, w))
	rollback(t, w, "r3")
	if got := droppedOf(t, publishMonth(t, w, "r4", firstMonth), "usage_snapshots"); got != nil {
		t.Errorf("the month that was there drops %v", got)
	}
	diff(t, "tables", before, state(t, w))
}

// testRollbackFirst rolls the first publication back: its tables are gone, and
// can come again.
func testRollbackFirst(t *testing.T, w WarehouseUnderTest) {
	publishMonth(t, w, "r1", firstMonth)
	before := state(t, w)
	for range 2 {
		diff(t, "gone", []string{"usage", "usage_snapshots", "users"}, rollback(t, w, "r1").Gone)
		for _, table := range []string{"users", "usage", "usage_snapshots"} {
			if rows, err := w.Read(t.Context(), "SELECT * FROM "+table); err == nil {
				t.Errorf("%s is still there: %v", table, rows)
			}
		}
	}
	publishMonth(t, w, "r2", firstMonth)
	diff(t, "tables", before, state(t, w))
}

// testRollbackRefused asks for rollbacks that can't be.
func testRollbackRefused(t *testing.T, w WarehouseUnderTest) {
	if _, err := w.Rollback(t.Context(), "r1"); asof.ErrorCode(err) != asof.CodeNotFound {
		t.Errorf("a rollback where nothing was published: %v", err)
	}
	publishMonth(t, w, "r1", firstMonth)
	other := asof.Table{Name: "other", Key: []string{"id"}, Columns: []asof.TableColumn{{Name: "id", Type: "text"}}}
	publish := func(run string, rows [][]string, tables ...asof.Table) {
		t.Helper()
		stage, err := w.Stage(t.Context(), run)
		if err != nil {
			t.Fatal(err)
		}
		p := asof.Publication{ID: run, Name: run + "'s", AsOf: january}
		for _, table := range tables {
			if _, err := loadRows(t.Context(), stage, table, rows); err != nil {
				t.Fatal(err)
			}
			p.Writes = append(p.Writes, asof.Write{Table: table})
		}
		if _, err := stage.Publish(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	users := usersTable
	users.Columns = users.Columns[:1]
	publish("r2", [][]string{{"x"}}, other)
	before := state(t, w)
	publish("r3", [][]string{{"y"}}, other, users)
	refused := func(run string, later ...string) {
		t.Helper()
		_, err := w.Rollback(t.Context(), run)
		var found *asof.LaterRuns
		if asof.ErrorCode(err) != asof.CodeConflict || !errors.As(err, &found) {
			t.Fatalf("rollback of %s: %v", run, err)
		}
		var names []string
		for _, p := range found.Later {
			names = append(names, p.ID)
		}
		diff(t, "the runs before "+run, later, names)
	}
	refused("r1", "r3")
	refused("r2", "r3")
	publish("r4", [][]string{{"z"}}, other) // has a table in common with r3 alone, which has to go before r1
	if _, err := w.Rollback(t.Context(), "r1"); asof.ErrorCode(err) != asof.CodeInvalid {
		t.Errorf("the fourth last publication: %v", err) // three are kept
	}
	refused("r2", "r4", "r3")
	refused("r3", "r4")
	if _, err := w.Rollback(t.Context(), "r9"); asof.ErrorCode(err) != asof.CodeNotFound {
		t.Errorf("an unknown run: %v", err)
	}
	rollback(t, w, "r4")
	rollback(t, w, "r3")
	diff(t, "tables", before, state(t, w))
	diff(t, "the other table", [][]string{{"x"}}, read(t, w, "SELECT id FROM other"))
	rollback(t, w, "r2")
	if rows, err := w.Read(t.Context(), "SELECT * FROM other"); err == nil {
		t.Errorf("other is still there: %v", rows)
	}
	diff(t, "tables", before, state(t, w))
}

// testRollbackAppended appends to a live table after a publication: it stays.
func testRollbackAppended(t *testing.T, w WarehouseUnderTest) {
	publishMonth(t, w, "r1", firstMonth)
	source := &asof.DataSource{Name: "s", Kind: asof.SourcePostgres, Table: "users", TimestampField: "at"}
	added := func(id string) {
		t.Helper()
		schema := arrow.NewSchema([]arrow.Field{{Name: "user_id", Type: arrow.BinaryTypes.String}, {Name: "has_family", Type: arrow.FixedWidthTypes.Boolean, Nullable: true}}, nil)
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		defer b.Release()
		b.Field(0).(*array.StringBuilder).Append(id)
		b.Field(1).AppendNull()
		batch := b.NewRecordBatch()
		defer batch.Release()
		rows, err := array.NewRecordReader(schema, []arrow.RecordBatch{batch})
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Release()
		if _, err := w.Offline.(asof.Appender).Append(t.Context(), source, rows); err != nil {
			t.Fatal(err)
		}
	}
	added("before")
	publishMonth(t, w, "r2", month{february, [][]string{{"a", "∅"}, {"new", "true"}}, nil})
	added("since")
	rollback(t, w, "r2")
	diff(t, "users", [][]string{{"a", "true"}, {"b", "false"}, {"before", "∅"}, {"c", "∅"}, {"since", "∅"}},
		read(t, w, "SELECT user_id, has_family FROM users ORDER BY user_id"))
	rollback(t, w, "r1")
	diff(t, "users", [][]string{{"before", "∅"}, {"since", "∅"}}, read(t, w, "SELECT user_id, has_family FROM users ORDER BY user_id"))
	publishMonth(t, w, "r3", month{january, [][]string{{"a", "true"}}, nil}) // an older month than r2's: it is the newest again
	diff(t, "users", [][]string{{"a", "true"}, {"before", "∅"}, {"since", "∅"}}, read(t, w, "SELECT user_id, has_family FROM users ORDER BY user_id"))
}

// testRandomRollbacks publishes months and rolls them back at random, and
// compares with a model after each.
func testRandomRollbacks(t *testing.T, w WarehouseUnderTest) {
	const seed = 11
	random := rand.New(rand.NewPCG(seed, 0))
	type published struct {
		run    string
		before *warehouseModel
	}
	model := &warehouseModel{users: map[string]string{}, usage: map[string][2]string{},
		snapshots: map[string]map[string][2]string{}, dropped: map[string]map[string]bool{}}
	var kept []published
	publishMonth(t, w, "first", firstMonth)
	model.publish(firstMonth)
	for i := range 40 {
		if len(kept) > 0 && random.IntN(5) < 2 {
			last := kept[len(kept)-1]
			rollback(t, w, last.run)
			kept, model = kept[:len(kept)-1], last.before
		} else {
			run, before := fmt.Sprint("r", i), model.clone()
			m := randomMonth(random)
			done := publishMonth(t, w, run, m)
			_, dropped := model.publish(m)
			if got := droppedOf(t, done, "usage_snapshots"); !slices.Equal(got, dropped) {
				t.Errorf("dropped = %v, want %v", got, dropped)
			}
			list, err := w.Publications(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if list[0].ID == run { // it changed something
				kept = append(kept, published{run, before})
				kept = kept[max(len(kept)-3, 0):]
			}
		}
		diff(t, "tables", model.state(), state(t, w))
		if t.Failed() {
			t.Fatalf("step %d of seed %d", i, seed)
		}
	}
}

func (w *warehouseModel) clone() *warehouseModel {
	c := &warehouseModel{loaded: w.loaded, users: maps.Clone(w.users), usage: maps.Clone(w.usage),
		snapshots: map[string]map[string][2]string{}, dropped: map[string]map[string]bool{}}
	for day, rows := range w.snapshots {
		c.snapshots[day] = maps.Clone(rows)
	}
	for day, users := range w.dropped {
		c.dropped[day] = maps.Clone(users)
	}
	return c
}

// RollbackKilled rolls a corrected month back in a process of its own, which it
// kills at each step as WarehouseKilled does.
func RollbackKilled(t *testing.T, fresh func(t *testing.T) string, open func(t *testing.T, place string, step func(name string)) WarehouseUnderTest) {
	corrected := month{january, [][]string{{"a", "false"}, {"d", "true"}}, [][]string{{"a", "∅", "1"}, {"d", "4.00", "4"}}}
	if place := os.Getenv(killPlace); place != "" {
		rollback(t, open(t, place, killer(t)), "r2")
		return
	}
	publish := func(w WarehouseUnderTest) (before, after string) {
		publishMonth(t, w, "r1", firstMonth)
		before = fmt.Sprint(state(t, w))
		publishMonth(t, w, "r2", corrected)
		return before, fmt.Sprint(state(t, w))
	}
	before, after := publish(open(t, fresh(t), func(string) {}))
	var seen sides
	steps := cutOff(t, fresh, open, func(w WarehouseUnderTest) { publish(w) },
		func(w WarehouseUnderTest, step int, running bool) {
			got, err := readAll(t.Context(), w)
			if err != nil {
				t.Fatalf("reading while step %d is cut off: %v", step, err)
			}
			seen.look(t, step, running, got, after, before)
			if running {
				return
			}
			if done := rollback(t, w, "r2"); len(done.Tables) != 3 {
				t.Errorf("a second rollback tells of %+v", done)
			}
			if got := fmt.Sprint(state(t, w)); got != before {
				t.Fatalf("cut off at step %d, a second rollback ends with\n%s\nnot with\n%s", step, got, before)
			}
			diff(t, "dropped keys of the month again", []string{"b", "c"}, droppedOf(t, publishMonth(t, w, "r3", corrected), "usage_snapshots"))
		})
	seen.all(t, steps)
}
