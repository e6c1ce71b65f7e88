package postgres

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/pit"
)

// Profile describes a view's features where its source is.
func (o *Offline) Profile(ctx context.Context, q *asof.ProfileQuery) ([]asof.Profile, error) {
	if len(q.View.Features) == 0 {
		return nil, nil
	}
	var view *pit.View
	rows, err := o.answer(ctx, func(ctx context.Context, t *question) (reader array.RecordReader, err error) {
		if view, err = t.view(ctx, q.View); err != nil {
			return nil, err
		}
		return t.query(ctx, pit.Profile(pit.Postgres, view, q), arguments{}, fmt.Sprintf("feature view %q cannot be described", q.View.View))
	})
	if err != nil {
		return nil, err
	}
	defer rows.Release()
	return pit.ReadProfiles(view, q, rows)
}
