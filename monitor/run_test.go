package monitor_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/monitor"
)

// keeping is the shop with a store of statistics.
func keeping(t *testing.T) *monitor.Monitor {
	m := shop(t, nil)
	m.Statistics = memory.NewStatistics()
	return m
}

func computed(list []monitor.Computed) string {
	var found []string
	for _, c := range list {
		star := ""
		if c.Baseline {
			star = "*"
		}
		found = append(found, fmt.Sprintf("%s %s%s %s..%s %d features %d rows", c.Source, c.Granularity, star, c.Span.From.Format(time.DateOnly), c.Span.To.Format(time.DateOnly), c.Features, c.Rows))
	}
	return strings.Join(found, "\n")
}

func TestRun(t *testing.T) {
	const newest = `batch daily 2024-02-29..2024-02-29 3 features 200 rows
batch weekly 2024-02-26..2024-03-03 3 features 200 rows
batch biweekly 2024-02-19..2024-03-03 3 features 200 rows
batch monthly 2024-02-01..2024-02-29 3 features 200 rows
batch quarterly 2024-01-01..2024-03-31 3 features 400 rows`
	m := keeping(t)
	for _, c := range []struct {
		ask  monitor.Request
		want string
	}{
		{monitor.Request{Features: []string{"fee"}, Baseline: true}, "batch baseline* 2024-01-31..2024-02-29 1 features 400 rows"},
		{monitor.Request{}, "batch baseline* 2024-01-31..2024-02-29 2 features 400 rows\n" + newest},
		{monitor.Request{}, newest},
		{monitor.Request{Granularity: asof.Monthly}, "batch monthly 2024-01-01..2024-01-31 3 features 200 rows\nbatch monthly 2024-02-01..2024-02-29 3 features 200 rows"},
		{monitor.Request{Views: []string{"users"}, Features: []string{"age"}, From: month(1).From, To: month(3).To, Granularity: asof.Monthly},
			"batch monthly 2024-01-01..2024-01-31 1 features 200 rows\nbatch monthly 2024-02-01..2024-02-29 1 features 200 rows\nbatch monthly 2024-03-01..2024-03-31 1 features 0 rows"},
		{monitor.Request{From: month(2).From, To: month(2).To, Baseline: true}, "batch monthly* 2024-02-01..2024-02-29 3 features 200 rows"},
		{monitor.Request{Granularity: asof.Daily}, "batch daily 2024-01-31..2024-01-31 3 features 200 rows\nbatch daily 2024-02-29..2024-02-29 3 features 200 rows"},
	} {
		c.ask.By = "a test"
		done, err := m.Run(t.Context(), c.ask)
		if err != nil {
			t.Fatalf("%+v: %v", c.ask, err)
		}
		if d := cmp.Diff(c.want, computed(done)); d != "" {
			t.Errorf("%+v: -want +got\n%s", c.ask, d)
		}
	}
	list, err := m.Statistics.Statistics(t.Context(), asof.StatisticsQuery{Project: "p", View: "users", Feature: "fee", Granularity: asof.Monthly})
	if err != nil || len(list) != 2 || !list[0].Baseline || list[1].Baseline || list[0].By != "a test" || *list[0].Profile.Mean-*list[1].Profile.Mean != 20 {
		t.Fatalf("fees by month: %+v, %v", list, err)
	}
	edges, err := m.Statistics.Edges(t.Context(), "p", "users")
	if err != nil || !slices.Equal(edges["fee"], list[0].Profile.Edges) || slices.Equal(edges["fee"], list[1].Profile.Edges) {
		t.Errorf("the bins of fees are not those of the last baseline: %v, %v", edges, err)
	}
}

func TestRunMistakes(t *testing.T) {
	m := keeping(t)
	for says, ask := range map[string]monitor.Request{
		`did you mean "users"`:           {Views: []string{"user"}},
		`did you mean "fee"`:             {Features: []string{"fees"}},
		"no answers of servers are logg": {Sources: []asof.StatisticsSource{asof.StatisticsBatch, asof.StatisticsLog}},
		"a baseline is one span":         {Granularity: asof.Monthly, Baseline: true},
		"longer than a quarter":          {From: month(1).From, To: month(12).To},
		"more than 1000 spans":           {From: month(1).From, To: month(1).From.AddDate(10, 0, 0), Granularity: asof.Daily},
	} {
		if done, err := m.Run(t.Context(), ask); err == nil || !strings.Contains(err.Error(), says) || len(done) > 0 {
			t.Errorf("%+v, %v, want an error that says %s", done, err, says)
		}
	}
}

// TestBinsAreKept computes January, then February in January's bins: also where
// somebody else decides them between reading and writing.
func TestBinsAreKept(t *testing.T) {
	m := keeping(t)
	late := &overtaken{StatisticsStore: m.Statistics}
	m.Statistics = late
	january := monitor.Request{Views: []string{"users"}, From: month(1).From, To: month(1).To, By: "the first"}
	late.meanwhile = func() {
		other := *m
		other.Statistics = late.StatisticsStore
		if _, err := other.Run(t.Context(), january); err != nil {
			t.Error(err)
		}
	}
	february := monitor.Request{Views: []string{"users"}, From: month(2).From, To: month(2).To, By: "the second"}
	if _, err := m.Run(t.Context(), february); err != nil {
		t.Fatal(err)
	}
	list, err := m.Statistics.Statistics(t.Context(), asof.StatisticsQuery{Project: "p", Feature: "fee"})
	if err != nil || len(list) != 2 || !slices.Equal(list[0].Profile.Edges, list[1].Profile.Edges) || *list[1].Profile.Max != list[1].Profile.Edges[len(list[1].Profile.Edges)-1] {
		t.Fatalf("%+v, %v", list, err)
	}
	if bins := list[0].Profile.Bins; bins[len(bins)-1] != 200 {
		t.Errorf("February's fees are all above January's, and are counted as %v", bins)
	}
}

// TestBaselineByItself keeps the bins that January decided; one that is asked for
// does not.
func TestBaselineByItself(t *testing.T) {
	m := keeping(t)
	bins := func() []float64 {
		edges, err := m.Statistics.Edges(t.Context(), "p", "users")
		if err != nil {
			t.Fatal(err)
		}
		return edges["fee"]
	}
	run := func(r monitor.Request) {
		if _, err := m.Run(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	run(monitor.Request{Features: []string{"fee"}, From: month(1).From, To: month(1).To})
	first := bins()
	run(monitor.Request{})
	kept, err := m.Statistics.Statistics(t.Context(), asof.StatisticsQuery{Project: "p", Feature: "fee", Baseline: true})
	if err != nil || len(kept) != 1 || !slices.Equal(kept[0].Profile.Edges, first) || !slices.Equal(bins(), first) {
		t.Errorf("January's bins are %v, those of the baseline %+v, those that are kept %v; %v", first, kept, bins(), err)
	}
	if p := kept[0].Profile; p.Bins[len(p.Bins)-1] != 200 {
		t.Errorf("February's fees are all above January's, and are counted as %v", p.Bins)
	}
	run(monitor.Request{Baseline: true})
	if slices.Equal(bins(), first) {
		t.Errorf("a baseline that is asked for keeps January's bins %v", first)
	}
}

// overtaken lets something happen before it keeps what it is first given.
type overtaken struct {
	asof.StatisticsStore
	meanwhile func()
}

func (o *overtaken) Keep(ctx context.Context, list ...asof.Statistics) error {
	if do := o.meanwhile; do != nil {
		o.meanwhile = nil
		do()
	}
	return o.StatisticsStore.Keep(ctx, list...)
}

// TestDriftTakesWhatIsKept compares months without reading their rows again.
func TestDriftTakesWhatIsKept(t *testing.T) {
	m := keeping(t)
	if _, err := m.Run(t.Context(), monitor.Request{Granularity: asof.Monthly}); err != nil {
		t.Fatal(err)
	}
	counting := &counted{OfflineStore: m.Offline}
	m.Offline = counting
	before, after := at(time.Now().Add(-time.Hour)), at(time.Now().Add(time.Hour))
	for _, c := range []struct {
		reference, current monitor.Side
		anew               bool
		changed            monitor.Changed
		queries            int
	}{
		{month(1), month(2), false, before, 0},
		{month(1), month(2), true, before, 2},
		{month(1), month(2), false, after, 2},
		{month(1), month(2), false, at(time.Time{}), 2},
		{month(1), month(2), false, nil, 2},
		{month(1), monitor.Rows(month(2).From.AddDate(0, 0, 1), month(2).To), false, before, 1},
	} {
		counting.queries, m.Anew, m.Changed = 0, c.anew, c.changed
		views, err := m.Drift(t.Context(), nil, nil, c.reference, c.current)
		if err != nil || counting.queries != c.queries {
			t.Fatalf("%d queries, want %d; %v", counting.queries, c.queries, err)
		}
		if d := cmp.Diff("users=drifted fee=drifted plan=drifted age=stable", verdicts(views)); d != "" {
			t.Errorf("-want +got\n%s", d)
		}
	}
}

// at says that all views changed then.
func at(then time.Time) monitor.Changed {
	return func(context.Context, string) (time.Time, error) { return then, nil }
}

// counted counts the queries of profiles.
type counted struct {
	asof.OfflineStore
	queries int
}

func (c *counted) Profile(ctx context.Context, q *asof.ProfileQuery) ([]asof.Profile, error) {
	c.queries++
	return c.OfflineStore.(asof.Profiler).Profile(ctx, q)
}

// TestFollow computes February where January was not kept, then March, which has
// no rows.
func TestFollow(t *testing.T) {
	m := keeping(t)
	f, err := m.Follow(t.Context(), nil, month(2).To, asof.Monthly, "run 1")
	if err != nil || verdicts(f.Views) != "users=drifted fee=drifted plan=drifted age=stable" || len(f.Computed) != 1 || !f.Reference.From.Equal(month(1).From) {
		t.Fatalf("%s %+v %v", verdicts(f.Views), f, err)
	}
	for _, c := range []struct {
		of   monitor.Side
		kept string
	}{{month(1), "run 1 of 3"}, {month(2), "run 1 of 3"}, {month(3), ""}} {
		spans, err := m.Statistics.Spans(t.Context(), asof.StatisticsQuery{Project: "p", View: "users", From: c.of.From, To: c.of.To, Exact: true})
		kept := ""
		for _, s := range spans {
			kept += fmt.Sprintf("%s of %d", s.By, s.Features)
		}
		if err != nil || kept != c.kept {
			t.Errorf("of %s: %q, want %q; %v", c.of.From, kept, c.kept, err)
		}
	}
	by := func(of monitor.Side) string {
		spans, err := m.Statistics.Spans(t.Context(), asof.StatisticsQuery{Project: "p", View: "users", From: of.From, To: of.To, Exact: true})
		if err != nil || len(spans) != 1 {
			t.Fatalf("%+v, %v", spans, err)
		}
		return spans[0].By
	}
	for _, c := range []struct {
		changed monitor.Changed
		run     string
		before  string // what January was computed by
	}{{at(time.Now().Add(-time.Hour)), "run 1 again", "run 1"}, {at(time.Now().Add(time.Hour)), "run 1 anew", "run 1 anew"}} {
		m.Changed = c.changed
		if f, err = m.Follow(t.Context(), nil, month(2).To, asof.Monthly, c.run); err != nil || len(f.Views) != 1 || by(month(1)) != c.before || by(month(2)) != c.run {
			t.Errorf("%s: January by %s, February by %s; %+v, %v", c.run, by(month(1)), by(month(2)), f, err)
		}
	}
	if f, err = m.Follow(t.Context(), []string{"users"}, month(1).To, asof.Monthly, "run 2"); err != nil || len(f.Computed) != 1 || f.Views != nil {
		t.Errorf("the first month: %+v, %v", f, err)
	}
	if f, err = m.Follow(t.Context(), []string{"users"}, month(3).To, asof.Monthly, "run 3"); err != nil || len(f.Computed) != 0 || f.Views != nil {
		t.Errorf("a month without rows: %+v, %v", f, err)
	}
}
