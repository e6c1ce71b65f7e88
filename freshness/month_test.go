package freshness_test

import (
	"slices"
	"testing"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/freshness"
)

// TestMonths goes through what can become of the months of a view: its calendar
// says that a month is due on the 5th of the next one, with ten days of grace.
func TestMonths(t *testing.T) {
	calendar := &asof.Freshness{DueDay: 5, GraceDays: 10}
	run := func(finished, from, newest time.Time, failure string) asof.Materialization {
		return asof.Materialization{View: "usage", Span: asof.Interval{From: from, To: newest}, Started: finished, Finished: finished, Newest: newest, Written: 1, Error: failure}
	}
	january := run(day(2, 5), day(1, 31), day(1, 31), "")
	february := run(day(3, 8), day(2, 29), day(2, 29), "")
	april := run(day(5, 2), day(4, 30), day(4, 30), "")
	for name, c := range map[string]struct {
		calendar *asof.Freshness
		entries  []asof.Materialization
		now      time.Time
		want     []freshness.Arrival // December to May
	}{
		"nothing":              {calendar, nil, day(3, 1), []freshness.Arrival{"", "", "", "", "", ""}},
		"the last one awaited": {calendar, []asof.Materialization{january}, day(3, 5), []freshness.Arrival{"", "in-time", "awaited", "awaited", "awaited", "awaited"}},
		"within the grace":     {calendar, []asof.Materialization{january}, day(3, 6), []freshness.Arrival{"", "in-time", "missing", "awaited", "awaited", "awaited"}},
		"too old":              {calendar, []asof.Materialization{january}, day(4, 10), []freshness.Arrival{"", "in-time", "stale", "missing", "awaited", "awaited"}},
		"late":                 {calendar, []asof.Materialization{january, february}, day(3, 9), []freshness.Arrival{"", "in-time", "late", "awaited", "awaited", "awaited"}},
		"a hole":               {calendar, []asof.Materialization{april, january, february}, day(5, 3), []freshness.Arrival{"", "in-time", "late", "missing", "in-time", "awaited"}},
		"filled by a wide run": {calendar, []asof.Materialization{january, run(day(5, 1), day(1, 31), day(4, 30), "")}, day(5, 3), []freshness.Arrival{"", "in-time", "late", "late", "in-time", "awaited"}},
		"corrected in time":    {calendar, []asof.Materialization{run(day(3, 20), day(1, 31), day(1, 31), ""), january}, day(3, 5), []freshness.Arrival{"", "in-time", "awaited", "awaited", "awaited", "awaited"}},
		"failed, rolled back":  {calendar, []asof.Materialization{january, run(day(3, 1), day(2, 29), day(2, 29), "full disk"), run(day(3, 2), day(2, 29), day(2, 29), asof.RolledBack)}, day(3, 6), []freshness.Arrival{"", "in-time", "missing", "awaited", "awaited", "awaited"}},
		"still under way":      {calendar, []asof.Materialization{january, run(time.Time{}, day(2, 29), time.Time{}, "")}, day(3, 6), []freshness.Arrival{"", "in-time", "missing", "awaited", "awaited", "awaited"}},
		"without a calendar":   {nil, []asof.Materialization{january, april}, day(6, 1), []freshness.Arrival{"", "came", "", "", "came", ""}},
		"without one or a row": {nil, nil, day(6, 1), []freshness.Arrival{"", "", "", "", "", ""}},
	} {
		var got []freshness.Arrival
		months := freshness.Months(c.calendar, c.entries, c.now, day(5, 31), 6)
		for _, m := range months {
			got = append(got, m.Arrival)
		}
		if !slices.Equal(got, c.want) || !months[0].Month.Equal(time.Date(2023, 12, 1, 0, 0, 0, 0, time.UTC)) || !months[5].Month.Equal(day(5, 1)) {
			t.Errorf("%s: %q from %s, want %q", name, got, months[0].Month, c.want)
		}
	}
	months := freshness.Months(calendar, []asof.Materialization{january}, day(3, 6), day(2, 1), 2)
	if !months[0].Came.Equal(day(2, 5)) || !months[1].Due.Equal(day(3, 6)) {
		t.Errorf("%+v", months)
	}
}
