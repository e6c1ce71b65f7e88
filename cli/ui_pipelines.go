package cli

import (
	"context"

	"github.com/asof-dev/asof/console"
	"github.com/asof-dev/asof/pipeline"
)

// consolePipelines are the repository's pipelines for the console. works says
// that this process carries runs out.
func (r *repository) consolePipelines(works bool) *console.Pipelines {
	return &console.Pipelines{Names: r.pipelineNames, Load: r.loadPipeline, Rollback: r.rollbackRun, Correct: r.correct, Repo: r.config.Dir, Works: works,
		Publications: r.published,
		Aside: func(ctx context.Context, p *pipeline.Pipeline, table, run string, limit int) (pipeline.Quarantined, error) {
			return r.quarantined(ctx, p, table, "", run, limit)
		}}
}
