package cli

import (
	"context"
	"fmt"
	"sync"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/historical"
	"github.com/asof-dev/asof/pipeline"
)

// trainingSet returns the pipeline's training_set step.
func (r *repository) trainingSet(progress asof.Progress) pipeline.TrainingSet {
	return func(ctx context.Context, step pipeline.TrainingSetStep) (int64, error) {
		q := historical.Request{References: step.Features, Service: step.Service, Label: step.Label, Output: step.File, Progress: progress,
			Entities: historical.Entities{SQL: step.Entities, Path: step.EntityFile}}
		if err := r.asks(ctx, &q); err != nil {
			return 0, err
		}
		result, err := historical.Run(ctx, q)
		return result.Rows, err
	}
}

// stepLog prints what the programs of steps print.
func (a *app) stepLog() func(step, line string) {
	var mu sync.Mutex
	return func(step, line string) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(a.stdio.Err, "%s: %s\n", step, line)
	}
}
