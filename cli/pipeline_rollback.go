package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/materialize"
)

func (a *app) pipelineRollbackCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "rollback RUN",
		Short: "Put tables, snapshots and online store back to what they were before a run",
		Long: "Puts back what a run published, and then what is online of it. The warehouse keeps what its last\n" +
			"three publications replaced; a run is rolled back after those that changed one of its tables later, and\n" +
			"not while it goes on.\n" +
			"A rollback that was cut off is completed by the same command.",
		Example: a.example("-c my_project pipeline rollback 20240301T060000Z-1f0c2b7a"),
		Args:    a.args("RUN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if output != "table" && output != "json" {
				return badOutput(output, "table", "json")
			}
			return a.withRepository(cmd.Context(), func(r *repository) error { return r.rollback(cmd.Context(), args[0], output) })
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

// rolledBack returns when runs were rolled back, by their IDs.
func (r *repository) rolledBack(ctx context.Context) (map[string]time.Time, error) {
	all, err := r.published(ctx)
	return asof.RolledBackRuns(all), err
}

// knownRolledBack is rolledBack for those who look at runs, which have to be
// seen when the warehouse is away too.
func (r *repository) knownRolledBack(ctx context.Context) map[string]time.Time {
	undone, err := r.rolledBack(ctx)
	if err != nil {
		fmt.Fprintf(r.app.stdio.Err, "%s which runs were rolled back is not known: %v\n", paint(r.app.stdio.Err, yellow, "note:"), err)
	}
	return undone
}

// rollback puts a run back, and prints what that did.
func (r *repository) rollback(ctx context.Context, run, output string) error {
	progress, end := r.app.progress()
	started := time.Now()
	done, results, err := r.putBack(ctx, run, progress)
	end()
	if done.Publication.Undone.IsZero() {
		return err
	}
	if printed := r.app.printRollback(output, done, results, done.Publication.Undone.Before(started.Add(-time.Millisecond))); printed != nil {
		return printed
	}
	r.app.printNotes(results)
	return err
}

// putBack puts the tables back, as one, then view by view what is online.
// progress may be nil.
func (r *repository) putBack(ctx context.Context, run string, progress asof.Progress) (done asof.Rollback, results []materialize.Result, err error) {
	if err := r.hasEnded(ctx, run); err != nil {
		return done, nil, err
	}
	warehouse, err := r.Warehouse(ctx)
	if err != nil {
		return done, nil, err
	}
	waiting := time.AfterFunc(time.Second, func() { progress.Report("wait for another run", 0, 0) })
	done, err = warehouse.Rollback(ctx, run)
	waiting.Stop()
	if err != nil {
		return done, nil, err
	}
	if results, err = r.undo(ctx, progress, done); err != nil && ctx.Err() == nil {
		err = asof.Errorf(asof.ErrorCode(err), "tables and snapshots are put back, and not yet all that is online: roll the run back again to complete it: %w", err)
	}
	return done, results, err
}

// hasEnded refuses a run that goes on, or waits: what is put back it would bring
// in again.
func (r *repository) hasEnded(ctx context.Context, id string) error {
	store, err := r.Runs(ctx)
	if err != nil {
		return err
	}
	run, err := store.Run(ctx, id)
	switch {
	case asof.ErrorCode(err) == asof.CodeNotFound: // it is kept no longer
		return nil
	case err == nil && run.Finished.IsZero():
		return asof.Errorf(asof.CodeConflict, "run %s is %s; cancel it, and roll it back when it has ended", id, run.State)
	}
	return err
}

// undo puts the online store back, where there is anything in it.
func (r *repository) undo(ctx context.Context, progress asof.Progress, done asof.Rollback) ([]materialize.Result, error) {
	applied, err := r.applied(ctx)
	if err != nil || !applied {
		return nil, err
	}
	m, err := r.materializer(ctx, progress)
	if err != nil {
		return nil, err
	}
	return m.Undo(ctx, materialize.Undo{Run: done.Publication.ID, At: done.Publication.At, Tables: done.Readers, Gone: done.Gone})
}

func (a *app) printRollback(output string, done asof.Rollback, results []materialize.Result, before bool) error {
	p := done.Publication
	if output == "json" {
		tables, views := []map[string]any{}, []map[string]any{}
		for _, c := range done.Tables {
			tables = append(tables, map[string]any{"table": c.Table, "added": c.Added, "changed": c.Changed, "removed": c.Removed})
		}
		for _, v := range results {
			views = append(views, map[string]any{"view": v.View, "restored": v.Restored, "removed": v.Removed, "time": elapsed(v.Took)})
		}
		return printJSON(a.stdio.Out, map[string]any{"run": p.ID, "pipeline": p.Name, "as_of": p.AsOf.Format(time.DateOnly), "published": instant{p.At, ""},
			"rolled_back": instant{p.Undone, ""}, "tables": tables, "gone": append([]string{}, done.Gone...), "views": views})
	}
	was := "Rolled back"
	if before {
		was = "At " + instant{p.Undone, ""}.String() + " was rolled back"
	}
	fmt.Fprintf(a.stdio.Out, "%s run %s of %s, as of %s, published at %s\n", was, p.ID, p.Name, p.AsOf.Format(time.DateOnly), instant{p.At, ""})
	for _, c := range done.Tables {
		fmt.Fprintf(a.stdio.Out, "  %s: %s\n", c.Table, changed(c))
	}
	for _, table := range done.Gone {
		fmt.Fprintf(a.stdio.Out, "  %s is gone: the run had made it\n", table)
	}
	for _, v := range results {
		if v.Err == nil {
			fmt.Fprintf(a.stdio.Out, "  online %s: %s put back, %s removed  %s\n", v.View, count(v.Restored, "key", "keys"), count(v.Removed, "key", "keys"), took(v.Took))
		}
	}
	return nil
}
