package monitor

import (
	"context"
	"slices"
	"time"

	"github.com/asof-dev/asof"
)

// Follow computes the statistics of views, nil for all, in the period of the
// calendar that holds a day, and compares those that have rows with the period
// before: the sides are returned. The statistics of that are computed where none
// are kept since its rows changed; a view that had no rows then is not compared.
func (m *Monitor) Follow(ctx context.Context, views []string, day time.Time, g asof.Granularity, by string) (f Followed, err error) {
	this := holding(g, day)
	before := holding(g, this.From.Add(-time.Microsecond))
	f.Reference, f.Current = Rows(before.From, before.To), Rows(this.From, this.To)
	request := Request{Views: views, Granularity: g, From: this.From, To: this.To, Filled: true, By: by}
	if f.Computed, err = m.Run(ctx, request); err != nil {
		return f, err
	}
	spans, err := m.Statistics.Spans(ctx, asof.StatisticsQuery{Project: m.Project, Source: asof.StatisticsBatch, Granularity: g, From: before.From, To: before.To, Exact: true,
		Limit: len(f.Computed) + asof.StatisticsLimit})
	if err != nil {
		return f, err
	}
	var both []string
	request.Views, request.From, request.To = nil, before.From, before.To
	for _, c := range f.Computed {
		changed, err := m.changed(ctx, c.View)
		if err != nil {
			return f, err
		}
		i := slices.IndexFunc(spans, func(s asof.StatisticsSpan) bool { return s.View == c.View && !stale(s.Computed, changed) })
		switch {
		case i < 0:
			request.Views = append(request.Views, c.View)
		case spans[i].Rows > 0:
			both = append(both, c.View)
		}
	}
	if len(request.Views) > 0 {
		earlier, err := m.Run(ctx, request)
		if err != nil {
			return f, err
		}
		for _, c := range earlier {
			both = append(both, c.View)
		}
	}
	if len(both) > 0 {
		f.Views, err = m.Drift(ctx, both, nil, f.Reference, f.Current)
	}
	return f, err
}

// Followed is what came of a period.
type Followed struct {
	Computed           []Computed // of it
	Views              []View     // compared with the one before
	Reference, Current Side
}
