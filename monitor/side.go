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

// described is a side, of one view, as what describes values.
type described struct {
	Side
	view *asof.FeatureView
}

// Profile describes what the side is of.
func (d described) Profile(ctx context.Context, q *asof.ProfileQuery) ([]asof.Profile, error) {
	return d.Describe(ctx, d.view, q)
}
