package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/asof-dev/asof"
)

func testPublicationsWait(t *testing.T, w WarehouseUnderTest) {
	first, err := stageMonth(t.Context(), w, "r1", firstMonth)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Discard(context.WithoutCancel(t.Context()))
	next := month{january, [][]string{{"a", "∅"}}, [][]string{{"a", "5.00", "5"}}}
	second, err := stageMonth(t.Context(), w, "r2", next) // staging waits for nobody
	if err != nil {
		t.Fatal(err)
	}
	defer second.Discard(context.WithoutCancel(t.Context()))
	published := make(chan error, 1)
	p := firstMonth.publication("r1")
	p.Fence = func(context.Context) error {
		short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := second.Publish(short, next.publication("r2")); asof.ErrorCode(err) != asof.CodeUnavailable {
			t.Errorf("a second publication while the first is about to appear: %v", err)
		}
		go func() {
			_, err := second.Publish(t.Context(), next.publication("r2"))
			published <- err
		}()
		return nil
	}
	if _, err := first.Publish(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if err := <-published; err != nil {
		t.Fatalf("the run that waited: %v", err)
	}
	diff(t, "tables", [][]string{
		{"users", "a", "∅"}, {"users", "b", "false"}, {"users", "c", "∅"},
		{"usage", "a", "5.00", "5"}, {"usage", "b", "2.25", "2"}, {"usage", "c", "∅", "∅"},
		{"snapshot", "2024-01-31", "a", "5.00", "5"},
	}, state(t, w))
}

// stages lists the runs that have a stage.
func stages(t *testing.T, w WarehouseUnderTest) string {
	t.Helper()
	runs, err := w.Stages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(runs)
	return fmt.Sprint(runs)
}

func testStageStays(t *testing.T, w WarehouseUnderTest) {
	publishMonth(t, w, "r0", month{january, [][]string{{"z", "true"}}, nil})
	diff(t, "stages of runs that ended", "[]", stages(t, w))
	stage, err := stageMonth(t.Context(), w, "r1", firstMonth)
	if err != nil {
		t.Fatal(err)
	}
	rows := [][]string{{"a", "7.00", "7"}}
	if _, err := loadRows(t.Context(), stage, usageTable, rows); err != nil { // a corrected file
		t.Fatal(err)
	}
	if _, err := loadRows(t.Context(), stage, usageTable, [][]string{{"a", "1.00", "1"}, {"a", "2.00", "2"}}); err == nil {
		t.Error("a key twice is staged") // and leaves what was there
	}
	if err := errors.Join(stage.Close(), stage.Close()); err != nil {
		t.Fatal(err)
	}
	diff(t, "stages", "[r1]", stages(t, w))
	if stage, err = w.Stage(t.Context(), "r1"); err != nil {
		t.Fatal(err)
	}
	staged, err := stage.Staged(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "staged", map[string]asof.Staged{"users": {Content: fmt.Sprint(firstMonth.users), Rows: 3}, "usage": {Content: fmt.Sprint(rows), Rows: 1}}, staged)
	p := month{asOf: january}.publication("r1")
	p.Frozen[0].SQL = "SELECT user_id, 1 / 0 AS hours, devices FROM nowhere"
	if _, err := stage.Publish(t.Context(), p); err == nil {
		t.Error("a publication without its table succeeds")
	}
	for range 2 { // a publication that fails leaves the stage, and so does one that does not
		if _, err := stage.Publish(t.Context(), month{asOf: january}.publication("r1")); err != nil {
			t.Fatal(err)
		}
		if err := stage.Close(); err != nil {
			t.Fatal(err)
		}
		diff(t, "stages", "[r1]", stages(t, w))
		diff(t, "tables", [][]string{
			{"users", "a", "true"}, {"users", "b", "false"}, {"users", "c", "∅"}, {"users", "z", "true"},
			{"usage", "a", "7.00", "7"}, {"snapshot", "2024-01-31", "a", "7.00", "7"},
		}, state(t, w))
		if stage, err = w.Stage(t.Context(), "r1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := stage.Discard(t.Context()); err != nil {
		t.Fatal(err)
	}
	diff(t, "stages after it is discarded", "[]", stages(t, w))
	diff(t, "users stay", "4", read(t, w, "SELECT count(*) FROM users")[0][0])
}

func testStageTaken(t *testing.T, w WarehouseUnderTest) {
	publishMonth(t, w, "r0", firstMonth)
	before := state(t, w)
	changed := month{january, [][]string{{"a", "∅"}}, [][]string{{"a", "5.00", "5"}}}
	old, err := stageMonth(t.Context(), w, "r1", changed)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	own, err := w.Stage(t.Context(), "r1")
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	refused := func(stage asof.Stage) {
		t.Helper()
		if _, err := loadRows(t.Context(), stage, usersTable, [][]string{{"b", "true"}}); asof.ErrorCode(err) != asof.CodeConflict {
			t.Errorf("Load by whom it was taken from: %v", err)
		}
		if _, err := stage.Publish(t.Context(), changed.publication("r1")); asof.ErrorCode(err) != asof.CodeConflict {
			t.Errorf("Publish by whom it was taken from: %v", err)
		}
		if err := stage.Close(); err != nil {
			t.Errorf("Close by whom it was taken from: %v", err)
		}
		diff(t, "tables", before, state(t, w))
	}
	refused(old)
	staged, err := own.Staged(t.Context())
	if err != nil || len(staged) != 2 || staged["users"].Rows != 1 {
		t.Errorf("staged = %v, %v", staged, err)
	}
	if err := errors.Join(w.DiscardStage(t.Context(), "r1"), w.DiscardStage(t.Context(), "nowhere")); err != nil {
		t.Fatal(err)
	}
	diff(t, "stages", "[]", stages(t, w))
	refused(own)
	again, err := w.Stage(t.Context(), "r1")
	if err != nil {
		t.Fatal(err)
	}
	if staged, err := again.Staged(t.Context()); err != nil || len(staged) > 0 {
		t.Errorf("a stage that was discarded holds %v, %v", staged, err)
	}
	if err := again.Discard(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Stage(t.Context(), "../r1"); asof.ErrorCode(err) != asof.CodeInvalid {
		t.Errorf("a run's name with a folder in it: %v", err)
	}
}

func testMake(t *testing.T, w WarehouseUnderTest) {
	stage, err := stageMonth(t.Context(), w, "r1", firstMonth)
	if err != nil {
		t.Fatal(err)
	}
	defer stage.Discard(context.WithoutCancel(t.Context()))
	totals := asof.Table{Name: "totals", Key: []string{"has_family"}, Columns: []asof.TableColumn{{Name: "has_family", Type: "boolean"}, {Name: "users", Type: "integer"}}}
	for _, c := range []struct {
		table asof.Table
		sql   string
		rows  int64
		code  asof.Code
	}{
		{usersTable, "SELECT user_id, has_family FROM users WHERE has_family IS NOT NULL", 2, ""}, // of itself
		{totals, "SELECT has_family, count(*) AS users FROM users GROUP BY has_family", 2, ""},
		{totals, "SELECT true AS has_family, 1 AS users FROM users", 0, asof.CodeInvalid},
		{totals, "SELECT NULL AS has_family, 1 AS users", 0, asof.CodeInvalid},
		{totals, "SELECT nonsense", 0, asof.CodeInvalid},
	} {
		if n, err := stage.Make(t.Context(), c.table, c.sql, c.sql); n != c.rows || err == nil && c.code != "" || err != nil && asof.ErrorCode(err) != c.code {
			t.Errorf("%s: %d rows, %v; want %d, %q", c.sql, n, err, c.rows, c.code)
		}
	}
	p := asof.Publication{ID: "r1", AsOf: january, Writes: []asof.Write{{Table: usersTable}, {Table: totals}}}
	if _, err := stage.Publish(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	diff(t, "users", [][]string{{"a", "true"}, {"b", "false"}}, read(t, w, "SELECT user_id, has_family FROM users ORDER BY user_id"))
	diff(t, "totals", [][]string{{"false", "1"}, {"true", "1"}}, read(t, w, "SELECT has_family, users FROM totals ORDER BY has_family"))
}

func testSideBySide(t *testing.T, w WarehouseUnderTest) {
	stage, err := w.Stage(t.Context(), "r1")
	if err != nil {
		t.Fatal(err)
	}
	defer stage.Discard(context.WithoutCancel(t.Context()))
	p := asof.Publication{ID: "r1", AsOf: january}
	var loads errgroup.Group
	for i := range 6 {
		table := usersTable
		table.Name = fmt.Sprint("users_", i)
		p.Writes = append(p.Writes, asof.Write{Table: table})
		loads.Go(func() error {
			n, err := loadRows(t.Context(), stage, table, [][]string{{"a", "true"}, {fmt.Sprint(i), "false"}})
			if err != nil || n != 2 {
				return fmt.Errorf("%s: %d rows, %w", table.Name, n, err)
			}
			rows, err := stage.Query(t.Context(), "SELECT user_id FROM "+table.Name+" WHERE NOT has_family")
			if err != nil {
				return err
			}
			defer rows.Release()
			if !rows.Next() || rows.RecordBatch().Column(0).ValueStr(0) != fmt.Sprint(i) {
				return fmt.Errorf("%s does not hold its rows: %w", table.Name, rows.Err())
			}
			return nil
		})
	}
	if err := loads.Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := stage.Publish(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	for i := range 6 {
		diff(t, "users", [][]string{{fmt.Sprint(i)}, {"a"}}, read(t, w, fmt.Sprintf("SELECT user_id FROM users_%d ORDER BY user_id", i)))
	}
}

func testFence(t *testing.T, w WarehouseUnderTest) {
	publishMonth(t, w, "r0", firstMonth)
	before := state(t, w)
	changed := month{january, [][]string{{"a", "∅"}}, [][]string{{"a", "5.00", "5"}}}
	stage, err := stageMonth(t.Context(), w, "r1", changed)
	if err != nil {
		t.Fatal(err)
	}
	defer stage.Discard(context.WithoutCancel(t.Context()))
	p := changed.publication("r1")
	lost := asof.Errorf(asof.CodeConflict, "the lease is lost")
	p.Fence = func(context.Context) error { return lost }
	if _, err := stage.Publish(t.Context(), p); !errors.Is(err, lost) || asof.ErrorCode(err) != asof.CodeConflict {
		t.Errorf("a publication whose fence does not hold: %v", err)
	}
	diff(t, "tables", before, state(t, w))
	p.Fence = func(context.Context) error { return nil }
	if _, err := stage.Publish(t.Context(), p); err != nil {
		t.Error(err)
	}
	diff(t, "one user's usage", [][]string{{"5.00"}}, read(t, w, "SELECT hours FROM usage WHERE user_id = 'a'"))
}

// A run that was cut off after it had published, and goes on when another one
// has published, does not bring its older rows back.
func testPublishedSince(t *testing.T, w WarehouseUnderTest) {
	stage, err := stageMonth(t.Context(), w, "r1", firstMonth)
	if err != nil {
		t.Fatal(err)
	}
	publish := func() asof.Published {
		done, err := stage.Publish(t.Context(), firstMonth.publication("r1"))
		if err != nil {
			t.Fatal(err)
		}
		return done
	}
	publish()
	publishMonth(t, w, "r2", month{january, [][]string{{"a", "false"}}, [][]string{{"a", "9.00", "9"}}})
	if err := stage.Close(); err != nil {
		t.Fatal(err)
	}
	if stage, err = w.Stage(t.Context(), "r1"); err != nil {
		t.Fatal(err)
	}
	newer := state(t, w)
	done := publish()
	diff(t, "dropped", []string{"b", "c"}, droppedOf(t, done, "usage_snapshots"))
	for _, c := range done.Tables {
		diff(t, c.Table, "left as it is: run r1 had published it, and run r2 has published since", c.Skipped)
	}
	diff(t, "tables", newer, state(t, w))
	rollback(t, w, "r2")
	diff(t, "counts once that is rolled back", int64(3), publish().Tables[2].Equal)
	if err := stage.Discard(t.Context()); err != nil {
		t.Fatal(err)
	}
}
