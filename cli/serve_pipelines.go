package cli

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/permission"
	"github.com/asof-dev/asof/pipelineapi"
)

// pipelinesHandler answers about the repository's pipelines and their runs. The
// store of runs is opened when it is first asked, so that features are served
// without it.
func (r *repository) pipelinesHandler(guard *permission.Guard, stopping <-chan struct{}) http.Handler {
	return pipelineapi.New(pipelineapi.Options{Project: r.config.Project, Store: r.Runs, Names: r.pipelineNames, Load: r.loadPipeline, RolledBack: r.rolledBack, Rollback: r.rollbackRun, Guard: guard,
		Snapshot: func(ctx context.Context) (*asof.Snapshot, error) {
			registry, err := r.Registry(ctx)
			if err != nil {
				return nil, err
			}
			return registry.Snapshot(ctx, r.config.Project)
		}, Stopping: stopping, Log: slog.Default()})
}

// rollbackRun puts a run back that is asked for over HTTP.
func (r *repository) rollbackRun(ctx context.Context, run string) (asof.Rollback, error) {
	done, _, err := r.putBack(ctx, run, nil)
	return done, err
}
