package memory

import (
	"context"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/statistics"
)

// Profile describes a view's features. It is always exact.
func (o *Offline) Profile(ctx context.Context, q *asof.ProfileQuery) ([]asof.Profile, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	h, err := o.history(&q.View)
	if err != nil {
		return nil, err
	}
	var rows []int
	for i, at := range h.events {
		if at != nil && *at <= q.To.UnixMicro() && (q.From.IsZero() || *at >= q.From.UnixMicro()) {
			rows = append(rows, i)
		}
	}
	var profiles []asof.Profile
	for i, f := range q.View.Features {
		d := statistics.Describe(f.Output, f.Type, q.Edges[f.Output], 1)
		for _, row := range rows {
			d.Add(h.features[i], row)
		}
		profiles = append(profiles, d.Profile())
	}
	return profiles, nil
}
