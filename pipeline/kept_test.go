package pipeline_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/check"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/pipeline"
)

// keep enters a run that has ended, with its report.
func keep(t *testing.T, store asof.RunStore, name string, params map[string]string, state asof.RunState, report string) string {
	t.Helper()
	ctx := t.Context()
	entered, _, err := store.Submit(ctx, asof.Run{Project: "shop", Pipeline: name, Params: params}, asof.AgainAlways)
	if err != nil {
		t.Fatal(err)
	}
	held, err := store.Claim(ctx, asof.RunClaim{Project: "shop", Run: entered.ID, Worker: "w", TTL: time.Minute})
	if err != nil || held == nil {
		t.Fatal(held, err)
	}
	lease := asof.RunLease{Run: held.ID, Epoch: held.Epoch}
	if err := store.Record(ctx, lease, asof.RunRunning); err != nil {
		t.Fatal(err)
	}
	if state.Ended() {
		if err := store.Finish(ctx, lease, state, "", []byte(report)); err != nil {
			t.Fatal(err)
		}
	}
	return entered.ID
}

func TestKeptMonths(t *testing.T) {
	store := memory.NewRuns()
	january := map[string]string{"as_of": "2024-01-31"}
	keep(t, store, "ingest", january, asof.RunFailed, "{}")
	again := keep(t, store, "ingest", january, asof.RunCompleted, "{}")
	byDefault := keep(t, store, "ingest", nil, asof.RunCompleted, `{"as_of": "2024-03-31"}`)
	failed := keep(t, store, "ingest", map[string]string{"as_of": "2024-02-29"}, asof.RunFailed, "{}")
	keep(t, store, "ingest", nil, asof.RunFailed, `{}`)
	keep(t, store, "other", map[string]string{"as_of": "2024-04-30"}, asof.RunCompleted, "{}")
	keep(t, store, "ingest", map[string]string{"as_of": "2024-05-31"}, asof.RunRunning, "")
	for i := range 120 { // more than a store lists at once
		keep(t, store, "ingest", map[string]string{"as_of": fmt.Sprintf("19%02d-12-31", i%60)}, asof.RunCompleted, "{}")
	}
	months, err := pipeline.KeptMonths(t.Context(), store, "shop", "ingest")
	if err != nil || len(months) != 63 {
		t.Fatalf("%d months, %v", len(months), err)
	}
	for i, want := range []string{"2024-03-31 " + byDefault, "2024-02-29 " + failed, "2024-01-31 " + again} {
		if got := months[i].Day + " " + months[i].Run.ID; got != want {
			t.Errorf("month %d is %s, want %s", i, got, want)
		}
	}
	if months, err := pipeline.KeptMonths(t.Context(), store, "shop", "none"); err != nil || len(months) != 0 {
		t.Errorf("of a pipeline that never ran: %v, %v", months, err)
	}
}

func TestKeptChecks(t *testing.T) {
	steps, err := pipeline.KeptChecks(asof.Run{ID: "r", Report: []byte(`{"steps": [{"name": "load users", "rows": 3}, {"name": "check users", "table": "users", "rows": 4},
		{"name": "check usage", "table": "usage", "rows": 9}, {"name": "publish"}]}`)})
	if err != nil || len(steps) != 2 || steps[0].Rows != 4 || steps[1].Table != "usage" {
		t.Errorf("%+v, %v", steps, err)
	}
	if steps, err := pipeline.KeptChecks(asof.Run{}); err != nil || len(steps) != 0 {
		t.Errorf("of a run that did not end: %+v, %v", steps, err)
	}
	if _, err := pipeline.KeptChecks(asof.Run{ID: "r", Report: []byte(`[]`)}); err == nil || !strings.Contains(err.Error(), "the report of run r") {
		t.Errorf("of another report: %v", err)
	}
}

func TestCompareMonths(t *testing.T) {
	half, one := 0.5, 1.0
	now := []pipeline.KeptStep{{Table: "t", Rows: 5, Checks: []check.Kept{
		{Rule: check.Mean, Columns: []string{"a"}, Expected: "max 2", Measured: &one},   // its bound has changed
		{Rule: check.Minimum, Columns: []string{"a"}, Expected: "0", Measured: &one},    // one of two
		{Rule: check.Minimum, Columns: []string{"a"}, Expected: "-5", Measured: &one},   // neither of them
		{Rule: check.Maximum, Columns: []string{"a"}, Expected: "9", Measured: &one},    // new
		{Rule: check.NotNull, Columns: []string{"b"}, Measured: &one},                   // of another column before
		{Rule: check.Median, Columns: []string{"a"}, Expected: "max 1", Measured: &one}, // had no values
	}, Profile: []check.Profile{{Column: "a"}, {Column: "b"}}}, {Table: "u"}}
	before := []pipeline.KeptStep{{Table: "gone"}, {Table: "t", Rows: 4, Checks: []check.Kept{
		{Rule: check.Minimum, Columns: []string{"a"}, Expected: "1", Measured: &one},
		{Rule: check.Mean, Columns: []string{"a"}, Expected: "max 1", Measured: &half, Holds: true},
		{Rule: check.Minimum, Columns: []string{"a"}, Expected: "0", Measured: &half},
		{Rule: check.NotNull, Columns: []string{"a"}, Measured: &half},
		{Rule: check.Median, Columns: []string{"a"}, Expected: "max 1", Holds: true},
	}, Profile: []check.Profile{{Column: "a", Nulls: 2}}}}
	got := pipeline.CompareMonths(now, before)
	var said []string
	for _, c := range got[0].Checks {
		text := fmt.Sprintf("%s %s:", c.Rule, c.Expected)
		if c.HeldBefore != nil {
			text += fmt.Sprintf(" held %v", *c.HeldBefore)
		}
		if c.MeasuredBefore != nil {
			text += fmt.Sprintf(" %g", *c.MeasuredBefore)
		}
		said = append(said, text)
	}
	want := []string{"mean max 2: held true 0.5", "min 0: held false 0.5", "min -5:", "max 9:", "not_null :", "median max 1: held true"}
	if d := cmp.Diff(want, said); d != "" {
		t.Error(d)
	}
	if len(got) != 2 || *got[0].RowsBefore != 4 || got[1].RowsBefore != nil || got[0].Columns[0].Before.Nulls != 2 || got[0].Columns[1].Before != nil {
		t.Errorf("%+v", got)
	}
}
