package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/materialize"
	"github.com/asof-dev/asof/pipeline"
	"github.com/asof-dev/asof/run"
)

// runPipeline enters a run, or finds the one that the same command began, and
// brings it to its end.
func (r *repository) runPipeline(ctx context.Context, name string, params map[string]string, key, output string) error {
	p, err := r.loadPipeline(name)
	if err != nil {
		return err
	}
	values, err := p.Values(params, time.Now())
	if err != nil {
		return usagef("", "%s", err)
	}
	store, err := r.Runs(ctx)
	if err != nil {
		return err
	}
	entered, again := p.NewRun(r.config.Project, values), asof.AgainAlways
	entered.Cause = "command"
	if key != "" {
		entered.Key, again = key, asof.AgainUnlessDone
	}
	entered, _, err = store.Submit(ctx, entered, again)
	if err != nil {
		return err
	}
	if !entered.Finished.IsZero() {
		undone, err := r.rolledBack(ctx)
		if err != nil {
			return err
		}
		if at := undone[entered.ID]; !at.IsZero() {
			r.app.note("run %s was rolled back at %s, and is not run again: leave --key out, or give another", entered.ID, instant{at, ""})
		} else {
			r.app.note("run %s of the key %q was completed at %s, and is not run again; this is what it did then", entered.ID, key, instant{entered.Finished, ""})
		}
	}
	return r.finishRun(ctx, store, entered.ID, output)
}

// finishRun brings a run to its end, or waits while a server does, and prints
// what it did.
func (r *repository) finishRun(ctx context.Context, store asof.RunStore, id, output string) error {
	applied, err := r.applied(ctx)
	if err != nil {
		return err
	}
	progress, end := r.app.progress()
	tell := r.app.stepLog()
	var told materialized
	worker := run.Worker{Store: store, Project: r.config.Project, Job: r.jobs(progress, &told), Watch: run.Watch{
		Step: func(_ string, s asof.RunStep) { progress(s.Name, s.Rows, s.Total) },
		Line: func(_ string, l asof.RunLine) {
			if l.Step != "" {
				tell(l.Step, l.Text)
			}
		},
	}}
	ended, err := worker.One(ctx, id, func(waits asof.Run) { r.app.noteWait(waits) })
	end()
	if printed := r.app.printRunReport(output, ended); printed != nil {
		return printed
	}
	r.app.printNotes(told.results)
	if output == "table" {
		r.noteNext(ended, applied)
	}
	r.tidy(context.WithoutCancel(ctx), store)
	if err == nil && ended.State != asof.RunCompleted {
		err = asof.Errorf(asof.CodeInvalid, "%s", strings.TrimSpace(fmt.Sprintf("run %s is %s: %s", ended.ID, ended.State, ended.Error)))
	}
	return err
}

// noteNext says what is left to do after a run.
func (r *repository) noteNext(ended asof.Run, applied bool) {
	switch {
	case ended.State == asof.RunFailed:
		r.app.note("run %s is kept: once what is wrong is mended, the same command goes on with it, and so does `%s -c %s pipeline resume %s`",
			ended.ID, r.app.name, r.app.globals.dir, ended.ID)
	case !applied && ended.State == asof.RunCompleted && r.needsDefinitions(ended.Pipeline):
		r.app.note("project %s has no definitions yet, so nothing was materialized, and no training set written: run `%s -c %s apply`, then this again",
			r.config.Project, r.app.name, r.app.globals.dir)
	}
}

// needsDefinitions reports whether steps of a pipeline read feature views.
func (r *repository) needsDefinitions(name string) bool {
	p, err := r.loadPipeline(name)
	return err == nil && slices.ContainsFunc(p.Steps, func(s pipeline.Step) bool { return s.Materialize != nil || s.Monitor != nil || s.TrainingSet != nil })
}

// noteWait says what a run in the foreground waits for.
func (a *app) noteWait(waits asof.Run) {
	switch {
	case waits.LeaseEnds.IsZero():
		a.note("run %s waits for another run", waits.ID)
	case waits.State == asof.RunCrashed:
	default:
		a.note("run %s goes on in %s; this waits for its end", waits.ID, waits.Worker)
	}
}

// materialized gathers what became of views.
type materialized struct {
	mu      sync.Mutex
	results []materialize.Result
}

// jobs returns what tells the steps of runs. progress may be nil, and so may
// told, which gathers what materialize steps did.
func (r *repository) jobs(progress asof.Progress, told *materialized) func(context.Context, asof.Run) (run.Job, error) {
	return func(ctx context.Context, entered asof.Run) (run.Job, error) {
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
		o := pipeline.Options{Pipeline: p, Repo: r.config.Dir, Warehouse: warehouse, Notify: r.notify(p.Name)}
		if applied {
			o.Materialize, o.TrainingSet = r.follow("pipeline "+p.Name, progress, told), r.trainingSet(progress)
			o.Monitor = r.monitorStep(progress)
		}
		return pipeline.Job(o, entered)
	}
}

// follow returns the pipeline's materialize step: the online store follows what
// was published.
func (r *repository) follow(cause string, progress asof.Progress, told *materialized) pipeline.Materialize {
	return func(ctx context.Context, asOf time.Time, views []string, dropped map[string]arrow.RecordBatch, note func(level, line string)) (int64, error) {
		m, err := r.materializer(ctx, progress)
		if err != nil {
			return 0, err
		}
		var changes []asof.TableChange
		for _, table := range slices.Sorted(maps.Keys(dropped)) {
			changes = append(changes, asof.TableChange{Table: table, Dropped: dropped[table]})
		}
		results, err := m.Follow(ctx, asOf, views, changes, cause)
		if told != nil {
			told.mu.Lock()
			told.results = append(told.results, results...)
			told.mu.Unlock()
		}
		var keys int64
		for _, result := range results {
			keys += result.Written
			note("info", fmt.Sprintf("online %s: %s, %s", result.View, count(result.Written, "key", "keys"), took(result.Took)))
			for _, text := range result.Notes {
				note("warn", result.View+": "+text)
			}
		}
		return keys, err
	}
}

// printRunReport prints a run step by step, and what it changed table by table.
func (a *app) printRunReport(output string, ended asof.Run) error {
	var report pipeline.KeptReport
	if len(ended.Report) == 0 {
		return nil // it did not begin
	}
	if output == "json" {
		return printJSON(a.stdio.Out, ended.Report)
	}
	if err := json.Unmarshal(ended.Report, &report); err != nil {
		return asof.Errorf(asof.CodeInternal, "the report of run %s cannot be read: %w", ended.ID, err)
	}
	for _, s := range report.Steps {
		if s.Skipped {
			fmt.Fprintf(a.stdio.Out, "%-44s %12s\n", s.Name, "left out")
			continue
		}
		did := count(s.Rows, "row", "rows")
		if s.Failed {
			did = "failed"
		}
		fmt.Fprintf(a.stdio.Out, "%-44s %12s  %s\n", s.Name, did, took(time.Duration(s.Time*float64(time.Second))))
		for _, c := range s.Changes {
			fmt.Fprintf(a.stdio.Out, "  %s: %s\n", c.Table, changed(asof.TableChange{Added: c.Added, Changed: c.Changed, Removed: c.Removed, Skipped: c.Skipped}))
		}
		for _, w := range s.Warnings {
			a.warn(asof.Problems{{Message: w}})
		}
	}
	return nil
}

// changed says what became of a table.
func changed(c asof.TableChange) string {
	if c.Skipped != "" {
		return c.Skipped
	}
	var parts []string
	for _, p := range []struct {
		n    int64
		what string
	}{{c.Added, "added"}, {c.Changed, "changed"}, {c.Removed, "removed"}} {
		if p.n > 0 {
			parts = append(parts, thousands(p.n)+" "+p.what)
		}
	}
	if len(parts) == 0 {
		return "nothing changed"
	}
	return strings.Join(parts, ", ")
}
