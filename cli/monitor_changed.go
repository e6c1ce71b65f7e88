package cli

import (
	"context"
	"log/slog"
	"time"

	"github.com/asof-dev/asof"
)

// changed returns when the rows of a view's source changed last: its newest
// materialization, or the newest publication or rollback of a pipeline. Zero is
// not known: nothing was recorded, or the records cannot be read.
func (r *repository) changed(ctx context.Context, view string) (last time.Time, _ error) {
	ledger, err := r.Ledger(ctx)
	if err != nil {
		return last, err
	}
	entries, err := ledger.Materializations(ctx, asof.MaterializationQuery{Project: r.config.Project, Views: []string{view}})
	if err != nil {
		return last, err
	}
	for _, e := range entries {
		last = newer(last, e.Finished)
	}
	names, err := r.pipelineNames()
	if err != nil || len(names) == 0 {
		return last, err
	}
	published, err := r.published(ctx)
	if err != nil {
		slog.Warn("what pipelines published is not known, so that kept statistics count for nothing", "error", err)
		return time.Time{}, nil
	}
	for _, p := range published {
		last = newer(newer(last, p.At), p.Undone)
	}
	return last, nil
}

// published lists what pipelines published, newest first.
func (r *repository) published(ctx context.Context) ([]asof.Publication, error) {
	warehouse, err := r.Warehouse(ctx)
	if err != nil {
		return nil, err
	}
	return warehouse.Publications(ctx)
}

func newer(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
