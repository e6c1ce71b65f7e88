package console

import (
	"cmp"
	"context"
	"html/template"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/chart"
)

// statisticsPart is what a view's features were like in its newest span, or a
// feature in its last ones, as it is kept.
type statisticsPart struct {
	Error       string           `json:"error,omitempty"`
	Granularity asof.Granularity `json:"granularity,omitempty"` // of the spans that are shown
	List        []statistic      `json:"list"`                  // the newest span first, of a view by feature
	More        int              `json:"more"`                  // that are left off the page
	Verdicts    []driftedView    `json:"verdicts"`              // the newest of each source
	Drawn       []drawnChart     `json:"-"`

	spans []asof.StatisticsSpan // of a view, the newest first
}

// drawnChart is a chart with its name.
type drawnChart struct {
	Title string
	SVG   template.HTML
}

// statistic is a row of the table of statistics.
type statistic struct {
	asof.Statistics
	Verdict asof.Verdict `json:"verdict,omitempty"` // of the newest comparison; "" where there is none, or it is of something else
}

const (
	spansShown    = 24  // of a feature, or of a view
	spansRead     = 200 // of a view, to choose a granularity by
	verdictsShown = 3   // one of each source
	topShown      = 10  // categories in a chart
)

// statistics reads what is kept of a view, or of one of its features.
func (c *Console) statistics(ctx context.Context, r *request, view, feature string) *statisticsPart {
	if c.o.Statistics == nil {
		return nil
	}
	p, err := part(ctx, func(ctx context.Context) (*statisticsPart, error) {
		store, err := c.o.Statistics(ctx)
		if err != nil {
			return nil, err
		}
		p := &statisticsPart{List: []statistic{}, Verdicts: []driftedView{}}
		verdicts, err := store.Drifts(ctx, asof.DriftQuery{Project: c.o.Project, View: view, Each: 1, Limit: verdictsShown})
		if err != nil {
			return nil, err
		}
		for _, v := range verdicts {
			p.Verdicts = append(p.Verdicts, driftedView{ViewDrift: v})
		}
		if feature == "" {
			v, err := r.snapshot.View(view)
			if err != nil {
				return nil, err
			}
			return p, p.ofView(ctx, c, store, v)
		}
		return p, p.ofFeature(ctx, c, store, view, feature)
	})
	if err != nil {
		return &statisticsPart{Error: err.Error(), List: []statistic{}, Verdicts: []driftedView{}}
	}
	p.keepKnown(r.snapshot, view)
	p.judge(feature)
	if n := len(p.List); feature == "" && n > pageLimit && !wantsJSON(r.Request) {
		p.List, p.More = p.List[:pageLimit], n-pageLimit
	}
	p.draw(r, feature)
	return p
}

// ofView reads the newest span of a view, and how many rows its spans had: by
// its first feature, as all spans of a wide view are many times as much to read.
func (p *statisticsPart) ofView(ctx context.Context, c *Console, store asof.StatisticsStore, view *asof.FeatureView) error {
	q := asof.StatisticsQuery{Project: c.o.Project, View: view.Name, Source: asof.StatisticsBatch}
	for _, f := range view.Features[:min(len(view.Features), 1)] {
		q.Feature, q.Each = f.Name, spansShown
		list, err := store.Statistics(ctx, q)
		if err != nil {
			return err
		}
		for _, s := range list {
			p.spans = append(p.spans, asof.StatisticsSpan{Granularity: s.Granularity, From: s.From, To: s.To, Rows: s.Profile.Rows})
		}
	}
	if q.Feature, q.Each = "", 0; len(p.spans) == 0 { // it may be kept of others
		q.Limit = spansRead
		spans, err := store.Spans(ctx, q)
		if err != nil {
			return err
		}
		p.spans = spans
	}
	p.Granularity = mostOf(p.spans, func(s asof.StatisticsSpan) asof.Granularity { return s.Granularity })
	p.spans = slices.DeleteFunc(p.spans, func(s asof.StatisticsSpan) bool { return s.Granularity != p.Granularity })
	if p.spans = p.spans[:min(len(p.spans), spansShown)]; len(p.spans) == 0 {
		return nil
	}
	q.Granularity, q.From, q.To, q.Each, q.Limit = p.Granularity, p.spans[0].From, p.spans[0].To, 1, mostStatistics
	list, err := store.Statistics(ctx, q)
	for _, s := range list {
		p.List = append(p.List, statistic{Statistics: s})
	}
	return err
}

// mostStatistics bounds what is read of one span: a view's features.
const mostStatistics = 2000

// ofFeature reads the last spans of a feature, of its source and of what was
// served.
func (p *statisticsPart) ofFeature(ctx context.Context, c *Console, store asof.StatisticsStore, view, feature string) error {
	list, err := store.Statistics(ctx, asof.StatisticsQuery{Project: c.o.Project, View: view, Feature: feature, Each: spansShown})
	if err != nil {
		return err
	}
	p.Granularity = mostOf(list, func(s asof.Statistics) asof.Granularity { return s.Granularity })
	for _, s := range list {
		if s.Granularity == p.Granularity {
			p.List = append(p.List, statistic{Statistics: s})
		}
	}
	return nil
}

// mostOf returns the granularity of most spans, the longest of several: that of
// all rows only where there is no other.
func mostOf[S any](list []S, of func(S) asof.Granularity) (most asof.Granularity) {
	counts := map[asof.Granularity]int{}
	for _, s := range list {
		counts[of(s)]++
	}
	if counts[asof.AllRows] > 0 {
		most = asof.AllRows
	}
	for _, g := range append([]asof.Granularity{""}, asof.Granularities...) {
		if counts[g] > 0 && (most == asof.AllRows || counts[g] >= counts[most]) {
			most = g
		}
	}
	return most
}

// keepKnown leaves out features that the view has no more.
func (p *statisticsPart) keepKnown(s *asof.Snapshot, view string) {
	v, _ := s.Object(asof.KindFeatureView, view).(*asof.FeatureView)
	p.List = slices.DeleteFunc(p.List, func(one statistic) bool { return v == nil || v.Feature(one.Profile.Feature) == nil })
}

// judge gives statistics the newest verdict on them. On the page of a feature
// the verdicts are those on it alone.
func (p *statisticsPart) judge(feature string) {
	for i := range p.Verdicts {
		v := &p.Verdicts[i]
		for _, f := range v.Features {
			for j := range p.List {
				s := &p.List[j]
				if s.Profile.Feature == f.Feature && s.Source == v.Current.Source && s.From.Equal(v.Current.From) && s.To.Equal(v.Current.To) {
					s.Verdict = f.Verdict
				}
			}
			if f.Feature == feature {
				v.Verdict = f.Verdict
			}
		}
		if feature != "" {
			v.Features = slices.DeleteFunc(v.Features, func(f asof.FeatureDrift) bool { return f.Feature != feature })
		}
	}
	if feature != "" {
		p.Verdicts = slices.DeleteFunc(p.Verdicts, func(v driftedView) bool { return len(v.Features) == 0 })
	}
}

// Numbers, Categories and Judged report whether the table has such columns.
func (p *statisticsPart) Numbers() bool {
	return slices.ContainsFunc(p.List, func(s statistic) bool { return s.Profile.Mean != nil })
}
func (p *statisticsPart) Categories() bool {
	return slices.ContainsFunc(p.List, func(s statistic) bool { return s.Frequent() != "" })
}
func (p *statisticsPart) Judged() bool {
	return slices.ContainsFunc(p.List, func(s statistic) bool { return s.Verdict != "" })
}

// Path is the address of the feature's page.
func (s statistic) Path() string { return featureLink(s.View, s.Profile.Feature).Path() }

// Span is what the statistics are of.
func (s statistic) Span() string { return spanText(s.From, s.To) }

// Nulls is the share of rows without a value.
func (s statistic) Nulls() float64 {
	if s.Profile.Rows == 0 {
		return math.NaN()
	}
	return float64(s.Profile.Nulls) / float64(s.Profile.Rows)
}

// Least, Mean, Spread and Greatest are numbers as their kind is written; "" where
// there is none.
func (s statistic) Least() string    { return s.number(s.Profile.Min) }
func (s statistic) Mean() string     { return s.number(s.Profile.Mean) }
func (s statistic) Greatest() string { return s.number(s.Profile.Max) }
func (s statistic) Spread() string {
	if s.Profile.Kind == asof.ProfileTime && s.Profile.Stddev != nil {
		return chart.Number(math.Round(*s.Profile.Stddev/3600/24*10)/10) + " d"
	}
	return s.number(s.Profile.Stddev)
}

func (s statistic) number(v *float64) string {
	switch {
	case v == nil:
		return ""
	case s.Profile.Kind == asof.ProfileTime:
		return time.UnixMicro(int64(*v * 1e6)).UTC().Format("2006-01-02 15:04")
	}
	return chart.Number(*v)
}

// Frequent are the most frequent categories.
func (s statistic) Frequent() string {
	var texts []string
	for _, v := range s.Profile.Top[:min(len(s.Profile.Top), namesShown)] {
		if s.Profile.Kind == asof.ProfileCategory {
			texts = append(texts, cmp.Or(chart.Shortened(v.Text, 30), "“”"))
		}
	}
	return strings.Join(texts, ", ")
}
