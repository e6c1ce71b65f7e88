package monitor

import (
	"context"
	"time"

	"github.com/asof-dev/asof"
)

// Side is one of the two that are compared: which values, and what describes
// them.
type Side struct {
	asof.DriftSide

	// Describe answers with a profile of each feature of q, in order: in the bins
	// of q.Edges, or in those that it keeps. What it does not know has no rows.
	// Nil: the rows of the view's source within the span.
	Describe func(ctx context.Context, view *asof.FeatureView, q *asof.ProfileQuery) ([]asof.Profile, error)
}

// Rows are the rows of views' sources in a span of event time, both ends included.
func Rows(from, to time.Time) Side {
	return Side{DriftSide: asof.DriftSide{Source: asof.StatisticsBatch, From: from, To: to}}
}

func (s Side) describe(ctx context.Context, profiler asof.Profiler, q question, edges map[string][]float64) ([]asof.Profile, error) {
	ask := asof.ProfileQuery{View: q.query, From: s.From, To: s.To, Edges: edges}
	if s.Describe != nil {
		return s.Describe(ctx, q.view, &ask)
	}
	return profiler.Profile(ctx, &ask)
}
