package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/pipeline"
)

func (a *app) pipelineReplayCommand() *cobra.Command {
	var output, month, rows string
	cmd := &cobra.Command{
		Use:   "replay NAME TABLE",
		Short: "Run a month again with rows that were put aside, corrected",
		Long: "Takes corrected rows from a CSV file, with the columns of the loaded table, in the place of those in its\n" +
			"quarantine, and runs their month again. They stand for the file's rows in every run, until the file is\n" +
			"another one. Without --rows the month is run again as it is: the rules may be others.",
		Example: a.example("-c my_project pipeline replay ingest_month usage --month 2024-02 --rows corrected.csv"),
		Args:    a.args("NAME", "TABLE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if output != "table" && output != "json" {
				return badOutput(output, "table", "json")
			}
			return a.withRepository(cmd.Context(), func(r *repository) error {
				return r.replay(cmd.Context(), args[0], pipeline.Correction{Table: args[1], Month: month, File: rows}, output)
			})
		},
	}
	cmd.Flags().StringVar(&month, "month", "", "the month (2024-02) or day (2024-02-29), where several are in the quarantine")
	cmd.Flags().StringVar(&rows, "rows", "", "the file with the corrected rows")
	outputFlag(cmd, &output)
	return cmd
}

func (r *repository) replay(ctx context.Context, name string, c pipeline.Correction, output string) error {
	p, err := r.quarantining(name, c.Table)
	if err != nil {
		return err
	}
	done, earlier, err := r.correct(ctx, p, c)
	if err != nil {
		return err
	}
	if output == "table" && c.File != "" {
		fmt.Fprintf(r.app.stdio.Err, "%s corrected; the month %s runs again\n", count(int64(done.Rows), "row is", "rows are"), earlier.Params[pipeline.AsOfParam])
	}
	return r.runPipeline(ctx, name, earlier.Params, "", output)
}

// correct takes corrected rows in, and returns the run that put them aside.
func (r *repository) correct(ctx context.Context, p *pipeline.Pipeline, c pipeline.Correction) (done pipeline.Corrected, earlier asof.Run, err error) {
	warehouse, err := r.Warehouse(ctx)
	if err != nil {
		return done, earlier, err
	}
	store, err := r.Runs(ctx)
	if err != nil {
		return done, earlier, err
	}
	if done, err = p.Correct(ctx, warehouse, c); err != nil {
		return done, earlier, err
	}
	earlier, err = store.Run(ctx, done.Run)
	if asof.ErrorCode(err) == asof.CodeNotFound {
		err = asof.Errorf(asof.CodeNotFound, "run %s, which put the rows aside, is not kept any more: what is corrected is noted; run the month again with `%s pipeline run %s` and its parameters",
			done.Run, r.app.name, p.Name)
	}
	return done, earlier, err
}
