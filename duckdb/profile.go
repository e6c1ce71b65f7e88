//go:build duckdb_arrow

package duckdb

import (
	"context"
	"fmt"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/pit"
)

// Profile describes a view's features where its source is.
func (o *Offline) Profile(ctx context.Context, q *asof.ProfileQuery) ([]asof.Profile, error) {
	c, err := o.elsewhere(ctx, q.View.Source)
	if err != nil {
		return nil, err
	}
	if c != nil {
		return c.profile(ctx, q)
	}
	select {
	case o.whole <- struct{}{}:
		defer func() { <-o.whole }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	s, err := o.session(ctx, text(q.View.Source))
	if err != nil {
		return nil, err
	}
	defer s.close()
	profiles, err := o.profile(ctx, s, q)
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return profiles, err
}

func (o *Offline) profile(ctx context.Context, s *session, q *asof.ProfileQuery) ([]asof.Profile, error) {
	v, err := o.view(ctx, s, q.View)
	if err != nil || len(v.Features) == 0 {
		return nil, err
	}
	what := fmt.Sprintf("feature view %q cannot be described", v.View)
	rows, err := s.arrow.QueryContext(ctx, pit.Profile(pit.DuckDB, v, q))
	if err != nil {
		return nil, s.fault(what, err)
	}
	defer rows.Release()
	profiles, err := pit.ReadProfiles(v, q, rows)
	return profiles, s.fault(what, err)
}
