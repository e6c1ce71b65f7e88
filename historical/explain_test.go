package historical_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/historical"
)

func TestExplain(t *testing.T) {
	ties := view("ties", "ties", userKey, field("n", asof.TypeInt64), field("note", asof.TypeString))
	ties.Source.CreatedField = "loaded"
	late := view("late", "late", userKey, field("n", asof.TypeInt64))
	late.Source.CreatedField = "loaded"
	week := view("week", "subscriptions", userKey, field("monthly_fee", asof.TypeFloat32))
	week.TTL = new(7 * 24 * time.Hour)
	r := request(t, historical.Request{Snapshot: project(ties, late, week)})
	putLate(t, r)
	put(t, r, "ties", columns("user_id", arrow.BinaryTypes.String, "as_of", arrow.FixedWidthTypes.Date32, "loaded", asof.Timestamp, "n", arrow.PrimitiveTypes.Int64, "note", arrow.BinaryTypes.String),
		`[{"user_id": "a", "as_of": "2024-01-31", "loaded": "2024-01-31T12:00:00Z", "n": null, "note": "x"},
		  {"user_id": "a", "as_of": "2024-01-31", "loaded": "2024-01-31T12:00:00Z", "n": null, "note": "b"},
		  {"user_id": "a", "as_of": "2024-01-31", "loaded": "2024-01-31T11:30:00Z", "n": 7, "note": "z"},
		  {"user_id": "a", "as_of": "2024-01-31", "loaded": null, "n": 8, "note": "z"},
		  {"user_id": "a", "as_of": "2024-01-29", "loaded": "2024-01-31T12:00:00Z", "n": 9, "note": "z"}]`)
	for _, c := range []struct {
		name, feature, user, at string
		cutoff                  bool
		value, verdict          string
		rows                    []string // event, value and why; first those that are later
	}{
		{"a value", "subs:months_active", "3413-BMNZE", "2024-02-29", false, "2", "the newest row up to the time asked about",
			[]string{"02-29 2 counts", "01-31 1 older by 29 days"}},
		{"a null value", "ties:n", "a", "2024-02-29", false, "null", "the newest row holds NULL", []string{
			"01-31 null counts", "01-31 null equal times, lower by note: \"b\", against \"x\"", "01-31 7 equal event time, created 30m0s earlier",
			"01-31 8 equal event time, created timestamp NULL", "01-29 9 older by 2 days"}},
		{"later", "subs:months_active", "3413-BMNZE", "2024-01-30T23:00:00", false, "null", "the first row is later by 1h0m0s",
			[]string{"02-29 2 later by 29 days 1h0m0s", "01-31 1 later by 1h0m0s"}},
		{"at its end", "week:monthly_fee", "7590-VHVEG", "2024-02-07", false, "29.85", "the newest row up to the time asked about", []string{"01-31 29.85 counts"}},
		{"expired", "week:monthly_fee", "7590-VHVEG", "2024-02-08T02:00:00", false, "null", "the newest row expired 1 day 2h0m0s before: the ttl is 7 days",
			[]string{"01-31 29.85 expired: older than the ttl of 7 days allows by 1 day 2h0m0s"}},
		{"never loaded", "subs:months_active", "nobody", "2024-02-08", false, "null",
			`never loaded: none of the 3 rows of source "subscriptions", from 2024-01-31T00:00:00Z to 2024-02-29T00:00:00Z, has this key`, nil},
		{"null key", "subs:months_active", "", "2024-02-08", false, "null", "the join key user_id is NULL, which equals nothing", nil},
		{"created too late", "late:n", "a", "2024-01-31", true, "1", "the newest row up to the time asked about", []string{
			"03-01 4 later by 30 days", "01-30 2 created 1 day after the time asked about", "01-30 9 its created timestamp is NULL", "01-29 1 counts"}},
		{"all created too late", "late:n", "a", "2024-01-29", true, "null", "every row up to the time asked about was created after it", []string{
			"03-01 4 later by 32 days", "01-30 2 later by 1 day", "01-30 9 later by 1 day", "01-29 1 created 1 day after the time asked about"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			at, _ := asof.ParseTime(c.at)
			e, err := historical.Explain(context.Background(), historical.Question{Snapshot: r.Snapshot, Store: r.Store, Feature: c.feature,
				Key: map[string]string{"user_id": c.user}, At: at, CreatedCutoff: c.cutoff})
			if err != nil {
				t.Fatal(err)
			}
			if string(e.Value) != c.value || e.Verdict != c.verdict {
				t.Errorf("%s: %s", e.Value, e.Verdict)
			}
			_, feature, _ := strings.Cut(c.feature, ":")
			var rows []string
			add := func(x historical.Candidate) {
				rows = append(rows, x.Event.Format("01-02 ")+string(x.Values[feature])+" "+x.Why)
			}
			for _, x := range e.Later {
				add(x)
			}
			if e.Row != nil && !c.cutoff {
				add(*e.Row)
			}
			for _, x := range e.Beaten {
				add(x)
			}
			if e.Row != nil && c.cutoff {
				add(*e.Row)
			}
			if d := cmp.Diff(c.rows, rows); d != "" {
				t.Error(d)
			}
		})
	}
	for key, want := range map[string]string{"a": "01-31 null true; 01-31 null false; 01-31 7 false; 01-31 8 false; more", "nobody": "", "": ""} {
		moments, more, err := historical.History(context.Background(), historical.Question{Snapshot: r.Snapshot, Store: r.Store, Feature: "ties:n", Key: map[string]string{"user_id": key}}, 4)
		var rows []string
		for _, m := range moments {
			rows = append(rows, fmt.Sprintf("%s %s %t", m.Event.Format("01-02"), m.Value, m.Counts))
		}
		if more {
			rows = append(rows, "more")
		}
		if got := strings.Join(rows, "; "); err != nil || got != want {
			t.Errorf("the history of %q: %v, %s", key, err, got)
		}
	}
	at, _ := asof.ParseTime("2024-01-02")
	e, err := historical.Explain(context.Background(), historical.Question{Snapshot: r.Snapshot, Store: r.Store, Feature: "global:rate", At: at})
	if err != nil || string(e.Value) != "0.5" || e.Row == nil {
		t.Errorf("a view without keys: %+v, %v", e, err)
	}
	for want, q := range map[string]historical.Question{
		`feature view "subs" has no join key "user"; known: user_id`:                       {Feature: "subs:months_active", Key: map[string]string{"user": "1"}},
		`the join key "user_id" of feature view "subs" is missing; write user_id=VALUE`:    {Feature: "subs:months_active"},
		`feature view "subs" has no feature "months_activ"; did you mean "months_active"?`: {Feature: "subs:months_activ"},
		`"subs" is not a feature reference; write it as view:feature`:                      {Feature: "subs"},
	} {
		q.Snapshot, q.Store = r.Snapshot, r.Store
		if _, err := historical.Explain(context.Background(), q); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
