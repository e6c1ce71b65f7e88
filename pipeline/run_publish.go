package pipeline

import (
	"context"
	"errors"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/asof-dev/asof"
	runner "github.com/asof-dev/asof/run"
)

// publication is what the run publishes.
func (r *run) publication() asof.Publication {
	p := asof.Publication{ID: r.id, Name: r.Pipeline.Name, AsOf: r.asOf, Frozen: r.frozen()}
	for _, s := range r.Pipeline.Steps {
		if s.Load != nil && !r.skipped[s.Name] {
			p.Writes = append(p.Writes, asof.Write{Table: s.Load.Table, Mode: s.Load.Mode})
		}
	}
	return p
}

// frozen are the snapshots that the run takes: not of a table that it does not
// load.
func (r *run) frozen() (list []asof.Frozen) {
	for _, s := range r.Pipeline.Steps {
		if s.Snapshot != nil && !r.skipped[s.Name] && (s.Snapshot.From == "" || r.loads[s.Snapshot.From] != nil) {
			list = append(list, asof.Frozen{Table: s.Snapshot.Table, SQL: r.values.fillSQL(s.Snapshot.SQL)})
		}
	}
	return list
}

// publishNode is the step that shows everything that was staged, as one.
func (r *run) publishNode(needs []string) runner.Step {
	p := r.publication()
	return runner.Step{Name: PublishStep, Needs: needs, Seals: true, Input: r.publishInput(p), Stands: r.stillStaged,
		Do: r.step(PublishStep, func(ctx context.Context, a *runner.Attempt, report *StepReport) (asof.Problems, error) {
			done, err := r.publish(ctx, a)
			if taken := (*asof.KeyTaken)(nil); errors.As(err, &taken) {
				return asof.Problems{r.located(taken.Table, err)}, nil
			}
			if err != nil {
				return nil, err
			}
			for _, c := range done.Tables {
				report.Rows += c.Added + c.Changed + c.Removed
				c.Dropped = nil
				report.Changes = append(report.Changes, c)
			}
			if r.asOf.After(r.started) {
				report.Warnings = asof.Problems{{Message: "the day " + r.values[AsOfParam] + " has not come yet"}}
			}
			return nil, nil
		})}
}

// publishInput returns a function for the hash of what is published. Where that
// was rolled back, it is published again.
func (r *run) publishInput(p asof.Publication) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		all, err := r.Warehouse.Publications(ctx)
		if err != nil {
			return "", err
		}
		values := []any{p.Writes, p.Frozen, p.AsOf}
		if undone := asof.RolledBackRuns(all)[r.id]; !undone.IsZero() {
			values = append(values, undone)
		}
		return hashOf(values...)
	}
}

// publish publishes what is staged, or says once more what publishing it did.
func (r *run) publish(ctx context.Context, a *runner.Attempt) (*asof.Published, error) {
	r.opening.Lock() // of steps that need it at once, one publishes
	done := r.done
	r.opening.Unlock()
	if done != nil {
		return done, nil
	}
	stage, err := r.staging(ctx)
	if err != nil {
		return nil, err
	}
	p := r.publication()
	p.Fence = a.Fence
	now, err := stage.Publish(ctx, p)
	if err != nil {
		return nil, err
	}
	r.opening.Lock()
	defer r.opening.Unlock()
	r.done = &now
	return r.done, nil
}

// stillStaged reports whether what was published can be published again: a
// materialize step follows the keys that this tells to be dropped.
func (r *run) stillStaged(ctx context.Context) (bool, error) {
	stage, err := r.staging(ctx)
	if err != nil {
		return false, err
	}
	staged, err := stage.Staged(ctx)
	for table := range r.loads {
		if _, there := staged[table]; !there {
			return false, err
		}
	}
	return true, err
}

// materializeNode brings the online store after what was published.
func (r *run) materializeNode(s Step) runner.Step {
	return runner.Step{Input: r.input(false, s.Materialize), Do: r.step(s.Name, func(ctx context.Context, a *runner.Attempt, report *StepReport) (asof.Problems, error) {
		if r.Materialize == nil {
			return nil, nil
		}
		done, err := r.publish(ctx, a)
		if err != nil {
			return nil, err
		}
		dropped := map[string]arrow.RecordBatch{}
		for _, c := range done.Tables {
			if c.Dropped != nil {
				dropped[c.Table] = c.Dropped
			}
		}
		report.Rows, err = r.Materialize(ctx, r.asOf, s.Materialize.Views, dropped, a.Note)
		return nil, err
	})}
}

// parts returns the steps before publishing, the last of which stages or checks
// something, and those behind it.
func (p *Pipeline) parts() (before, after []Step) {
	last := 0
	for i, s := range p.Steps {
		if s.Load != nil || s.Check != nil || s.Snapshot != nil {
			last = i + 1
		}
	}
	return p.Steps[:last], p.Steps[last:]
}
