package cli

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/materialize"
	"github.com/asof-dev/asof/pipeline"
	"github.com/asof-dev/asof/run"
)

// openAgain is how long a server waits for a store of runs that does not answer.
const openAgain = 5 * time.Second

// work carries out the runs in the project's store, and enters those that its
// schedules say, until ctx ends. A store that is away holds up no server.
func (r *repository) work(ctx context.Context) error {
	store, err := r.Runs(ctx)
	for told := false; err != nil; store, err = r.Runs(ctx) {
		if !told {
			slog.Error("no pipeline is run", "error", err)
			told = true
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(openAgain):
		}
	}
	var both sync.WaitGroup
	both.Go(func() { r.schedule(ctx, store) })
	worker := run.Worker{Store: store, Project: r.config.Project, Job: r.job}
	err = worker.Work(ctx)
	both.Wait()
	return err
}

// job is what a run of a pipeline does: one step, which does all of the
// pipeline's.
func (r *repository) job(ctx context.Context, entered asof.Run) (run.Job, error) {
	p, err := r.loadPipeline(entered.Pipeline)
	if err != nil {
		return run.Job{}, err
	}
	warehouse, err := r.Warehouse(ctx)
	if err != nil {
		return run.Job{}, err
	}
	applied, err := r.applied(ctx)
	if err != nil {
		return run.Job{}, err
	}
	do := func(ctx context.Context, attempt *run.Attempt) error {
		var told sync.Map
		progress := func(step string, done, total int64) {
			attempt.Progress(done, total)
			if _, known := told.LoadOrStore(step, true); !known {
				attempt.Log("info", step)
			}
		}
		options := pipeline.Options{Pipeline: p, Params: entered.Params, Repo: r.config.Dir, Warehouse: warehouse, Progress: progress,
			Log: func(step, line string) { attempt.Log("info", step+": "+line) }}
		var followed []materialize.Result
		if applied {
			options.Materialize, options.TrainingSet = r.follow("pipeline "+p.Name, progress, &followed), r.trainingSet(progress)
		}
		report, err := pipeline.Run(ctx, options)
		for _, s := range report.Steps {
			for _, w := range s.Warnings {
				attempt.Log("warn", w.String())
			}
		}
		return err
	}
	return run.Job{Steps: []run.Step{{Name: p.Name, Do: do}}}, nil
}
