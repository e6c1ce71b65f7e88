package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/asof-dev/asof"
)

func statisticsPrune(t *testing.T, open func() asof.StatisticsStore) {
	s := open()
	first := monthly("v", "x", 1)
	first.Baseline = true
	other := monthly("v", "x", 1)
	other.Project = "q"
	prune := func(r asof.StatisticsRetention, limit int, gone int64, left string) {
		t.Helper()
		if n, err := s.Prune(t.Context(), "p", r, limit); err != nil || n != gone {
			t.Errorf("%+v: %d are gone, %v", r, n, err)
		}
		same(t, fmt.Sprintf("%+v", r), keptIn(t, s, asof.StatisticsQuery{Project: "p"}), left)
	}
	keep(t, s, first, other, monthly("v", "y", 4), monthly("v", "y", 1), monthly("v", "x", 2))
	keep(t, s, monthly("v", "x", 3), monthly("v", "x", 4), monthly("w", "x", 1))
	const all = "v:x 4, v:x 3, v:x 2, v:x 1*, v:y 4, v:y 1, w:x 1"
	prune(asof.StatisticsRetention{}, 10, 0, all)
	prune(asof.StatisticsRetention{Age: time.Hour, Spans: 4}, 10, 0, all)
	prune(asof.StatisticsRetention{Spans: 2}, 1, 1, "v:x 4, v:x 3, v:x 2, v:x 1*, v:y 4, w:x 1")
	prune(asof.StatisticsRetention{Spans: 2}, 10, 1, "v:x 4, v:x 3, v:x 1*, v:y 4, w:x 1")
	time.Sleep(2 * time.Millisecond)
	prune(asof.StatisticsRetention{Age: time.Millisecond}, 10, 4, "v:x 1*")
	same(t, "another project", keptIn(t, s, asof.StatisticsQuery{Project: "q"}), "v:x 1")
}

// judged is a verdict of a view's month against the one before.
func judged(view string, month time.Month, verdict asof.Verdict) asof.ViewDrift {
	now, before := monthly(view, "", month), monthly(view, "", month-1)
	d := asof.ViewDrift{Project: "p", View: view, By: "asof monitor drift", Verdict: verdict, Compared: 1,
		Current:   asof.DriftSide{Source: asof.StatisticsBatch, From: now.From, To: now.To},
		Reference: asof.DriftSide{Source: asof.StatisticsBatch, From: before.From, To: before.To},
		Features:  []asof.FeatureDrift{{Feature: "prix €", Verdict: verdict, Measures: map[string]float64{"psi": 0.1 + 0.2}}}}
	if verdict == asof.VerdictDrifted {
		d.Drifted, d.Features[0].Reasons, d.Features[0].New, d.Features[0].Vanished = 1, []string{"PSI is 0.3"}, []string{"a\x00b"}, []string{"é"}
	}
	return d
}

func verdicts(t *testing.T, s asof.StatisticsStore, q asof.DriftQuery) string {
	t.Helper()
	list, err := s.Drifts(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, d := range list {
		found = append(found, fmt.Sprintf("%s %d%s %s", d.View, d.Current.From.Month(), d.Reference.Name, d.Verdict))
	}
	return strings.Join(found, ", ")
}

func driftKept(t *testing.T, open func() asof.StatisticsStore) {
	s, ctx := open(), t.Context()
	fixed, served, other := judged("v", 3, asof.VerdictUnknown), judged("v", 3, asof.VerdictStable), judged("v", 5, asof.VerdictStable)
	fixed.Reference.Name, served.Current.Source, other.Project = "baseline", asof.StatisticsLog, "q"
	february := judged("v", 2, asof.VerdictDrifted)
	for _, list := range [][]asof.ViewDrift{{judged("v", 3, asof.VerdictStable), served, other}, {fixed}, {february, judged("a", 2, asof.VerdictStable)}, nil} {
		if err := s.KeepDrift(ctx, list...); err != nil {
			t.Fatal(err)
		}
	}
	for want, q := range map[string]asof.DriftQuery{
		"a 2 stable, v 3baseline unknown, v 3 stable, v 2 drifted": {Project: "p", Source: asof.StatisticsBatch},
		"a 2 stable, v 3baseline unknown":                          {Project: "p", Source: asof.StatisticsBatch, Each: 1},
		"v 3baseline unknown, v 3 stable":                          {Project: "p", View: "v", Source: asof.StatisticsBatch, Limit: 2},
		"v 3 stable":                                               {Project: "p", Source: asof.StatisticsLog},
		"v 5 stable":                                               {Project: "q"},
	} {
		same(t, fmt.Sprintf("%+v", q), verdicts(t, s, q), want)
	}
	list, err := open().Drifts(ctx, asof.DriftQuery{Project: "p", View: "v", Source: asof.StatisticsBatch})
	if err != nil || len(list) != 3 || list[2].Judged.IsZero() {
		t.Fatalf("%+v, %v", list, err)
	}
	if d := cmp.Diff(february, list[2], cmpopts.IgnoreFields(asof.ViewDrift{}, "Judged")); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	list, err = s.Drifts(ctx, asof.DriftQuery{Project: "p", View: "v", Each: 1, Brief: true})
	if err != nil || len(list) != 2 || list[0].Features != nil || list[0].Compared != 1 {
		t.Errorf("in brief: %+v, %v", list, err)
	}
	if err := s.KeepDrift(ctx, judged("v", 2, asof.VerdictStable)); err != nil {
		t.Fatal(err)
	}
	same(t, "judged again", verdicts(t, s, asof.DriftQuery{Project: "p", View: "v", Source: asof.StatisticsBatch}), "v 3baseline unknown, v 3 stable, v 2 stable")
}

func driftPruned(t *testing.T, open func() asof.StatisticsStore) {
	s, ctx := open(), t.Context()
	fixed := judged("v", 4, asof.VerdictStable)
	fixed.Reference.Name = "baseline"
	if err := s.KeepDrift(ctx, judged("v", 2, asof.VerdictStable), judged("v", 3, asof.VerdictStable), judged("v", 4, asof.VerdictStable), fixed); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		keep asof.StatisticsRetention
		gone int64
		left string
	}{
		{asof.StatisticsRetention{Age: time.Hour, Spans: 3}, 0, "v 4baseline stable, v 4 stable, v 3 stable, v 2 stable"},
		{asof.StatisticsRetention{Spans: 1}, 2, "v 4baseline stable, v 4 stable"},
		{asof.StatisticsRetention{Age: time.Microsecond}, 2, ""},
	} {
		time.Sleep(time.Millisecond)
		if gone, err := s.Prune(ctx, "p", c.keep, 10); err != nil || gone != c.gone {
			t.Errorf("%+v: %d are gone, %v", c.keep, gone, err)
		}
		same(t, fmt.Sprintf("%+v", c.keep), verdicts(t, s, asof.DriftQuery{Project: "p"}), c.left)
	}
}
