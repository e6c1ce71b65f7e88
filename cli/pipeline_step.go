package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/historical"
	"github.com/asof-dev/asof/notify"
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

// notify returns the notify step of a pipeline: it tells webhooks of asof.notify.
func (r *repository) notify(name string) pipeline.Notify {
	return func(ctx context.Context, m pipeline.Message) error {
		targets := webhooks(r.config.Asof.Notify)
		var known []string
		for _, t := range targets {
			known = append(known, t.Name)
		}
		for _, to := range m.To {
			if !slices.Contains(known, to) {
				return asof.Errorf(asof.CodeInvalid, "asof.notify has no webhook %q, or a variable that it names is not set%s", to, asof.DidYouMean(to, known))
			}
		}
		event := notify.Event{ID: m.Run + "/" + m.Step, At: time.Now(), Message: m.Text,
			Run: asof.Run{ID: m.Run, Project: r.config.Project, Pipeline: name, Params: m.Params, State: asof.RunRunning}}
		var failed []error
		for _, t := range targets {
			if m.To == nil || slices.Contains(m.To, t.Name) {
				failed = append(failed, notify.Send(ctx, t, event))
			}
		}
		return errors.Join(failed...)
	}
}
