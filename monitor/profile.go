package monitor

import (
	"context"
	"slices"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/statistics"
)

// describe returns profiles of a view's features in a span, in the given bins. A
// feature that has none yet is given some, which the span decides: then there is
// a second query, of these features alone. Edges become those of the profiles.
func describe(ctx context.Context, profiler asof.Profiler, query asof.ViewQuery, from, to time.Time, edges map[string][]float64) ([]asof.Profile, error) {
	q := asof.ProfileQuery{View: query, From: from, To: to, Edges: edges}
	profiles, err := profiler.Profile(ctx, &q)
	if err != nil {
		return nil, err
	}
	q.View.Features = nil
	var places []int
	for i := range profiles {
		p := &profiles[i]
		if p.Edges != nil {
			edges[p.Feature] = p.Edges
		}
		if edges[p.Feature] != nil {
			continue
		}
		if chosen := statistics.Edges(p); chosen != nil {
			edges[p.Feature] = chosen
			q.View.Features, places = append(q.View.Features, query.Features[i]), append(places, i)
		}
	}
	if len(places) == 0 {
		return profiles, nil
	}
	binned, err := profiler.Profile(ctx, &q)
	if err != nil {
		return nil, err
	}
	for i, place := range places {
		profiles[place] = binned[i]
	}
	return profiles, nil
}

// profiles returns those of a side. Of rows they are the kept ones where these
// fit: of all features, in the bins, and computed since the rows changed. Others
// are computed.
func (m *Monitor) profiles(ctx context.Context, profiler asof.Profiler, q question, side Side, edges map[string][]float64) ([]asof.Profile, error) {
	if side.Describe != nil {
		return describe(ctx, described{side, q.view}, q.query, side.From, side.To, edges)
	}
	if m.Statistics != nil && !m.Anew {
		kept, err := m.Statistics.Statistics(ctx, asof.StatisticsQuery{Project: m.Project, View: q.query.View, Source: side.Source,
			From: side.From, To: side.To, Exact: true, Limit: len(asof.Granularities)*len(q.query.Order) + asof.StatisticsLimit})
		if err != nil {
			return nil, err
		}
		changed, err := m.changed(ctx, q.query.View)
		if err != nil {
			return nil, err
		}
		kept = slices.DeleteFunc(kept, func(s asof.Statistics) bool { return stale(s.Computed, changed) })
		if profiles := fitting(kept, q.query, edges); profiles != nil {
			return profiles, nil
		}
	}
	return describe(ctx, profiler, q.query, side.From, side.To, edges)
}

func (m *Monitor) changed(ctx context.Context, view string) (time.Time, error) {
	if m.Changed == nil {
		return time.Time{}, nil
	}
	return m.Changed(ctx, view)
}

// stale reports whether statistics may be of rows that have changed since. Where
// it is not known when they changed, they may.
func stale(computed, changed time.Time) bool { return changed.IsZero() || !computed.After(changed) }

// fitting returns the kept profiles of a query's features, nil where one is
// missing or cannot be compared.
func fitting(kept []asof.Statistics, query asof.ViewQuery, edges map[string][]float64) []asof.Profile {
	var profiles []asof.Profile
	for _, f := range query.Features {
		i := slices.IndexFunc(kept, func(s asof.Statistics) bool {
			return s.Profile.Feature == f.Output && s.Profile.Kind == asof.ProfileKindOf(f.Type) &&
				(slices.Equal(s.Profile.Edges, edges[f.Output]) || s.Profile.Values() == 0)
		})
		if i < 0 {
			return nil
		}
		profiles = append(profiles, kept[i].Profile)
	}
	return profiles
}

// edges returns the bins that a view's features keep.
func (m *Monitor) edges(ctx context.Context, view string) (map[string][]float64, error) {
	if m.Statistics == nil {
		return map[string][]float64{}, nil
	}
	return m.Statistics.Edges(ctx, m.Project, view)
}
