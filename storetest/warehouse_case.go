package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/asof-dev/asof"
)

func testPublishAtOnce(t *testing.T, w WarehouseUnderTest) {
	stage, err := stageMonth(t.Context(), w, "r1", firstMonth)
	if err != nil {
		t.Fatal(err)
	}
	if rows, err := w.Read(t.Context(), "SELECT user_id FROM users"); err == nil {
		t.Errorf("staged rows are seen before they are published: %v", rows)
	}
	defer stage.Discard(context.WithoutCancel(t.Context()))
	done, err := stage.Publish(t.Context(), firstMonth.publication("r1"))
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "counts", []asof.TableChange{
		{Table: "users", Rows: 3, Added: 3}, {Table: "usage", Rows: 3, Added: 3}, {Table: "usage_snapshots", Rows: 3, Added: 3},
	}, counted(done.Tables))
	diff(t, "tables", [][]string{
		{"users", "a", "true"}, {"users", "b", "false"}, {"users", "c", "∅"},
		{"usage", "a", "1.50", "1"}, {"usage", "b", "2.25", "2"}, {"usage", "c", "∅", "∅"},
		{"snapshot", "2024-01-31", "a", "1.50", "1"}, {"snapshot", "2024-01-31", "b", "2.25", "2"}, {"snapshot", "2024-01-31", "c", "∅", "∅"},
	}, state(t, w))
}

func testPublishAgain(t *testing.T, w WarehouseUnderTest) {
	publishMonth(t, w, "r1", firstMonth)
	before := state(t, w)
	done := publishMonth(t, w, "r2", firstMonth)
	diff(t, "counts", []asof.TableChange{
		{Table: "users", Rows: 3, Equal: 3}, {Table: "usage", Rows: 3, Equal: 3}, {Table: "usage_snapshots", Rows: 3, Equal: 3},
	}, counted(done.Tables))
	diff(t, "tables", before, state(t, w))
	list, err := w.Publications(t.Context())
	if err != nil || len(list) != 1 {
		t.Errorf("publications = %v, %v; one that changes nothing is none", list, err)
	}
}

func testCorrection(t *testing.T, w WarehouseUnderTest) {
	publishMonth(t, w, "r1", firstMonth)
	corrected := month{january,
		[][]string{{"a", "false"}, {"d", "true"}},
		[][]string{{"a", "∅", "1"}, {"b", "2.25", "2"}, {"d", "4.00", "4"}}}
	done := publishMonth(t, w, "r2", corrected)
	diff(t, "counts", []asof.TableChange{
		{Table: "users", Rows: 2, Added: 1, Changed: 1},
		{Table: "usage", Rows: 3, Added: 1, Changed: 1, Equal: 1},
		{Table: "usage_snapshots", Rows: 3, Added: 1, Changed: 1, Removed: 1, Equal: 1},
	}, counted(done.Tables))
	diff(t, "dropped", []string{"c"}, droppedOf(t, done, "usage_snapshots"))
	diff(t, "tables", [][]string{
		{"users", "a", "false"}, {"users", "b", "false"}, {"users", "c", "∅"}, {"users", "d", "true"},
		{"usage", "a", "∅", "1"}, {"usage", "b", "2.25", "2"}, {"usage", "c", "∅", "∅"}, {"usage", "d", "4.00", "4"},
		{"snapshot", "2024-01-31", "a", "∅", "1"}, {"snapshot", "2024-01-31", "b", "2.25", "2"}, {"snapshot", "2024-01-31", "d", "4.00", "4"},
	}, state(t, w))
}

func testDropped(t *testing.T, w WarehouseUnderTest) {
	with := func(users ...string) month {
		m := month{asOf: january}
		for _, u := range users {
			m.users = append(m.users, []string{u, "true"})
			m.usage = append(m.usage, []string{u, "1.00", "1"})
		}
		return m
	}
	for i, c := range []struct {
		users, dropped []string
	}{
		{[]string{"a", "b", "c"}, nil},
		{[]string{"a", "b"}, []string{"c"}},
		{[]string{"a"}, []string{"b", "c"}},
		{[]string{"a"}, []string{"b", "c"}}, // the same answer again
		{[]string{"a", "c"}, []string{"b"}}, // back
		{[]string{"a", "b", "c"}, nil},
	} {
		done := publishMonth(t, w, "r", with(c.users...))
		if got := droppedOf(t, done, "usage_snapshots"); len(got)+len(c.dropped) > 0 {
			diff(t, "dropped after publication "+string(rune('1'+i)), c.dropped, got)
		}
	}
	// Another day has keys of its own.
	other := with("a")
	other.asOf = february
	if got := droppedOf(t, publishMonth(t, w, "r", other), "usage_snapshots"); got != nil {
		t.Errorf("february drops %v, which it never had", got)
	}
}

func testOlderMonth(t *testing.T, w WarehouseUnderTest) {
	newer := month{february, [][]string{{"a", "true"}}, [][]string{{"a", "9.00", "9"}}}
	publishMonth(t, w, "r1", newer)
	done := publishMonth(t, w, "r2", firstMonth)
	diff(t, "counts", []asof.TableChange{
		{Table: "users", Skipped: "yes"}, {Table: "usage", Skipped: "yes"}, {Table: "usage_snapshots", Rows: 3, Added: 3},
	}, counted(done.Tables))
	want := [][]string{
		{"users", "a", "true"}, {"usage", "a", "9.00", "9"},
		{"snapshot", "2024-01-31", "a", "1.50", "1"}, {"snapshot", "2024-01-31", "b", "2.25", "2"}, {"snapshot", "2024-01-31", "c", "∅", "∅"},
		{"snapshot", "2024-02-29", "a", "9.00", "9"},
	}
	diff(t, "tables", want, state(t, w))
	publishMonth(t, w, "r3", newer) // the same newer month moves nothing either
	publishMonth(t, w, "r4", firstMonth)
	diff(t, "tables after both again", want, state(t, w))
}

func testStageSees(t *testing.T, w WarehouseUnderTest) {
	publishMonth(t, w, "r1", firstMonth)
	stage, err := w.Stage(t.Context(), "r2")
	if err != nil {
		t.Fatal(err)
	}
	defer stage.Discard(context.WithoutCancel(t.Context()))
	if n, err := loadRows(t.Context(), stage, usageTable, [][]string{{"z", "7.00", "7"}}); err != nil || n != 1 {
		t.Fatalf("Load = %d, %v", n, err)
	}
	published, there, err := stage.Published(t.Context(), "usage")
	if err != nil || !there {
		t.Fatalf("Published(usage) = %q, %v, %v", published, there, err)
	}
	for sql, want := range map[string]int64{
		"SELECT CAST(count(*) AS bigint) FROM usage WHERE user_id = 'z'": 1,
		"SELECT CAST(count(*) AS bigint) FROM usage":                     1,
		"SELECT CAST(count(*) AS bigint) FROM users":                     3, // not staged: as published
		"SELECT CAST(count(*) AS bigint) FROM " + published:              3,
	} {
		rows, err := stage.Query(t.Context(), sql)
		if err != nil {
			t.Fatal(err)
		}
		if !rows.Next() {
			t.Fatalf("%s: no rows, %v", sql, rows.Err())
		}
		if got := rows.RecordBatch().Column(0).GetOneForMarshal(0); got != want {
			t.Errorf("%s = %v, want %d", sql, got, want)
		}
		rows.Release()
	}
	if _, there, err := stage.Published(t.Context(), "nowhere"); err != nil || there {
		t.Errorf("Published(nowhere) = %v, %v", there, err)
	}
	if _, err := stage.Query(t.Context(), "SELECT nonsense FROM usage"); asof.ErrorCode(err) != asof.CodeInvalid {
		t.Errorf("a query that cannot run: %v", err)
	}
}

func testUndeclared(t *testing.T, w WarehouseUnderTest) {
	publishMonth(t, w, "r1", firstMonth)
	narrow, narrowSnapshots := usageTable, usageSnapshots
	narrow.Columns = usageTable.Columns[:2] // without devices
	narrowSnapshots.Columns = narrow.Columns
	stage, err := w.Stage(t.Context(), "r2")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := loadRows(t.Context(), stage, narrow, [][]string{{"a", "3.50"}, {"b", "2.25"}}); err != nil {
		t.Fatal(err)
	}
	done, err := stage.Publish(t.Context(), asof.Publication{ID: "r2", AsOf: january, Writes: []asof.Write{{Table: narrow}},
		Frozen: []asof.Frozen{{Table: narrowSnapshots, SQL: "SELECT user_id, hours FROM usage"}}})
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "counts", []asof.TableChange{
		{Table: "usage", Rows: 2, Changed: 1, Equal: 1}, {Table: "usage_snapshots", Rows: 2, Changed: 1, Removed: 1, Equal: 1},
	}, counted(done.Tables))
	diff(t, "dropped", []string{"c"}, droppedOf(t, done, "usage_snapshots"))
	diff(t, "tables", [][]string{
		{"users", "a", "true"}, {"users", "b", "false"}, {"users", "c", "∅"},
		{"usage", "a", "3.50", "1"}, {"usage", "b", "2.25", "2"}, {"usage", "c", "∅", "∅"},
		{"snapshot", "2024-01-31", "a", "3.50", "1"}, {"snapshot", "2024-01-31", "b", "2.25", "2"},
	}, state(t, w))
}

func testReferences(t *testing.T, w WarehouseUnderTest) {
	publishMonth(t, w, "r1", firstMonth)
	before := state(t, w)
	// "d" comes with the same publication, "a" was there; "x" is nowhere.
	publishMonth(t, w, "r2", month{january, [][]string{{"d", "true"}}, [][]string{{"a", "1.50", "1"}, {"d", "1.00", "1"}}})
	bad := month{january, [][]string{{"e", "true"}}, [][]string{{"a", "1.50", "1"}, {"x", "1.00", "1"}}}
	stage, err := stageMonth(t.Context(), w, "r3", bad)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stage.Publish(t.Context(), bad.publication("r3")); asof.ErrorCode(err) != asof.CodeInvalid {
		t.Errorf("a user that is in no table: %v", err)
	}
	if got := len(state(t, w)); got != len(before)+1 { // d in users and usage and the snapshot, b and c out of that
		t.Errorf("%d rows, before %d", got, len(before))
	}
}

func testDiscard(t *testing.T, w WarehouseUnderTest) {
	publishMonth(t, w, "r1", firstMonth)
	before := state(t, w)
	stage, err := stageMonth(t.Context(), w, "r2", month{january, [][]string{{"a", "∅"}}, [][]string{{"x", "1.00", "1"}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := stage.Discard(t.Context()); err != nil {
		t.Fatal(err)
	}
	diff(t, "tables", before, state(t, w))
	stage, err = w.Stage(t.Context(), "r3") // the lock is free, the rows are gone
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stage.Publish(t.Context(), asof.Publication{ID: "r3", AsOf: january, Writes: []asof.Write{{Table: usersTable}}}); asof.ErrorCode(err) != asof.CodeInvalid {
		t.Errorf("publishing what was not loaded: %v", err)
	}
}

func testFailedPublication(t *testing.T, w WarehouseUnderTest) {
	publishMonth(t, w, "r1", firstMonth)
	before := state(t, w)
	next := month{february, [][]string{{"a", "false"}}, [][]string{{"a", "3.00", "3"}}}
	for name, sql := range map[string]string{
		"a key twice":      "SELECT user_id, hours, devices FROM usage UNION ALL SELECT user_id, hours, devices FROM usage",
		"a missing column": "SELECT user_id, hours FROM usage",
		"a null key":       "SELECT NULL AS user_id, hours, devices FROM usage",
	} {
		stage, err := stageMonth(t.Context(), w, "r2", next)
		if err != nil {
			t.Fatal(err)
		}
		p := next.publication("r2")
		p.Frozen[0].SQL = sql
		if _, err := stage.Publish(t.Context(), p); asof.ErrorCode(err) != asof.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
		if err := stage.Discard(t.Context()); err != nil {
			t.Error(err)
		}
		diff(t, "tables after "+name, before, state(t, w))
	}
}

func testKeys(t *testing.T, w WarehouseUnderTest) {
	stage, err := w.Stage(t.Context(), "r")
	if err != nil {
		t.Fatal(err)
	}
	_, err = loadRows(t.Context(), stage, usersTable, [][]string{{"a", "true"}, {"b", "true"}, {"a", "false"}})
	var duplicate *asof.DuplicateKey
	if !errors.As(err, &duplicate) || asof.ErrorCode(err) != asof.CodeInvalid {
		t.Fatalf("a duplicate key: %v", err)
	}
	diff(t, "duplicate", &asof.DuplicateKey{Table: "users", Key: []string{"user_id"}, Values: []string{"a"}, Count: 2}, duplicate)
	if err := stage.Discard(t.Context()); err != nil {
		t.Fatal(err)
	}
	if stage, err = w.Stage(t.Context(), "r"); err != nil {
		t.Fatal(err)
	}
	if _, err := loadRows(t.Context(), stage, usersTable, [][]string{{"∅", "true"}}); asof.ErrorCode(err) != asof.CodeInvalid {
		t.Errorf("a null key: %v", err)
	}
	if err := stage.Discard(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func testTypes(t *testing.T, w WarehouseUnderTest) {
	table := asof.Table{Name: "every", Key: []string{"a", "b"}, Columns: []asof.TableColumn{
		{Name: "a", Type: "text"}, {Name: "b", Type: "bigint"}, {Name: "c", Type: "integer"}, {Name: "d", Type: "boolean"},
		{Name: "e", Type: "date"}, {Name: "f", Type: "timestamptz"}, {Name: "g", Type: "double precision"},
		{Name: "h", Type: "real"}, {Name: "i", Type: "numeric(12,3)"}, {Name: "Mixed Case", Type: "numeric"}}}
	rows := [][]string{
		{"o'tab\tnew\nline\\x\"", "-9223372036854775808", "-2147483648", "true", "1969-12-31", "2024-01-31T23:59:59.123456Z", "0.1", "0.25", "-123456789.125", "29.14104464084511"},
		{"", "1", "∅", "∅", "∅", "∅", "∅", "∅", "∅", "∅"},
		{"", "2", "0", "false", "2024-02-29", "1960-01-01T00:00:00.000001Z", "-1.5", "-0.5", "0.000", "-0.000000000000000001"},
	}
	stage, err := w.Stage(t.Context(), "r")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := loadRows(t.Context(), stage, table, rows); err != nil {
		t.Fatal(err)
	}
	snapshots := table
	snapshots.Name = "every_snapshots"
	p := asof.Publication{ID: "r", AsOf: january, Writes: []asof.Write{{Table: table}},
		Frozen: []asof.Frozen{{Table: snapshots, SQL: "SELECT * FROM every"}}}
	if _, err := stage.Publish(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"", "1", "∅", "∅", "∅", "∅", "∅", "∅", "∅", "∅"},
		{"", "2", "0", "false", "2024-02-29", "1960-01-01 00:00:00.000001+00", "-1.5", "-0.5", "0.000", "true"},
		{"o'tab\tnew\nline\\x\"", "-9223372036854775808", "-2147483648", "true", "1969-12-31", "2024-01-31 23:59:59.123456+00", "0.1", "0.25", "-123456789.125", "true"},
	}
	for _, name := range []string{"every", "every_snapshots"} {
		diff(t, name, want, read(t, w, `SELECT a, b, c, d, e, f, g, h, i,
 "Mixed Case" = CASE b WHEN 2 THEN -0.000000000000000001 ELSE 29.14104464084511 END FROM `+name+` ORDER BY a, b`))
	}
}

func testPublications(t *testing.T, w WarehouseUnderTest) {
	publishMonth(t, w, "r1", firstMonth)
	publishMonth(t, w, "r2", month{february, firstMonth.users, firstMonth.usage})
	list, err := w.Publications(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 2 || list[0].ID != "r2" || list[1].ID != "r1" || list[0].Name != "ingest" ||
		!list[0].AsOf.Equal(february) || list[0].At.Before(list[1].At) || list[1].At.IsZero() {
		t.Errorf("publications = %+v", list)
	}
}
