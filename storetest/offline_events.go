package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/asof-dev/asof"
)

// visits loads a table with two keys, in which a key, a time and a created
// timestamp are missing once each, and returns the view over it.
func visits(t *testing.T, u OfflineUnderTest) asof.ViewQuery {
	t.Helper()
	source := u.Load(t, table(t, "visits", "driver:bigint shop:text event:timestamptz loaded:timestamptz n:integer note:text",
		"1 b 2024-01-02 2024-01-03 5 x  "+
			"1 a 2024-01-02 2024-01-02 1 x  "+
			"1 b 2024-01-02 2024-01-04 2 y  "+
			"1 b 2024-01-02 2024-01-04 2 z  "+
			"1 b 2024-01-02 - 9 z  "+
			"1 b 2024-01-05 2024-01-05 - -  "+
			"- b 2024-01-01 2024-01-01 7 x  "+
			"2 B - 2024-01-01 8 x  "+
			"1 b 2023-12-31T23:59:59.999999 2024-01-01 3 x  "+
			"10 b 2024-01-01 2024-01-01 4 x"))
	source.TimestampField, source.CreatedField = "event", "loaded"
	return asof.ViewQuery{View: "visits", Source: source, Timestamp: "event", Created: "loaded",
		Keys: []asof.KeyColumn{{Column: "driver", Entity: "driver", Type: asof.Scalar(asof.TypeInt32)},
			{Column: "shop", Entity: "at_shop", Type: asof.Scalar(asof.TypeString)}},
		Features: []asof.FeatureColumn{{Column: "n", Output: "event", Type: asof.Scalar(asof.TypeInt64)},
			{Column: "note", Output: "note", Type: asof.Scalar(asof.TypeString)}}}
}

func day(d int) time.Time { return time.Date(2024, 1, d, 0, 0, 0, 0, time.UTC) }

// Entity rows made of the views' own: a view without all of the keys is joined
// to the rows of the one that has them.
func offlineEvents(t *testing.T, u OfflineUnderTest) {
	visits, trips := visits(t, u), trips(t, u)
	for name, c := range map[string]struct {
		events asof.Events
		views  []asof.ViewQuery
		want   [][]string
	}{
		"span": {asof.Events{From: day(1), To: day(2)}, []asof.ViewQuery{trips, visits}, [][]string{
			{"1", "a", "2024-01-02T00:00:00Z", "10", "1", "x"}, {"1", "b", "2024-01-02T00:00:00Z", "10", "2", "z"}, {"10", "b", "2024-01-01T00:00:00Z", "-", "4", "x"}}},
		"from the oldest": {asof.Events{To: day(1).Add(-time.Microsecond)}, []asof.ViewQuery{visits}, [][]string{{"1", "b", "2023-12-31T23:59:59.999999Z", "3", "x"}}},
		"both ends":       {asof.Events{From: day(5), To: day(5)}, []asof.ViewQuery{visits}, [][]string{{"1", "b", "2024-01-05T00:00:00Z", "-", "-"}}},
		"nothing":         {asof.Events{From: day(6), To: day(7)}, []asof.ViewQuery{visits}, nil},
		"at": {asof.Events{At: day(6)}, []asof.ViewQuery{visits, trips}, [][]string{
			{"1", "a", "2024-01-06T00:00:00Z", "1", "x", "10"}, {"1", "b", "2024-01-06T00:00:00Z", "-", "-", "10"}, {"10", "b", "2024-01-06T00:00:00Z", "4", "x", "-"}}},
		"union": {asof.Events{From: day(2), To: day(3)}, []asof.ViewQuery{trips, trips}, [][]string{
			{"2", "2024-01-03T00:00:00Z", "21", "21"}}},
	} {
		t.Run(name, func(t *testing.T) {
			rows, schema, err := collect(u.Historical(t.Context(), &asof.PointInTime{Entities: asof.EntityRows{Events: &c.events},
				Timestamp: asof.EventTimestamp, Views: c.views}))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, rows); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
			keys := len(schema.FieldIndices("at_shop")) // the second key, where there is one
			at := schema.Field(keys + 1)
			if at.Name != asof.EventTimestamp || at.Type.String() != asof.Timestamp.String() {
				t.Errorf("the time is %s", at)
			}
			want := c.views[0].Keys[0].Type.Arrow()
			if got := schema.Field(0); got.Name != "driver" || got.Type.ID() != want.ID() {
				t.Errorf("the key is %s, declared %s", got, want)
			}
		})
	}
	apart := visits
	apart.Keys = visits.Keys[1:]
	_, _, err := collect(u.Historical(t.Context(), &asof.PointInTime{Entities: asof.EntityRows{Events: &asof.Events{At: day(2)}},
		Timestamp: asof.EventTimestamp, Views: []asof.ViewQuery{trips, apart}}))
	if asof.ErrorCode(err) != asof.CodeInvalid {
		t.Errorf("views of different keys: %v", err)
	}
}

// The rows of a key come in the order in which they count.
func offlineRows(t *testing.T, u OfflineUnderTest) {
	store, ok := u.OfflineStore.(asof.RowReader)
	if !ok {
		return // a power that a store need not have
	}
	view := visits(t, u)
	keys := table(t, "keys", "driver:bigint at_shop:text", "1 b")
	wanted := keys.Records(t)
	defer wanted.Release()
	for name, c := range map[string]struct {
		q    asof.RowsQuery
		want []string
	}{
		"newest first": {asof.RowsQuery{Latest: asof.Latest{To: day(4)}}, []string{"2 z", "2 y", "5 x", "9 z", "3 x"}},
		"a few":        {asof.RowsQuery{Latest: asof.Latest{To: day(5)}, Limit: 2}, []string{"- -", "2 z"}},
		"a span":       {asof.RowsQuery{Latest: asof.Latest{From: day(1), To: day(4)}, OldestFirst: true, Limit: 3}, []string{"9 z", "5 x", "2 y"}},
	} {
		t.Run(name, func(t *testing.T) {
			c.q.View, c.q.Keys = view, wanted
			rows, _, err := collect(store.Rows(t.Context(), &c.q))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, row := range rows {
				if row[0] != "1" || row[1] != "b" {
					t.Errorf("a row of another key: %v", row)
				}
				got = append(got, row[4]+" "+row[5])
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}

// Entity rows of random tables are those that the plain reading of the rules
// gives, and so is what is joined to them.
func offlineEventsAgree(t *testing.T, u OfflineUnderTest) {
	oracle := MemoryOffline(t)
	number := 0
	rapid.Check(t, func(r *rapid.T) {
		number++
		hour := func(name string) time.Time {
			return day(1).Add(time.Duration(rapid.IntRange(0, 5).Draw(r, name)) * time.Hour)
		}
		events := asof.Events{To: hour("to")}
		switch rapid.IntRange(0, 2).Draw(r, "form") {
		case 0:
			events = asof.Events{At: hour("at")}
		case 1:
			events.From = hour("from")
		}
		var tables []OfflineTable
		var views []asof.ViewQuery
		for i := range 2 {
			name := fmt.Sprintf("events_%d_%d", number, i)
			tables = append(tables, randomRows(r, name, []string{"user:text", "shop:bigint", "event:timestamptz", "x:bigint"}))
			view := asof.ViewQuery{View: name, Timestamp: "event", TTL: time.Duration(rapid.IntRange(0, 2).Draw(r, "ttl")) * time.Hour,
				Features: []asof.FeatureColumn{{Column: "x", Output: fmt.Sprintf("x%d", i), Type: asof.Scalar(asof.TypeInt64)}}}
			keys := []asof.KeyColumn{{Column: "user", Entity: "user", Type: asof.Scalar(asof.TypeString)}, {Column: "shop", Entity: "shop", Type: asof.Scalar(asof.TypeInt64)}}
			view.Keys = keys[:rapid.IntRange(0, 2).Draw(r, "keys")]
			views = append(views, view)
		}
		var answers [][][]string
		for _, store := range []OfflineUnderTest{oracle, u} {
			list := slices.Clone(views)
			for i := range list {
				list[i].Source = store.Load(t, tables[i])
			}
			rows, _, err := collect(store.Historical(t.Context(), &asof.PointInTime{Entities: asof.EntityRows{Events: &events}, Timestamp: asof.EventTimestamp, Views: list}))
			if err != nil {
				r.Fatal(err)
			}
			answers = append(answers, rows)
		}
		if d := cmp.Diff(answers[0], answers[1]); d != "" {
			r.Fatalf("-memory +engine\n%s", d)
		}
	})
}
