package console

import (
	"html/template"
	"math"
	"slices"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/chart"
)

// draw draws the rows of a view's spans, or how a feature went.
func (p *statisticsPart) draw(r *request, feature string) {
	if feature == "" {
		line := chart.Line{Frame: p.frame(r, "statistics.rows-chart"), Series: []chart.Series{{Name: r.say("statistics.rows")}}, Zero: true}
		for _, s := range slices.Backward(p.spans) {
			line.Times, line.Series[0].Values = append(line.Times, s.To), append(line.Series[0].Values, float64(s.Rows))
		}
		p.add(len(line.Times) > 1, line.Frame, line.SVG)
		return
	}
	batch, served := p.source(asof.StatisticsBatch), p.source(asof.StatisticsLog)
	p.lines(r, batch)
	var shown []statistic // what it was, what it is, and what was served
	for _, s := range slices.Concat(batch[:min(len(batch), 2)], served[:min(len(served), 1)]) {
		if s.Profile.Values() > 0 {
			shown = append(shown, s)
		}
	}
	switch {
	case len(shown) == 0:
		return
	case len(shown) > 1 && shown[1].Source == asof.StatisticsBatch:
		shown[0], shown[1] = shown[1], shown[0]
	}
	if shown[0].Profile.Kind == asof.ProfileCategory {
		p.categories(r, shown)
	} else {
		p.histogram(r, shown)
	}
}

func (p *statisticsPart) frame(r *request, title string) chart.Frame {
	return chart.Frame{Title: r.say(title), Empty: r.say("statistics.nothing")}
}

func (p *statisticsPart) add(some bool, f chart.Frame, draw func() template.HTML) {
	if some {
		p.Drawn = append(p.Drawn, drawnChart{f.Title, draw()})
	}
}

// source returns the statistics of a source, the newest first.
func (p *statisticsPart) source(of asof.StatisticsSource) (list []statistic) {
	for _, s := range p.List {
		if s.Source == of {
			list = append(list, s)
		}
	}
	return list
}

// lines draws the mean through the spans, with where nine of ten values are, and
// the share of nulls.
func (p *statisticsPart) lines(r *request, list []statistic) {
	mean := chart.Line{Frame: p.frame(r, "statistics.mean-chart"), Series: []chart.Series{{Name: r.say("statistics.mean")}}}
	nulls := chart.Line{Frame: p.frame(r, "statistics.nulls-chart"), Series: []chart.Series{{Name: r.say("statistics.nulls")}}, Zero: true, Unit: " %"}
	low, high := slices.Index(asof.ProfileLevels, 0.05), slices.Index(asof.ProfileLevels, 0.95)
	means, some := 0, false
	for _, s := range slices.Backward(list) {
		at := chartTime(s.To)
		nulls.Times, nulls.Series[0].Values = append(nulls.Times, at), append(nulls.Series[0].Values, 100*s.Nulls())
		some = some || s.Profile.Nulls > 0
		numeric := s.Profile.Kind == asof.ProfileNumber || s.Profile.Kind == asof.ProfileLength
		if s.Profile.Mean == nil || len(s.Profile.Quantiles) <= high || !numeric {
			continue
		}
		means++
		of := &mean.Series[0]
		mean.Times, of.Values = append(mean.Times, at), append(of.Values, *s.Profile.Mean)
		of.Low, of.High = append(of.Low, s.Profile.Quantiles[low]), append(of.High, s.Profile.Quantiles[high])
	}
	p.add(means > 1, mean.Frame, mean.SVG)
	p.add(some && len(nulls.Times) > 1, nulls.Frame, nulls.SVG)
}

// chartTime is the day that a span ends with.
func chartTime(to time.Time) time.Time { return to.UTC().Truncate(24 * time.Hour) }

// histogram draws distributions that have the same bins.
func (p *statisticsPart) histogram(r *request, shown []statistic) {
	h := chart.Histogram{Frame: p.frame(r, "statistics.histogram"), Edges: shown[0].Profile.Edges, Times: shown[0].Profile.Kind == asof.ProfileTime}
	for _, s := range shown {
		if slices.Equal(s.Profile.Edges, h.Edges) {
			h.Series = append(h.Series, chart.Distribution{Name: s.name(r), Counts: s.Profile.Bins})
		}
	}
	p.add(len(h.Edges) > 0, h.Frame, h.SVG)
}

// name says which distribution it is: of a span, or of what was served in it.
func (s statistic) name(r *request) string {
	if s.Source == asof.StatisticsLog {
		return r.say("statistics.served", s.Span())
	}
	return s.Span()
}

// categories draws the share of the most frequent categories.
func (p *statisticsPart) categories(r *request, shown []statistic) {
	bars := chart.Bars{Frame: p.frame(r, "statistics.categories"), Unit: " %"}
	for _, s := range shown {
		for _, v := range s.Profile.Top {
			if len(bars.Labels) < topShown && !slices.Contains(bars.Labels, v.Text) {
				bars.Labels = append(bars.Labels, v.Text)
			}
		}
	}
	for _, s := range shown {
		series := chart.Series{Name: s.name(r)}
		for _, label := range bars.Labels {
			series.Values = append(series.Values, math.Round(1000*s.share(label))/10)
		}
		bars.Series = append(bars.Series, series)
	}
	p.add(len(bars.Labels) > 0, bars.Frame, bars.SVG)
}

// share returns how many of the counted values are of a category.
func (s statistic) share(category string) float64 {
	counted := s.Profile.Values()
	if s.Profile.Sampled > 0 && s.Profile.Rows > 0 {
		counted = counted * s.Profile.Sampled / s.Profile.Rows
	}
	for _, v := range s.Profile.Top {
		if v.Text == category && counted > 0 {
			return float64(v.Count) / float64(counted)
		}
	}
	return 0
}
