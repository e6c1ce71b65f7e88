package cli

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/asof-dev/asof"
)

// pruneAtOnce bounds what one tidying removes.
const pruneAtOnce = 200

// tidy removes runs that are kept no longer, and the stages of runs that have
// ended and cannot be resumed. What fails of it is tried again the next time.
func (r *repository) tidy(ctx context.Context, store asof.RunStore) {
	gone, err := store.Prune(ctx, r.config.Project, r.config.Asof.Retention, pruneAtOnce)
	if err == nil {
		err = r.dropStages(ctx, store, gone)
	}
	if err != nil {
		slog.Warn("old runs are left behind", "error", err)
	}
}

// dropStages drops the stages of runs that are gone, completed or cancelled, and
// those that their steps had opened beside: the name of these begins with the
// run's. A stage of somebody else's run is left alone.
func (r *repository) dropStages(ctx context.Context, store asof.RunStore, gone []string) error {
	warehouse, err := r.Warehouse(ctx)
	if err != nil {
		return err
	}
	stages, err := warehouse.Stages(ctx)
	if err != nil {
		return err
	}
	for _, stage := range stages {
		id := stage
		if parts := strings.SplitN(stage, "-", 3); len(parts) == 3 {
			id = parts[0] + "-" + parts[1]
		}
		if !slices.Contains(gone, id) {
			run, err := store.Run(ctx, id)
			if err != nil || run.State != asof.RunCompleted && run.State != asof.RunCancelled {
				continue
			}
		}
		if err := warehouse.DiscardStage(ctx, stage); err != nil {
			return err
		}
	}
	return nil
}

// tidyEvery is how often a server tidies.
const tidyEvery = 10 * time.Minute

// tidying tidies until ctx ends.
func (r *repository) tidying(ctx context.Context, store asof.RunStore) {
	every := time.NewTicker(tidyEvery)
	defer every.Stop()
	for {
		r.tidy(ctx, store)
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}
