package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/pipeline"
)

func (a *app) pipelineBackfillCommand() *cobra.Command {
	var from, to, by, output string
	cmd := &cobra.Command{
		Use:   "backfill NAME [PARAMETER=VALUE…]",
		Short: "Enter a run of a pipeline for each day or month of a range",
		Long: "as_of is the last day of each month of the range, with --by day each day. Other parameters have their\n" +
			"defaults as they are on the day after, and {{as_of | %Y-%m}} and the like follow from it. The runs are\n" +
			"entered, oldest first, for workers to carry out; those of the range that are completed are not run again,\n" +
			"and those that failed go on where they were.",
		Example: a.example("-c my_project pipeline backfill ingest_month --from 2023-01 --to 2023-12",
			"-c my_project pipeline backfill ingest_day --from 2024-02-01 --to 2024-02-29 --by day"),
		Args: cobra.MinimumNArgs(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return usagef(cmd.CommandPath()+" --help", "NAME is missing: %s", cmd.UseLine())
			case from == "" || to == "":
				return usagef(cmd.CommandPath()+" --help", "the range is missing: add --from 2024-01 --to 2024-06")
			}
			params, err := parseParams(args[1:])
			if err != nil {
				return err
			}
			return a.withRepository(cmd.Context(), func(r *repository) error {
				b, err := pipeline.NewBackfill(from, to, by, time.Now())
				if err != nil {
					return err
				}
				return r.backfill(cmd.Context(), args[0], b, params, output)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&from, "from", "", "the first month or day, as 2024-01 or 2024-01-31")
	flags.StringVar(&to, "to", "", "the last one, which is included")
	flags.StringVar(&by, "by", "month", "day or month")
	outputFlag(cmd, &output)
	return cmd
}

// backfill enters the runs of a range and lists them.
func (r *repository) backfill(ctx context.Context, name string, b pipeline.Backfill, params map[string]string, output string) error {
	p, err := r.loadPipeline(name)
	if err != nil {
		return err
	}
	store, err := r.Runs(ctx)
	if err != nil {
		return err
	}
	runs, err := b.Submit(ctx, store, p, r.config.Project, params)
	if err != nil {
		return err
	}
	rows, waiting := [][]any{}, 0
	for _, run := range runs {
		rows = append(rows, []any{run.ID, run.Params[pipeline.AsOfParam], string(run.State)})
		if run.State != asof.RunCompleted {
			waiting++
		}
	}
	if err := r.app.printList(output, []string{"RUN", "AS OF", "STATE"}, rows); err != nil {
		return err
	}
	if waiting > 0 && output == "table" {
		fmt.Fprintf(r.app.stdio.Err, "%s %s to be carried out by workers, as `%s -c %s serve --all` has them\n",
			paint(r.app.stdio.Err, yellow, "note:"), count(int64(waiting), "run is", "runs are"), r.app.name, r.app.globals.dir)
	}
	return nil
}
