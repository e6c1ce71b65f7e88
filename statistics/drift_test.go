package statistics_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/statistics"
)

// numbers is the profile of values and nulls, in bins.
func numbers(edges, values []float64, nulls int) *asof.Profile {
	p := &asof.Profile{Feature: "fee", Kind: asof.ProfileNumber, Rows: int64(len(values) + nulls), Nulls: int64(nulls), Edges: edges}
	if len(values) == 0 {
		p.Bins = make([]int64, len(edges)+1)
		return p
	}
	sorted := slices.Sorted(slices.Values(values))
	mean, stddev := statistics.Moments(values)
	p.Min, p.Max, p.Mean, p.Stddev = &sorted[0], &sorted[len(sorted)-1], &mean, &stddev
	for _, level := range asof.ProfileLevels {
		p.Quantiles = append(p.Quantiles, statistics.Quantile(sorted, level))
	}
	if edges == nil {
		edges = statistics.Edges(p)
		p.Edges = edges
	}
	p.Bins = make([]int64, len(edges)+1)
	for _, v := range values {
		i, _ := slices.BinarySearch(edges, v)
		p.Bins[i]++
	}
	return p
}

func categories(rows map[string]int64) *asof.Profile {
	p := &asof.Profile{Feature: "plan", Kind: asof.ProfileCategory}
	for v, n := range rows {
		p.Top = append(p.Top, asof.ValueCount{Text: v, Count: n})
		p.Rows, p.Distinct = p.Rows+n, p.Distinct+1
	}
	slices.SortFunc(p.Top, func(a, b asof.ValueCount) int { return strings.Compare(a.Text, b.Text) })
	return p
}

func draw(n int, mean, stddev float64) []float64 {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	values := make([]float64, n)
	for i := range values {
		values[i] = mean + stddev*r.NormFloat64()
	}
	return values
}

func TestEdges(t *testing.T) {
	for name, values := range map[string][]float64{"constant": {5, 5, 5}, "two values": {0, 0, 0, 1}, "one value": {-3}, "spread": draw(1000, 0, 1)} {
		p := numbers(nil, values, 0)
		if !slices.IsSorted(p.Edges) || p.Bins[0] != 0 || p.Bins[len(p.Bins)-1] != 0 {
			t.Errorf("%s: edges %v, bins %v: those outside are not empty", name, p.Edges, p.Bins)
		}
	}
	if got := statistics.Edges(numbers(nil, nil, 4)); got != nil {
		t.Errorf("of nulls: %v", got)
	}
}

func TestJudge(t *testing.T) {
	reference := numbers(nil, draw(5000, 10, 2), 50)
	few := numbers(nil, draw(30, 10, 2), 0)
	plans := categories(map[string]int64{"basic": 500, "plus": 300, "été": 200})
	for name, c := range map[string]struct {
		reference, current *asof.Profile
		verdict            asof.Verdict
		why                string
	}{
		"the same again":                    {reference, numbers(reference.Edges, draw(4000, 10, 2), 45), asof.VerdictStable, ""},
		"moved":                             {reference, numbers(reference.Edges, draw(4000, 13, 2), 45), asof.VerdictDrifted, "mean moved by 1.49"},
		"wider, with the same mean":         {reference, numbers(reference.Edges, draw(4000, 10, 6), 45), asof.VerdictDrifted, "PSI"},
		"nulls":                             {reference, numbers(reference.Edges, draw(4000, 10, 2), 4000), asof.VerdictDrifted, "share of nulls changed by 0.49"},
		"nothing but nulls":                 {reference, numbers(reference.Edges, nil, 4000), asof.VerdictDrifted, "share of nulls"},
		"constant, then other":              {numbers(nil, []float64{5, 5, 5, 5, 5, 5, 5, 5, 5, 5}, 0), numbers([]float64{math.Nextafter(5, 0), 5}, []float64{4, 4, 4, 4, 4, 4, 4, 4, 4, 4}, 0), asof.VerdictDrifted, "PSI"},
		"few rows, by chance":               {few, numbers(few.Edges, draw(25, 10, 2), 0), asof.VerdictStable, ""},
		"no rows":                           {reference, numbers(reference.Edges, nil, 0), asof.VerdictUnknown, "there are no rows"},
		"no reference":                      {numbers(nil, nil, 0), reference, asof.VerdictUnknown, "the reference has no rows"},
		"another kind":                      {reference, plans, asof.VerdictDrifted, "it is category, and was number"},
		"the same plans":                    {plans, categories(map[string]int64{"basic": 52, "plus": 29, "été": 19}), asof.VerdictStable, ""},
		"plans that are new":                {plans, categories(map[string]int64{"basic": 500, "plus": 300, "ultra": 200}), asof.VerdictDrifted, "share of new categories is 0.2"},
		"a plan that is new, and rare":      {plans, categories(map[string]int64{"basic": 500, "plus": 300, "été": 200, "ultra": 2}), asof.VerdictStable, ""},
		"one without values, one with some": {numbers(nil, nil, 400), numbers(nil, draw(400, 1, 1), 0), asof.VerdictDrifted, "share of nulls"},
	} {
		d := statistics.Defaults().Judge(c.reference, c.current)
		if d.Verdict != c.verdict || !strings.Contains(strings.Join(d.Reasons, "; "), c.why) {
			t.Errorf("%s: %s (%s), want %s (%s)", name, d.Verdict, strings.Join(d.Reasons, "; "), c.verdict, c.why)
		}
	}
	never := statistics.Defaults()
	never.MeanShift, never.PSI, never.JensenShannon, never.KS = math.NaN(), math.NaN(), math.NaN(), math.NaN()
	if d := never.Judge(reference, numbers(reference.Edges, draw(4000, 13, 2), 45)); d.Verdict != asof.VerdictStable {
		t.Errorf("without thresholds: %s %v", d.Verdict, d.Reasons)
	}
}

// TestCategories has new and vanished ones, and those that are not all listed.
func TestCategories(t *testing.T) {
	before := categories(map[string]int64{"a": 50, "b": 30, "c": 20})
	now := categories(map[string]int64{"a": 50, "b": 30, "d": 20})
	m := statistics.Compare(before, now)
	if d := cmp.Diff([][]string{{"d"}, {"c"}}, [][]string{m.New, m.Vanished}); d != "" || m.NewShare == nil || *m.NewShare != 0.2 {
		t.Errorf("new and vanished: %s, share %v", d, m.NewShare)
	}
	now.Distinct, now.Rows = 9, now.Rows+6 // six more values, which are not listed: c may be one
	if m = statistics.Compare(before, now); m.Vanished != nil || len(m.New) != 1 {
		t.Errorf("with a list that is not whole: new %v, vanished %v", m.New, m.Vanished)
	}
}

func TestWorst(t *testing.T) {
	s, u, d := statistics.Drift{Verdict: asof.VerdictStable}, statistics.Drift{Verdict: asof.VerdictUnknown}, statistics.Drift{Verdict: asof.VerdictDrifted}
	for want, list := range map[asof.Verdict][]statistics.Drift{asof.VerdictStable: {s, s}, asof.VerdictUnknown: {s, u, s}, asof.VerdictDrifted: {s, d, u}} {
		if got := statistics.Worst(list); got != want {
			t.Errorf("%v, want %s", got, want)
		}
	}
}
