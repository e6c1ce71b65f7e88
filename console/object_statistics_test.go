package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/memory"
)

// describedConsole has a view of many features, and statistics of three months of the
// first three: a number that jumps in March, a category, a time.
func describedConsole(t *testing.T, change func(*Options)) *Console {
	t.Helper()
	ctx, statistics := t.Context(), memory.NewStatistics()
	people := &asof.FeatureView{Name: "people", Kind: asof.ViewPlain, Online: true, Enabled: true, Source: &asof.DataSource{Name: "rows", Kind: asof.SourcePostgres, Table: "people", TimestampField: "at"},
		Features: []asof.Field{{Name: "fee", Type: asof.Scalar(asof.TypeFloat64)}, {Name: "plan", Type: asof.Scalar(asof.TypeString)}, {Name: "since", Type: asof.Scalar(asof.TypeUnixTimestamp)}}}
	for i := range 400 {
		people.Features = append(people.Features, asof.Field{Name: fmt.Sprintf("wide_%03d", i), Type: asof.Scalar(asof.TypeFloat64)})
	}
	var list []asof.Statistics
	for month := range 3 {
		from := time.Date(2024, time.Month(1+month), 1, 0, 0, 0, 0, time.UTC)
		mean, least, greatest, spread := 20+100*float64(month/2), 10.5, 30.0+200*float64(month/2), 2.25
		since := float64(time.Date(2020, 2, 29, 12, 0, 0, 0, time.UTC).Unix())
		var quantiles []float64
		for _, level := range asof.ProfileLevels {
			quantiles = append(quantiles, least+level*(greatest-least))
		}
		profiles := []asof.Profile{
			{Feature: "fee", Kind: asof.ProfileNumber, Rows: 200, Nulls: int64(10 * month), Distinct: 50, Min: &least, Mean: &mean, Max: &greatest, Stddev: &spread, Quantiles: quantiles,
				Edges: []float64{10, 15, 20, 25}, Bins: []int64{0, 60, 70, int64(70 - 10*month), 0}},
			{Feature: "plan", Kind: asof.ProfileCategory, Rows: 200, Distinct: 3, Top: []asof.ValueCount{{Text: evil, Count: 150}, {Text: "Zoë", Count: 49}, {Count: 1}}},
			{Feature: "since", Kind: asof.ProfileTime, Rows: 200, Distinct: 1, Min: &since, Mean: &since, Max: &since},
			{Feature: "gone", Kind: asof.ProfileNumber, Rows: 200},
		}
		for i := range 400 {
			profiles = append(profiles, asof.Profile{Feature: fmt.Sprintf("wide_%03d", i), Kind: asof.ProfileNumber, Rows: 200, Nulls: 200})
		}
		for _, p := range profiles {
			list = append(list, asof.Statistics{Project: "p", View: "people", Source: asof.StatisticsBatch, Granularity: asof.Monthly, From: from, To: from.AddDate(0, 1, 0).Add(-time.Microsecond), Profile: p})
		}
		if month == 2 {
			served := list[len(list)-len(profiles)]
			served.Source, served.Profile.Rows = asof.StatisticsLog, 77
			daily := served
			daily.Source, daily.Granularity, daily.From = asof.StatisticsBatch, asof.Daily, daily.To.Add(time.Microsecond-24*time.Hour)
			list = append(list, served, daily)
		}
	}
	if err := statistics.Keep(ctx, list...); err != nil {
		t.Fatal(err)
	}
	side := func(of asof.Statistics) asof.DriftSide {
		return asof.DriftSide{Source: of.Source, From: of.From, To: of.To}
	}
	if err := statistics.KeepDrift(ctx, asof.ViewDrift{Project: "p", View: "people", Reference: side(list[0]), Current: side(list[len(list)-3]), Verdict: asof.VerdictDrifted, Drifted: 1, Compared: 2,
		Features: []asof.FeatureDrift{{Feature: "fee", Verdict: asof.VerdictDrifted, Reasons: []string{"mean moved by " + evil}}, {Feature: "plan", Verdict: asof.VerdictStable}}}); err != nil {
		t.Fatal(err)
	}
	ledger := memory.NewLedger()
	m := asof.Materialization{Project: "p", View: "people", Span: asof.Interval{To: list[0].To}, Started: time.Now(), Cause: "pipeline ingest"}
	var err error
	if m.ID, err = ledger.Begin(ctx, m); err == nil {
		m.Finished, m.Newest, m.Written = time.Now(), time.Now().UTC().AddDate(0, -5, 0), 200
		err = ledger.Finish(ctx, m)
	}
	if err != nil {
		t.Fatal(err)
	}
	calendar, err := asof.ParseFreshness("monthly, due day 5, grace 10 days")
	if err != nil {
		t.Fatal(err)
	}
	return opened(t, 2, func(o *Options) {
		o.Statistics = func(context.Context) (asof.StatisticsStore, error) { return statistics, nil }
		o.Ledger, o.Calendars = func(context.Context) (asof.Ledger, error) { return ledger, nil }, asof.Calendars{Default: &calendar}
		if _, err := o.Registry.Apply(ctx, "p", asof.Change{Put: []asof.Object{people}}); err != nil {
			t.Fatal(err)
		}
		if change != nil {
			change(o)
		}
	})
}

// TestStatisticsOfAView: the newest month of each of its features, with the
// verdict on it, how many rows there were, and how the view stands to its
// calendar; the page stays small.
func TestStatisticsOfAView(t *testing.T) {
	c := describedConsole(t, nil)
	s := dataOf[shown](t, c, "/catalog/view/people")
	p := s.Statistics
	if p == nil || p.Granularity != asof.Monthly || len(p.List) != 403 || p.More != 0 || len(p.Verdicts) != 1 {
		t.Fatalf("statistics are %+v", p)
	}
	fee := p.List[slices.IndexFunc(p.List, func(one statistic) bool { return one.Profile.Feature == "fee" })]
	if fee.Span() != "2024-03" || fee.Mean() != "120" || fee.Nulls() != 0.1 || fee.Verdict != asof.VerdictDrifted {
		t.Errorf("fee: %s %s %g %s", fee.Span(), fee.Mean(), fee.Nulls(), fee.Verdict)
	}
	if s.Fresh == nil || s.Fresh.State != asof.Stale || s.Fresh.Waits == "" || s.Fresh.Command != "asof pipeline run ingest" || len(s.Ledger) != 1 {
		t.Errorf("freshness is %+v", s.Fresh)
	}
	for language, want := range map[string][]string{
		"en": {"Rows through time", "2024-03, compared with 2024-01", "2020-02-29 12:00", `class="state stale"`, "10.0 %", "103 more"},
		"fr": {"Lignes au fil du temps", "2024-03, comparé à 2024-01", "10,0 %", "Écart type"}} {
		status, page := get(c, "/catalog/view/people", "Accept-Language", language)
		if status != http.StatusOK || len(page) > 300<<10 || strings.Contains(page, "<script>") || strings.Contains(page, "gone") {
			t.Errorf("%s: %d, %d bytes", language, status, len(page))
		}
		for _, text := range want {
			if !strings.Contains(page, text) {
				t.Errorf("%s: no %q in\n%s", language, text, page)
			}
		}
	}
}

// TestStatisticsOfOtherFeatures: a first feature of which nothing is kept yet does
// not hide the others.
func TestStatisticsOfOtherFeatures(t *testing.T) {
	c := describedConsole(t, nil)
	snapshot, err := c.o.Registry.Snapshot(t.Context(), "p")
	if err != nil {
		t.Fatal(err)
	}
	v, err := snapshot.View("people")
	if err != nil {
		t.Fatal(err)
	}
	wider := *v
	wider.Features = append([]asof.Field{{Name: "new", Type: asof.Scalar(asof.TypeFloat64)}}, v.Features...)
	if _, err := c.o.Registry.Apply(t.Context(), "p", asof.Change{Put: []asof.Object{&wider}}); err != nil {
		t.Fatal(err)
	}
	if p := dataOf[shown](t, c, "/catalog/view/people").Statistics; p == nil || p.Granularity != asof.Monthly || len(p.List) != 403 {
		t.Errorf("statistics are %+v", p)
	}
}

// TestStatisticsOfAFeature: its months, of the source and as served, drawn by
// what they are.
func TestStatisticsOfAFeature(t *testing.T) {
	c := describedConsole(t, nil)
	p := dataOf[shown](t, c, "/catalog/feature/people:fee").Statistics
	if p == nil || p.Granularity != asof.Monthly || len(p.List) != 4 || len(p.Verdicts) != 1 || len(p.Verdicts[0].Features) != 1 || p.Verdicts[0].Features[0].Feature != "fee" {
		t.Fatalf("statistics are %+v", p)
	}
	for feature, want := range map[string]struct {
		charts int
		texts  []string
	}{
		"fee":      {3, []string{"Mean through time", "Share of nulls", "Distribution of the values", "served, 2024-03", "drifted", "mean moved by"}},
		"plan":     {1, []string{"Most frequent values", "Zoë", "stable"}},
		"since":    {0, []string{"2020-02-29 12:00"}},
		"wide_007": {1, []string{"100.0 %", "Share of nulls"}},
	} {
		status, page := get(c, "/catalog/feature/"+url.PathEscape("people:"+feature))
		if charts := strings.Count(page, `<svg class="chart"`); status != http.StatusOK || charts != want.charts || strings.Contains(page, "<script>") {
			t.Errorf("%s: %d with %d charts\n%s", feature, status, charts, page)
		}
		for _, text := range want.texts {
			if !strings.Contains(page, text) {
				t.Errorf("%s: no %q in\n%s", feature, text, page)
			}
		}
	}
}

// TestStatisticsThatAreNotThere: nothing kept, and stores that do not answer,
// leave the rest of the page.
func TestStatisticsThatAreNotThere(t *testing.T) {
	refused := errors.New("connection refused")
	c := describedConsole(t, nil)
	if status, page := get(c, "/catalog/view/view_0"); status != http.StatusOK || !strings.Contains(page, "asof monitor run") {
		t.Errorf("of a view without statistics: %d\n%s", status, page)
	}
	c = describedConsole(t, func(o *Options) {
		o.Statistics = func(context.Context) (asof.StatisticsStore, error) { return nil, refused }
		o.Ledger = func(context.Context) (asof.Ledger, error) { return nil, refused }
	})
	status, page := get(c, "/catalog/feature/people:fee")
	if n := strings.Count(page, "connection refused"); status != http.StatusOK || n != 2 || !strings.Contains(page, "get-online-features") {
		t.Errorf("without stores: %d, said %d times\n%s", status, n, page)
	}
}

// Periods of the calendar are shown rather than a baseline, the most that there
// are, and the longest where there are as many.
func TestMostOf(t *testing.T) {
	for want, list := range map[asof.Granularity][]asof.Granularity{"": nil, asof.AllRows: {asof.AllRows, asof.AllRows}, asof.Daily: {asof.AllRows, asof.AllRows, asof.Daily},
		asof.Monthly: {asof.Daily, asof.Weekly, asof.Monthly}, asof.Weekly: {asof.Daily, asof.Weekly, asof.Weekly, asof.Monthly}} {
		if got := mostOf(list, func(g asof.Granularity) asof.Granularity { return g }); got != want {
			t.Errorf("of %v it is %q, want %q", list, got, want)
		}
	}
}
