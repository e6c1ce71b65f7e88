package report

import (
	"html/template"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/chart"
	"github.com/asof-dev/asof/monitor"
	"github.com/asof-dev/asof/statistics"
)

// featureSheet is a feature: why it has its verdict, and both distributions.
type featureSheet struct {
	*monitor.Feature
	Notes    []string
	Chart    template.HTML
	Measures []measure
	Numbers  []pair
	Shares   []pair // the numbers of the chart
}

// measure is how far the two are apart, and from where on that is drift.
type measure struct {
	Name, Value, From, Chance string
	Over                      bool
}

// pair is a number of both sides.
type pair struct{ Name, Then, Now string }

// newFeature describes a feature of a view for the sides of these names.
func newFeature(view string, f *monitor.Feature, then, now string) featureSheet {
	s := featureSheet{Feature: f, Notes: monitor.Notes(f), Measures: measures(f), Numbers: numbers(f)}
	words := chart.Frame{Title: f.Feature + " of " + view, Description: "Its values in " + then + " and in " + now + ". The numbers are in the table below."}
	switch {
	case f.Reference.Kind != f.Current.Kind:
	case f.Current.Kind == asof.ProfileCategory:
		labels, shares := categories(f)
		s.Chart = chart.Bars{Frame: words, Labels: labels, Unit: " %", Series: []chart.Series{{Name: then, Values: shares[0]}, {Name: now, Values: shares[1]}}}.SVG()
		for i, label := range labels {
			s.Shares = append(s.Shares, pair{label, percent(shares[0][i]), percent(shares[1][i])})
		}
	case len(f.Current.Bins) > 0:
		h := chart.Histogram{Frame: words, Edges: f.Current.Edges, Times: f.Current.Kind == asof.ProfileTime,
			Series: []chart.Distribution{{Name: then, Counts: f.Reference.Bins}, {Name: now, Counts: f.Current.Bins}}}
		s.Chart = h.SVG()
		for bin := range f.Current.Bins {
			s.Shares = append(s.Shares, pair{h.Label(bin), binShare(&f.Reference, bin), binShare(&f.Current, bin)})
		}
	}
	return s
}

func binShare(p *asof.Profile, bin int) string {
	if bin >= len(p.Bins) || p.Values() == 0 {
		return "–"
	}
	return percent(100 * float64(p.Bins[bin]) / float64(p.Values()))
}

func percent(share float64) string {
	if math.IsNaN(share) {
		return "–"
	}
	return strconv.FormatFloat(share, 'f', 2, 64) + " %"
}

// shown is how many categories a chart has; the rest is one more.
const shown = 20

// categories returns the most frequent categories of both sides, and their shares
// in percent.
func categories(f *monitor.Feature) (labels []string, shares [2][]float64) {
	sides := [2]*asof.Profile{&f.Reference, &f.Current}
	share := [2]map[string]float64{{}, {}}
	for i, p := range sides {
		for _, v := range p.Top {
			share[i][v.Text] = math.Round(10_000*float64(v.Count)/float64(max(statistics.Tallied(p), 1))) / 100
			if !slices.Contains(labels, v.Text) {
				labels = append(labels, v.Text)
			}
		}
	}
	slices.SortStableFunc(labels, func(a, b string) int {
		if x, y := max(share[0][a], share[1][a]), max(share[0][b], share[1][b]); x != y {
			return int(math.Copysign(1, y-x))
		}
		return 0
	})
	const rounding = 0.005 * (shown + 1) // of that many shares
	labels = labels[:min(len(labels), shown)]
	rest := [2]float64{100, 100}
	for i, p := range sides {
		if statistics.Tallied(p) == 0 {
			shares[i], rest[i] = slices.Repeat([]float64{math.NaN()}, len(labels)), math.NaN()
			continue
		}
		for _, label := range labels {
			shares[i] = append(shares[i], share[i][label])
			rest[i] -= share[i][label]
		}
	}
	if rest[0] > rounding || rest[1] > rounding {
		labels = append(labels, "(all others)")
		shares[0], shares[1] = append(shares[0], math.Round(max(0, rest[0])*100)/100), append(shares[1], math.Round(max(0, rest[1])*100)/100)
	}
	for i, label := range labels {
		if label == "" {
			labels[i] = "(empty text)"
		}
	}
	return labels, shares
}

// measures lists what was measured, with its thresholds.
func measures(f *monitor.Feature) (list []measure) {
	for _, m := range f.Judged(f.Thresholds) {
		from := "never"
		if !math.IsNaN(m.Threshold) {
			from = chart.Number(m.Threshold)
		}
		list = append(list, measure{m.Name, short(m.Measured), from, short(m.Chance), m.Over})
	}
	if f.ChiSquare != nil {
		list = append(list, measure{Name: "chi-square", Value: short(*f.ChiSquare), From: "–", Chance: short(*f.Chance)})
	}
	return list
}

// Row is what the contents say of the feature.
func (s featureSheet) Row() (cells []string) {
	for _, m := range []*float64{s.PSI, s.JensenShannon, s.KS, s.NullShare, s.MeanShift} {
		if m == nil {
			cells = append(cells, "–")
			continue
		}
		cells = append(cells, short(*m))
	}
	return cells
}

// short writes a measure with three digits.
func short(v float64) string {
	three, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 3, 64), 64)
	if math.Abs(three) < 1e-4 && three != 0 {
		return strconv.FormatFloat(v, 'g', 2, 64)
	}
	return chart.Number(three)
}

// numbers lists what the two profiles are like.
func numbers(f *monitor.Feature) []pair {
	then, now := &f.Reference, &f.Current
	count := func(name string, of func(*asof.Profile) int64) pair {
		return pair{name, chart.Number(float64(of(then))), chart.Number(float64(of(now)))}
	}
	share := func(p *asof.Profile) string {
		return chart.Number(float64(p.Nulls)) + " (" + percent(100*float64(p.Nulls)/float64(p.Rows)) + ")"
	}
	list := []pair{count("rows", func(p *asof.Profile) int64 { return p.Rows }), {"nulls", share(then), share(now)},
		count("distinct values", func(p *asof.Profile) int64 { return p.Distinct })}
	if then.NaNs+now.NaNs+then.Infinite+now.Infinite > 0 {
		list = append(list, count("NaN or infinite", func(p *asof.Profile) int64 { return p.NaNs + p.Infinite }))
	}
	value := func(name string, of func(*asof.Profile) *float64, point bool) {
		if a, b := of(then), of(now); a != nil || b != nil {
			list = append(list, pair{name, written(then, a, point), written(now, b, point)})
		}
	}
	value("least", func(p *asof.Profile) *float64 { return p.Min }, true)
	for _, level := range []float64{0.05, 0.25, 0.5, 0.75, 0.95} {
		at := slices.Index(asof.ProfileLevels, level)
		value("quantile "+chart.Number(level), func(p *asof.Profile) *float64 {
			if len(p.Quantiles) <= at {
				return nil
			}
			return &p.Quantiles[at]
		}, true)
	}
	value("greatest", func(p *asof.Profile) *float64 { return p.Max }, true)
	value("mean", func(p *asof.Profile) *float64 { return p.Mean }, true)
	value("standard deviation", func(p *asof.Profile) *float64 { return p.Stddev }, false)
	return list
}

// written writes a number of a profile. A point in time is an instant; how far
// points are apart is in days.
func written(p *asof.Profile, v *float64, point bool) string {
	switch {
	case v == nil:
		return "–"
	case p.Kind != asof.ProfileTime:
		return chart.Number(*v)
	case point:
		return time.UnixMicro(int64(*v * 1e6)).UTC().Format("2006-01-02 15:04:05")
	}
	return chart.Number(*v/(24*60*60)) + " days"
}
