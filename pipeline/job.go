package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/asof-dev/asof"
	runner "github.com/asof-dev/asof/run"
)

// Job returns what a run of the pipeline does. Where a file or a check is wrong,
// all that is wrong is told at once, and tables and snapshots are as they were.
// A run that was cut off, or failed, goes on where it was: what has been loaded
// is in its stage, and is loaded again only where the file is another one.
func Job(o Options, entered asof.Run) (runner.Job, error) {
	values, err := o.Pipeline.Values(entered.Params, entered.Created)
	if err != nil {
		return runner.Job{}, err
	}
	r := &run{Options: o, id: entered.ID, started: entered.Created, began: entered.Started, values: values, asOf: values.AsOf(),
		loads: map[string]*LoadStep{}, files: map[string]loadFiles{}, skipped: map[string]bool{},
		contents: map[string]string{}, failed: map[string]bool{}, problems: map[string]asof.Problems{}}
	for _, s := range o.Pipeline.Steps {
		skipped := func(name string) bool { return r.skipped[name] }
		switch {
		case !s.When.Holds(values) || slices.ContainsFunc(s.Needs, skipped):
			r.skipped[s.Name] = true
		case s.Load != nil:
			r.loads[s.Load.Table.Name] = s.Load
		}
	}
	return runner.Job{Steps: r.graph(), Most: o.Pipeline.Concurrency.Steps, End: r.end, Close: r.close}, nil
}

// staging opens the run's stage when it is first needed.
func (r *run) staging(ctx context.Context) (asof.Stage, error) {
	r.opening.Lock()
	defer r.opening.Unlock()
	if r.stage != nil {
		return r.stage, nil
	}
	stage, err := r.Warehouse.Stage(ctx, r.id)
	if err == nil {
		r.stage = stage
	}
	return stage, err
}

// close lets go of what the run holds. The stage stays.
func (r *run) close() {
	if r.stage != nil {
		_ = r.stage.Close()
	}
	if r.done != nil {
		for _, c := range r.done.Tables {
			if c.Dropped != nil {
				c.Dropped.Release()
			}
		}
	}
}

// step returns what does a step of the graph: it reports what was done, and
// keeps the problems that were found.
func (r *run) step(name string, do func(ctx context.Context, a *runner.Attempt, report *StepReport) (asof.Problems, error)) func(context.Context, *runner.Attempt) error {
	return func(ctx context.Context, a *runner.Attempt) error {
		report := StepReport{Name: name}
		start := time.Now()
		a.Progress(0, 0)
		problems, err := do(ctx, a, &report)
		report.Duration = time.Since(start)
		if err == nil {
			a.Progress(report.Rows, report.Rows)
			err = problems.Err()
		}
		r.mu.Lock()
		r.problems[name] = problems
		r.mu.Unlock()
		report.Failed = err != nil
		r.tell(report)
		note(a, report)
		return errors.Join(err, a.Report(report))
	}
}

// note writes to the run's log what a step changed, and what it warns of.
func note(a *runner.Attempt, report StepReport) {
	for _, c := range report.Changes {
		a.Note("info", c.Table+": "+cmp.Or(c.Skipped, fmt.Sprintf("%d added, %d changed, %d removed", c.Added, c.Changed, c.Removed)))
	}
	for _, warning := range report.Warnings {
		a.Note("warn", warning.String())
	}
}

func (r *run) tell(report StepReport) {
	if r.Told != nil {
		r.Told(report)
	}
}

// end says how the run ended, and drops what nobody needs any more: a run that
// failed keeps its stage, to be resumed.
func (r *run) end(ctx context.Context, o runner.Outcome) (json.RawMessage, error) {
	err := o.Err
	published := slices.ContainsFunc(o.Steps, func(s asof.RunStep) bool { return s.Name == PublishStep && s.State == asof.RunCompleted })
	switch {
	case o.State != asof.RunFailed:
	case published:
		err = asof.Errorf(asof.ErrorCode(err), "the month %s is published, and %s failed; run the same command again to complete it: %w",
			r.asOf.Format(time.DateOnly), strings.Join(failedSteps(o.Steps), ", "), err)
	default:
		err = r.unpublished(err)
	}
	var after []StepReport
	switch o.State {
	case asof.RunFailed:
		after = r.afterFailure(ctx, err, o.Log)
	case asof.RunCompleted, asof.RunCancelled:
		if dropped := r.discard(ctx); dropped != nil {
			o.Log("warn", "", "the stage is left behind: "+dropped.Error())
		}
	}
	report, failed := r.reportOf(o.Steps, after)
	return report, errors.Join(err, failed)
}

// failedSteps names the steps whose last attempt failed.
func failedSteps(attempts []asof.RunStep) (names []string) {
	last := map[string]asof.RunState{}
	for _, a := range attempts {
		last[a.Name] = a.State
	}
	for _, a := range attempts {
		if last[a.Name] == asof.RunFailed && !slices.Contains(names, a.Name) {
			names = append(names, a.Name)
		}
	}
	return names
}

// unpublished is the error of a run that stops before publishing: all problems,
// in the order of their places, and what else went wrong.
func (r *run) unpublished(err error) error {
	var problems asof.Problems
	for _, name := range slices.Sorted(maps.Keys(r.problems)) {
		problems = append(problems, r.problems[name]...)
	}
	if len(problems) > 0 && asof.ErrorCode(err) == asof.CodeInvalid {
		return asof.Errorf(asof.CodeInvalid, "pipeline %s stops before anything is published; tables and snapshots are as they were:\n%w", r.Pipeline.Name, problems)
	}
	return asof.Errorf(asof.ErrorCode(err), "%w; nothing is published: tables and snapshots are as they were", err)
}

func (r *run) discard(ctx context.Context) error {
	if r.stage != nil {
		return r.stage.Discard(ctx)
	}
	return r.Warehouse.DiscardStage(ctx, r.id)
}
