package storetest

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/asof-dev/asof"
)

// Statistics is the conformance suite of asof.StatisticsStore. Each of its tests
// calls fresh for an empty place, and open for a store on it, as another process
// has it.
func Statistics(t *testing.T, fresh func(t *testing.T) (open func() asof.StatisticsStore)) {
	for name, test := range map[string]func(*testing.T, func() asof.StatisticsStore){
		"empty": statisticsEmpty, "kept": statisticsKept, "queries": statisticsQueries, "spans": statisticsSpans, "edges": statisticsEdges,
		"edges at once": statisticsAtOnce, "baseline": statisticsBaseline, "prune": statisticsPrune, "drift": driftKept, "prune drift": driftPruned,
	} {
		t.Run(name, func(t *testing.T) {
			open := fresh(t)
			test(t, func() asof.StatisticsStore {
				s := open()
				t.Cleanup(func() {
					if err := s.Close(); err != nil {
						t.Error(err)
					}
				})
				return s
			})
		})
	}
}

// monthly are statistics of a feature in a month of 2024.
func monthly(view, feature string, month time.Month, edges ...float64) asof.Statistics {
	from := time.Date(2024, month, 1, 0, 0, 0, 0, time.UTC)
	p := asof.Profile{Feature: feature, Kind: asof.ProfileNumber, Rows: 100 + int64(month), Edges: edges}
	if edges != nil {
		p.Bins = make([]int64, len(edges)+1)
	}
	return asof.Statistics{Project: "p", View: view, Source: asof.StatisticsBatch, Granularity: asof.Monthly, From: from, To: from.AddDate(0, 1, 0).Add(-time.Microsecond),
		By: "asof monitor run", Profile: p}
}

func keep(t *testing.T, s asof.StatisticsStore, list ...asof.Statistics) {
	t.Helper()
	if err := s.Keep(t.Context(), list...); err != nil {
		t.Fatal(err)
	}
}

// keptIn lists statistics as view:feature month, and a star for a baseline.
func keptIn(t *testing.T, s asof.StatisticsStore, q asof.StatisticsQuery) string {
	t.Helper()
	list, err := s.Statistics(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, one := range list {
		star := ""
		if one.Baseline {
			star = "*"
		}
		found = append(found, fmt.Sprintf("%s:%s %d%s", one.View, one.Profile.Feature, one.From.Month(), star))
	}
	return strings.Join(found, ", ")
}

func same(t *testing.T, what, got, want string) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s: -want +got\n%s", what, d)
	}
}

func statisticsEmpty(t *testing.T, open func() asof.StatisticsStore) {
	s, ctx := open(), t.Context()
	list, err := s.Statistics(ctx, asof.StatisticsQuery{Project: "p"})
	spans, err2 := s.Spans(ctx, asof.StatisticsQuery{})
	drifts, err3 := s.Drifts(ctx, asof.DriftQuery{Each: 1})
	edges, err4 := s.Edges(ctx, "p", "v")
	if err != nil || err2 != nil || err3 != nil || err4 != nil || len(list)+len(spans)+len(drifts)+len(edges) != 0 {
		t.Errorf("%v %v, %v %v, %v %v, %v %v", list, err, spans, err2, drifts, err3, edges, err4)
	}
	if gone, err := s.Prune(ctx, "p", asof.StatisticsRetention{Age: 1, Spans: 1}, 10); err != nil || gone != 0 {
		t.Errorf("pruned %d, %v", gone, err)
	}
	if err := s.Keep(ctx); err != nil {
		t.Errorf("keeping nothing: %v", err)
	}
}

// statisticsKept reads what was written, to the last bit, by another store.
func statisticsKept(t *testing.T, open func() asof.StatisticsStore) {
	number := func(f float64) *float64 { return &f }
	whole := monthly("vue_été", "prix €", 1, -1.0000000000000002, 0, 1e150)
	whole.By, whole.Baseline = "run 20240201T000000Z-aa", true
	whole.Profile = asof.Profile{Feature: "prix €", Kind: asof.ProfileNumber, Rows: 9, Nulls: 1, NaNs: 2, Infinite: 3, Distinct: 4, Sampled: 5, RankError: 0.001, Min: number(-1),
		Max: number(0.1 + 0.2), Mean: number(1e-300), Stddev: number(3), Quantiles: []float64{1, 2, 3}, Edges: []float64{-1.0000000000000002, 0, 1e150}, Bins: []int64{1, 2, 3, 1 << 60},
		Top: []asof.ValueCount{{Number: 1, Count: 2}}}
	texts := monthly("vue_été", "plan", 1)
	texts.Profile = asof.Profile{Feature: "plan", Kind: asof.ProfileCategory, Rows: 3, Top: []asof.ValueCount{{Text: "a\x00'b\"", Count: 2}, {Text: "été\u2028", Count: 1}}}
	open1 := texts
	open1.From, open1.To, open1.Granularity = time.Time{}, time.Date(9999, 12, 31, 0, 0, 0, 0, time.FixedZone("", 3600)), asof.AllRows
	began := time.Now().Add(-time.Minute)
	keep(t, open(), whole, texts, open1)
	list, err := open().Statistics(t.Context(), asof.StatisticsQuery{Project: "p", View: "vue_été"})
	if err != nil {
		t.Fatal(err)
	}
	open1.To = open1.To.UTC()
	if d := cmp.Diff([]asof.Statistics{open1, texts, whole}, list, cmpopts.IgnoreFields(asof.Statistics{}, "Computed")); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	for _, one := range list {
		if one.Computed.Before(began) || one.Computed.After(time.Now().Add(time.Minute)) {
			t.Errorf("computed %s", one.Computed)
		}
	}
	again := texts
	again.Profile.Rows, again.By = 4, "asof monitor run"
	keep(t, open(), again)
	list, err = open().Statistics(t.Context(), asof.StatisticsQuery{Project: "p", Feature: "plan", Granularity: asof.Monthly})
	if err != nil || len(list) != 1 || list[0].Profile.Rows != 4 || list[0].By != again.By {
		t.Errorf("computed again: %+v, %v", list, err)
	}
}

func statisticsQueries(t *testing.T, open func() asof.StatisticsStore) {
	s := open()
	daily := monthly("b", "x", 3)
	daily.Granularity, daily.From = asof.Daily, daily.To.AddDate(0, 0, -1)
	served := monthly("b", "x", 3)
	served.Source = asof.StatisticsLog
	other := monthly("b", "x", 1)
	other.Project = "q"
	keep(t, s, monthly("b", "x", 2), monthly("b", "x", 3), monthly("b", "Y", 3), monthly("a", "é", 1), monthly("b", "x", 1), daily, served, other)
	march := monthly("b", "x", 3)
	for want, q := range map[string]asof.StatisticsQuery{
		"a:é 1, b:Y 3, b:x 3, b:x 3, b:x 3, b:x 2, b:x 1": {Project: "p"},
		"a:é 1, b:Y 3, b:x 3, b:x 3, b:x 3":               {Project: "p", Each: 1},
		"a:é 1, b:Y 3, b:x 3, b:x 2":                      {Project: "p", Each: 2, Granularity: asof.Monthly, Source: asof.StatisticsBatch},
		"b:x 3, b:x 2":                                    {Project: "p", View: "b", Feature: "x", Granularity: asof.Monthly, Source: asof.StatisticsBatch, Limit: 2},
		"b:Y 3, b:x 3":                                    {Project: "p", View: "b", Granularity: asof.Monthly, Source: asof.StatisticsBatch, From: march.From, To: march.To},
		"b:x 3":                                           {Project: "p", Source: asof.StatisticsLog},
		"b:Y 3, b:x 3, b:x 3":                             {Project: "p", From: march.From, To: march.To, Exact: true},
		"b:Y 3, b:x 3, b:x 3, b:x 3":                      {Project: "p", From: march.From, To: march.To},
		"b:x 1":                                           {Project: "q"},
		"":                                                {Project: "p", View: "b", Feature: "y"},
		"a:é 1, b:x 1":                                    {Project: "p", To: monthly("b", "x", 1).To},
	} {
		same(t, fmt.Sprintf("%+v", q), keptIn(t, s, q), want)
	}
}

func statisticsSpans(t *testing.T, open func() asof.StatisticsStore) {
	s := open()
	first := monthly("v", "x", 1)
	first.Baseline = true
	keep(t, s, first, monthly("v", "y", 1), monthly("v", "x", 2), monthly("a", "x", 1))
	last := monthly("v", "y", 1)
	last.By, last.Profile.Rows = "run 7", 500
	keep(t, s, last)
	list, err := s.Spans(t.Context(), asof.StatisticsQuery{Project: "p", Source: asof.StatisticsBatch})
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, span := range list {
		found = append(found, fmt.Sprintf("%s %s %s..%s %d features %d rows %q %t", span.View, span.Granularity, span.From.Format(time.DateOnly), span.To.Format(time.DateTime),
			span.Features, span.Rows, span.By, span.Baseline))
		if span.Computed.IsZero() {
			t.Errorf("%+v was never computed", span)
		}
	}
	same(t, "spans", strings.Join(found, "\n"), `a monthly 2024-01-01..2024-01-31 23:59:59 1 features 101 rows "asof monitor run" false
v monthly 2024-02-01..2024-02-29 23:59:59 1 features 102 rows "asof monitor run" false
v monthly 2024-01-01..2024-01-31 23:59:59 2 features 500 rows "run 7" true`)
	if list, err := s.Spans(t.Context(), asof.StatisticsQuery{Project: "p", View: "v", Limit: 1}); err != nil || len(list) != 1 || list[0].From.Month() != 2 {
		t.Errorf("the newest span: %+v, %v", list, err)
	}
}

// statisticsEdges keeps the bins that were first, all or nothing.
func statisticsEdges(t *testing.T, open func() asof.StatisticsStore) {
	s, ctx := open(), t.Context()
	keep(t, s, monthly("v", "none", 1), monthly("v", "x", 1, 1, 2, 3), monthly("w", "x", 1, 7))
	edges, err := open().Edges(ctx, "p", "v")
	if d := cmp.Diff(map[string][]float64{"x": {1, 2, 3}}, edges); err != nil || d != "" {
		t.Errorf("%v -want +got\n%s", err, d)
	}
	err = s.Keep(ctx, monthly("v", "y", 2, 1), monthly("v", "x", 2, 1, 2))
	if asof.ErrorCode(err) != asof.CodeConflict || !strings.Contains(err.Error(), "v:x") {
		t.Errorf("other bins: %v", err)
	}
	same(t, "after a refusal", keptIn(t, s, asof.StatisticsQuery{Project: "p", View: "v"}), "v:none 1, v:x 1")
	keep(t, s, monthly("v", "x", 2, 1, 2, 3), monthly("v", "x", 3), monthly("v", "none", 2, 5))
	edges, err = s.Edges(ctx, "p", "v")
	if d := cmp.Diff(map[string][]float64{"x": {1, 2, 3}, "none": {5}}, edges); err != nil || d != "" {
		t.Errorf("%v -want +got\n%s", err, d)
	}
}

// statisticsAtOnce lets several decide the bins of one feature.
func statisticsAtOnce(t *testing.T, open func() asof.StatisticsStore) {
	var wait sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		s := open()
		wait.Go(func() {
			errs[i] = s.Keep(t.Context(), monthly("v", "x", time.Month(i+1), float64(i)), monthly("v", "y", time.Month(i+1)))
		})
	}
	wait.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if asof.ErrorCode(err) != asof.CodeConflict {
			t.Error(err)
		}
	}
	list, err := open().Statistics(t.Context(), asof.StatisticsQuery{Project: "p"})
	if won != 1 || err != nil || len(list) != 2 {
		t.Errorf("%d decided the bins, and %d are kept, %v", won, len(list), err)
	}
}

func statisticsBaseline(t *testing.T, open func() asof.StatisticsStore) {
	s := open()
	with := func(one asof.Statistics) asof.Statistics {
		one.Baseline = true
		return one
	}
	served := with(monthly("v", "x", 1, 1, 2))
	served.Source = asof.StatisticsLog
	keep(t, s, with(monthly("v", "x", 1, 1, 2)), with(monthly("v", "y", 1, 4)), served)
	keep(t, s, monthly("v", "x", 2, 1, 2), with(monthly("v", "x", 3, 9)))
	same(t, "baselines", keptIn(t, s, asof.StatisticsQuery{Project: "p", Source: asof.StatisticsBatch, Baseline: true}), "v:x 3*, v:y 1*")
	same(t, "of what is served", keptIn(t, s, asof.StatisticsQuery{Project: "p", Source: asof.StatisticsLog}), "v:x 1*")
	edges, err := s.Edges(t.Context(), "p", "v")
	if d := cmp.Diff(map[string][]float64{"x": {9}, "y": {4}}, edges); err != nil || d != "" {
		t.Errorf("%v -want +got\n%s", err, d)
	}
	keep(t, s, monthly("v", "x", 3, 9)) // computed again, and no baseline any more
	same(t, "given up", keptIn(t, s, asof.StatisticsQuery{Project: "p", Feature: "x", Source: asof.StatisticsBatch, Baseline: true}), "")
}
