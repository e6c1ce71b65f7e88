package pipeline

import (
	"context"
	"errors"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/asof-dev/asof"
)

// publish shows everything that was staged, as one.
func (r *run) publish(ctx context.Context) (asof.Published, error) {
	p := asof.Publication{ID: r.report.Run, Name: r.Pipeline.Name, AsOf: r.report.AsOf}
	for _, s := range r.Pipeline.Steps {
		switch {
		case r.skipped[s.Name] || s.Snapshot != nil && r.skippedTable(s.Snapshot.From):
		case s.Load != nil:
			p.Writes = append(p.Writes, asof.Write{Table: s.Load.Table, Mode: s.Load.Mode})
		case s.Snapshot != nil:
			p.Frozen = append(p.Frozen, asof.Frozen{Table: s.Snapshot.Table, SQL: r.values.fill(s.Snapshot.SQL)})
		}
	}
	var done asof.Published
	err := r.step(PublishStep, func(report *StepReport) (err error) {
		r.Progress.Report(PublishStep, 0, 0)
		done, err = r.stage.Publish(ctx, p)
		if taken := (*asof.KeyTaken)(nil); errors.As(err, &taken) {
			return asof.Problems{r.located(taken.Table, err)}.Err()
		}
		if err != nil {
			return err
		}
		for _, c := range done.Tables {
			report.Rows += c.Added + c.Changed + c.Removed
			plain := c
			plain.Dropped = nil
			report.Changes = append(report.Changes, plain)
		}
		if r.report.AsOf.After(r.started) {
			report.Warnings = asof.Problems{{Message: "the day " + r.values[AsOfParam] + " has not come yet"}}
		}
		return nil
	})
	return done, err
}

// skippedTable reports whether the step that loads a table is left out.
func (r *run) skippedTable(table string) bool {
	return table != "" && r.loads[table] == nil
}

// follow does the steps behind publishing.
func (r *run) follow(ctx context.Context, steps []Step, done asof.Published) error {
	dropped := map[string]arrow.RecordBatch{}
	defer func() {
		for _, batch := range dropped {
			batch.Release()
		}
	}()
	for _, c := range done.Tables {
		if c.Dropped != nil {
			dropped[c.Table] = c.Dropped
		}
	}
	for _, s := range steps {
		var err error
		switch {
		case r.skips(s):
		case s.Materialize != nil:
			err = r.materialize(ctx, s, dropped)
		case s.TrainingSet == nil || r.TrainingSet != nil:
			err = r.act(ctx, s, r.values)
		}
		if err != nil {
			return asof.Errorf(asof.ErrorCode(err), "the month %s is published, and %s failed; run the same command again to complete it: %w",
				r.report.AsOf.Format(time.DateOnly), s.Name, err)
		}
	}
	return nil
}

// materialize brings the online store after what was published.
func (r *run) materialize(ctx context.Context, s Step, dropped map[string]arrow.RecordBatch) error {
	if r.Materialize == nil {
		return nil
	}
	return r.step(s.Name, func(report *StepReport) (err error) {
		r.Progress.Report(s.Name, 0, 0)
		return r.attempts(ctx, s, func(ctx context.Context) error {
			report.Rows, err = r.Materialize(ctx, r.report.AsOf, s.Materialize.Views, dropped)
			return err
		})
	})
}
