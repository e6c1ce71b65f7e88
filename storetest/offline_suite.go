package storetest

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/memory"
)

// MemoryOffline is the store in memory as the suite runs it: the oracle.
func MemoryOffline(t *testing.T) OfflineUnderTest {
	store := memory.NewOffline()
	t.Cleanup(func() { _ = store.Close() })
	put := func(t *testing.T, table OfflineTable) string {
		rows := table.Records(t)
		defer rows.Release()
		store.Put(table.Name, rows)
		return table.Name
	}
	return OfflineUnderTest{OfflineStore: store, Name: "memory", SQL: put, Load: func(t *testing.T, table OfflineTable) *asof.DataSource {
		return &asof.DataSource{Name: table.Name, Kind: asof.SourcePostgres, Table: put(t, table)}
	}}
}

// table makes a table from words: its columns, then its rows one after another.
func table(t *testing.T, name, columns, values string) OfflineTable {
	t.Helper()
	made, err := corpusTable(name, strings.Fields(columns))
	if err != nil {
		t.Fatal(err)
	}
	words := corpusWords(values)
	for n := len(made.Columns); len(words) >= n; words = words[n:] {
		if err := made.row(words[:n]); err != nil {
			t.Fatal(err)
		}
	}
	return *made
}

// trips loads a table of drivers' trips and returns the view over it.
func trips(t *testing.T, u OfflineUnderTest) asof.ViewQuery {
	t.Helper()
	source := u.Load(t, table(t, "trips", "driver:bigint event:timestamptz trips:bigint", "1 2024-01-01 10  2 2024-01-01 20  2 2024-01-03 21"))
	source.TimestampField = "event"
	return asof.ViewQuery{View: "trips", Source: source, Timestamp: "event",
		Keys:     []asof.KeyColumn{{Column: "driver", Entity: "driver", Type: asof.Scalar(asof.TypeInt64)}},
		Features: []asof.FeatureColumn{{Column: "trips", Output: "trips", Type: asof.Scalar(asof.TypeInt64)}}}
}

// Rows come back in order, whatever the batches of either side.
func offlineBatches(t *testing.T, u OfflineUnderTest) {
	view := trips(t, u)
	asked := OfflineTable{Name: "asked", Columns: []asof.TableColumn{{Name: "driver", Type: "bigint"}, {Name: asof.EventTimestamp, Type: "timestamptz"}}}
	const n = 10_001
	want := make([]string, n)
	for i := range n {
		driver := strconv.Itoa(i % 3)
		asked.Rows = append(asked.Rows, []*string{&driver, new(fmt.Sprintf("2024-01-0%d", i%4+1))})
		switch {
		case i%3 == 0:
			want[i] = "-"
		case i%3 == 1:
			want[i] = "10"
		case i%4 >= 2:
			want[i] = "21"
		default:
			want[i] = "20"
		}
	}
	rows, _, err := collect(u.Historical(t.Context(), &asof.PointInTime{Entities: recordsOf(t, asked), Timestamp: asof.EventTimestamp, Views: []asof.ViewQuery{view}}))
	if err != nil {
		t.Fatal(err)
	}
	got := make([]string, len(rows))
	for i, row := range rows {
		got[i] = row[2]
		if row[0] != *asked.Rows[i][0] {
			t.Fatalf("row %d is for driver %s, asked for %s", i, row[0], *asked.Rows[i][0])
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func offlineEmpty(t *testing.T, u OfflineUnderTest) {
	view := trips(t, u)
	none := table(t, "asked", "driver:bigint event_timestamp:timestamptz", "")
	for _, entities := range []asof.EntityRows{recordsOf(t, none), sqlOf(t, u, none)} {
		rows, schema, err := collect(u.Historical(t.Context(), &asof.PointInTime{Entities: entities, Timestamp: asof.EventTimestamp, Views: []asof.ViewQuery{view}}))
		if err != nil || len(rows) != 0 || schema.NumFields() != 3 {
			t.Errorf("%d rows, %v", len(rows), err)
		}
	}
}

// Columns that no view needs come out as they went in, whatever they are called.
func offlineOtherColumns(t *testing.T, u OfflineUnderTest) {
	view := trips(t, u)
	asked := table(t, "asked", "nr:text k0:real driver:bigint f0:date event_timestamp:timestamptz trips:numeric(6,2) event:boolean",
		`first 0.1 2 2024-02-29 2024-01-02 12.50 true`)
	for name, entities := range map[string]asof.EntityRows{"records": recordsOf(t, asked), "sql": sqlOf(t, u, asked)} {
		rows, _, err := collect(u.Historical(t.Context(), &asof.PointInTime{Entities: entities, Timestamp: asof.EventTimestamp, Views: []asof.ViewQuery{view}}))
		if err != nil {
			t.Fatal(err)
		}
		want := [][]string{{"first", "0.1", "2", "2024-02-29T00:00:00Z", "2024-01-02T00:00:00Z", "12.5", "true", "20"}}
		rows[0][5] = strings.TrimSuffix(rows[0][5], "0")
		if d := cmp.Diff(want, rows); d != "" {
			t.Errorf("%s: -want +got\n%s", name, d)
		}
	}
}

func offlineSources(t *testing.T, u OfflineUnderTest) {
	source := u.Load(t, table(t, "kinds", "user:text day:date at:timestamptz n:bigint x:double ok:boolean",
		"a 2024-01-02 2024-01-02T10:00 1 0.5 true  b 2024-01-01 - 2 1.5 false"))
	columns, err := u.Columns(t.Context(), source)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range columns {
		got = append(got, fmt.Sprintf("%s %s %v", c.Name, c.Type, c.IsTime))
	}
	want := []string{"user String false", "day UnixTimestamp true", "at UnixTimestamp true", "n Int64 false", "x Float64 false", "ok Bool false"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("columns: -want +got\n%s", d)
	}
	source.TimestampField = "day"
	span, err := u.Range(t.Context(), source)
	first := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	if d := cmp.Diff(asof.SourceRange{Rows: 2, Oldest: first, Newest: first.AddDate(0, 0, 1)}, span); d != "" || err != nil {
		t.Errorf("range: %v -want +got\n%s", err, d)
	}
	source.TimestampField = "dai"
	if _, err := u.Range(t.Context(), source); err == nil || !strings.Contains(err.Error(), `"day"`) {
		t.Errorf("a timestamp column that is not there: %v", err)
	}
}

// A column that is not there is named, with the nearest one.
func offlineMissing(t *testing.T, u OfflineUnderTest) {
	view := trips(t, u)
	asked := "driver:bigint event_timestamp:timestamptz"
	ask := func(view asof.ViewQuery, columns string) error {
		_, _, err := collect(u.Historical(t.Context(), &asof.PointInTime{Timestamp: asof.EventTimestamp, Views: []asof.ViewQuery{view},
			Entities: recordsOf(t, table(t, "asked", columns, "1 2024-01-01"))}))
		return err
	}
	broken := view
	broken.Features = []asof.FeatureColumn{{Column: "trip", Output: "trip", Type: asof.Scalar(asof.TypeInt64)}}
	for name, c := range map[string]struct {
		err  error
		says string
	}{
		"feature":    {ask(broken, asked), `"trips"`},
		"join key":   {ask(view, "drivers:bigint event_timestamp:timestamptz"), `"driver"`},
		"timestamp":  {ask(view, "driver:bigint event_time:timestamptz"), `"event_timestamp"`},
		"not a time": {ask(view, "driver:bigint event_timestamp:text"), `not a timestamp`},
	} {
		if c.err == nil || asof.ErrorCode(c.err) != asof.CodeInvalid || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%s: %v (%s), want an invalid one that says %s", name, c.err, asof.ErrorCode(c.err), c.says)
		}
	}
}

func offlineCancelled(t *testing.T, u OfflineUnderTest) {
	view := trips(t, u)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := collect(u.PullLatest(ctx, &asof.Latest{View: view, To: time.Now()})); !isCancelled(err) {
		t.Errorf("a cancelled query: %v", err)
	}
	asked := recordsOf(t, table(t, "asked", "driver:bigint event_timestamp:timestamptz", "1 2024-01-01"))
	if _, _, err := collect(u.Historical(ctx, &asof.PointInTime{Entities: asked, Timestamp: asof.EventTimestamp, Views: []asof.ViewQuery{view}})); !isCancelled(err) {
		t.Errorf("a cancelled query: %v", err)
	}
}

// Rows that were created before do not count, nor do those that do not say when.
func offlineSince(t *testing.T, u OfflineUnderTest) {
	source := u.Load(t, table(t, "late", "driver:bigint event:timestamptz made:timestamptz trips:bigint",
		"1 2024-01-01 2024-02-01 10  1 2024-01-02 2024-01-31T23:59:59.999999 20  2 2024-01-01 2024-01-01 30  3 2024-01-01 - 40  4 2024-01-05 2024-02-02 50"))
	view := asof.ViewQuery{View: "late", Source: source, Timestamp: "event", Created: "made",
		Keys:     []asof.KeyColumn{{Column: "driver", Entity: "driver", Type: asof.Scalar(asof.TypeInt64)}},
		Features: []asof.FeatureColumn{{Column: "trips", Output: "trips", Type: asof.Scalar(asof.TypeInt64)}}}
	since := time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC)
	rows, _, err := collect(u.PullLatest(t.Context(), &asof.Latest{View: view, To: since.AddDate(0, 0, -28), Since: since}))
	if err != nil || len(rows) != 1 || rows[0][0] != "1" || rows[0][3] != "10" {
		t.Errorf("got %v (%v), want driver 1 with 10 trips", rows, err)
	}
}

// A sorted answer has the rows that one in no order has, whatever their number
// and the types of their keys.
func offlineSorted(t *testing.T, u OfflineUnderTest) {
	const n = 3000
	made := OfflineTable{Name: "many", Columns: []asof.TableColumn{{Name: "driver", Type: "bigint"}, {Name: "town", Type: "text"},
		{Name: "event", Type: "timestamptz"}, {Name: "trips", Type: "bigint"}}}
	for i := range n {
		made.Rows = append(made.Rows, []*string{new(strconv.Itoa(i*7919%n - 100)), new(strings.Repeat("é", i%3) + strconv.Itoa(i)), new("2024-01-01"), new(strconv.Itoa(i))})
	}
	source := u.Load(t, made)
	source.TimestampField = "event"
	view := asof.ViewQuery{View: "many", Source: source, Timestamp: "event",
		Keys:     []asof.KeyColumn{{Column: "town", Entity: "town", Type: asof.Scalar(asof.TypeString)}, {Column: "driver", Entity: "driver", Type: asof.Scalar(asof.TypeInt64)}},
		Features: []asof.FeatureColumn{{Column: "trips", Output: "trips", Type: asof.Scalar(asof.TypeInt64)}}}
	for _, sorted := range []bool{false, true} {
		rows, _, err := collect(u.PullLatest(t.Context(), &asof.Latest{View: view, To: time.Now(), Sorted: sorted}))
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, row := range rows {
			i, _ := strconv.Atoi(row[4])
			if seen[row[4]] = true; row[1] != strconv.Itoa(i*7919%n-100) {
				t.Fatalf("sorted %t: a row is torn: %v", sorted, row)
			}
		}
		if len(rows) != n || len(seen) != n {
			t.Errorf("sorted %t: %d rows of %d keys, want %d", sorted, len(rows), len(seen), n)
		}
	}
	if rows, _, err := collect(u.PullLatest(t.Context(), &asof.Latest{View: view, To: time.Unix(0, 0), Sorted: true})); err != nil || len(rows) != 0 {
		t.Errorf("an empty answer: %d rows, %v", len(rows), err)
	}
}
