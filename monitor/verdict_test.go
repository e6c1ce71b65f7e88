package monitor_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/monitor"
)

// TestKeep holds that a change of a view's verdict is told once: comparing the
// same again, something older, or nothing, tells nothing.
func TestKeep(t *testing.T) {
	m := shop(t, nil)
	m.Statistics = memory.NewStatistics()
	baseline := month(1)
	baseline.Name = "baseline"
	for i, c := range []struct {
		reference, current monitor.Side
		want               string
	}{
		{month(1), month(1), ""},
		{month(1), month(2), "stable users drifted"},
		{month(1), month(2), ""},
		{baseline, month(2), " users drifted"},
		{month(1), month(1), ""},
		{month(2), month(3), ""}, // no rows
		{baseline, month(2), ""},
	} {
		views, err := m.Drift(t.Context(), nil, nil, c.reference, c.current)
		if err != nil {
			t.Fatal(err)
		}
		changes, err := m.Keep(t.Context(), "test", c.reference, c.current, views)
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, change := range changes {
			told = append(told, fmt.Sprint(change.Before, " ", change.Now.View, " ", change.Now.Verdict))
		}
		if got := strings.Join(told, ", "); got != c.want {
			t.Errorf("%d: told %q, want %q", i, got, c.want)
		}
	}
	kept, err := m.Statistics.Drifts(t.Context(), asof.DriftQuery{Project: "p", View: "users"})
	if err != nil || len(kept) != 3 { // of March there are no rows
		t.Fatalf("%d verdicts, %v", len(kept), err)
	}
	last := kept[0]
	if d := cmp.Diff([]string{"fee", "plan", "age"}, []string{last.Features[0].Feature, last.Features[1].Feature, last.Features[2].Feature}); d != "" || last.Drifted != 2 || last.Compared != 3 ||
		last.Features[0].Measures["psi"] < 0.25 || len(last.Features[0].Reasons) == 0 || last.Features[1].New[0] != "ultra" || last.By != "test" {
		t.Errorf("kept %+v %s", last, d)
	}
	if changes, err := m.Keep(t.Context(), "test", month(1), month(2), nil); err != nil || changes != nil {
		t.Errorf("nothing was kept: %v, %v", changes, err)
	}
}

// TestRecovery tells that a view is again as its reference.
func TestRecovery(t *testing.T) {
	m := shop(t, nil)
	m.Statistics = memory.NewStatistics()
	for i, c := range []struct {
		current monitor.Side
		verdict asof.Verdict
		told    int
	}{{month(2), asof.VerdictDrifted, 1}, {month(3), asof.VerdictUnknown, 0}, {month(4), asof.VerdictStable, 1}, {month(5), asof.VerdictStable, 0}} {
		changes, err := m.Keep(t.Context(), "test", month(1), c.current, []monitor.View{{View: "users", Verdict: c.verdict}})
		if err != nil || len(changes) != c.told {
			t.Errorf("%d: %+v, %v", i, changes, err)
		}
	}
}

// TestKeepGone holds that a verdict does not outlive the rows that it is of.
func TestKeepGone(t *testing.T) {
	m := shop(t, nil)
	m.Statistics = memory.NewStatistics()
	view := monitor.View{View: "users", Verdict: asof.VerdictDrifted, Features: make([]monitor.Feature, 1)}
	for _, rows := range []int64{1, 0} {
		if view.Features[0].Current.Rows = rows; rows == 0 {
			view.Verdict = asof.VerdictUnknown
		}
		if _, err := m.Keep(t.Context(), "test", month(1), month(2), []monitor.View{view}); err != nil {
			t.Fatal(err)
		}
		if kept, err := m.Statistics.Drifts(t.Context(), asof.DriftQuery{Project: "p"}); err != nil || len(kept) != 1 || kept[0].Verdict != view.Verdict {
			t.Errorf("%d rows: %+v, %v", rows, kept, err)
		}
	}
}
