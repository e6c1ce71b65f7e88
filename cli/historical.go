package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof/historical"
)

func (a *app) historicalCommand() *cobra.Command {
	var q historical.Request
	cmd := &cobra.Command{
		Use:   "get-historical-features -f VIEW:FEATURE -o FILE",
		Short: "Write training data: features as they were at each row's time",
		Long: "Joins to each entity row (join keys and event_timestamp) the values that the features had at\n" +
			"that time. Entity rows come from a CSV or Parquet file or from SQL over the warehouse; the\n" +
			"answer has one row for each, in their order. Relative paths start in the repository.",
		Example: a.example("-c my_project get-historical-features --entity-df users.csv -f subs_profile_fv:monthly_fee -o training.parquet",
			`-c my_project get-historical-features --entity-sql "SELECT user_id, as_of AS event_timestamp FROM usage_agg_30d_snapshots" --feature-service churn -o training.csv`),
		Args: a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := historicalUsage(cmd, &q); err != nil {
				return err
			}
			ctx, started := cmd.Context(), time.Now()
			return a.withRepository(ctx, func(r *repository) error {
				var err error
				if q.Snapshot, err = r.snapshot(ctx); err != nil {
					return err
				}
				if q.Store, err = r.Offline(ctx); err != nil {
					return err
				}
				if q.Entities.Path != "" {
					q.Entities.Path = a.input(q.Entities.Path)
				}
				q.Output = a.path(q.Output)
				progress, end := a.progress()
				q.Progress = progress
				result, err := historical.Run(ctx, q)
				end()
				if err != nil {
					return err
				}
				fmt.Fprintf(a.stdio.Out, "Wrote %s of %s to %s in %s.\n", count(result.Rows, "row", "rows"),
					count(int64(len(result.Columns)), "column", "columns"), result.Path, took(time.Since(started)))
				if len(result.Empty) > 0 {
					fmt.Fprintf(a.stdio.Err, "%s no row has a value of %s: are keys and times right?\n",
						paint(a.stdio.Err, yellow, "note:"), strings.Join(result.Empty, ", "))
				}
				return nil
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&q.Entities.Path, "entity-df", "", "the entity rows: a .csv or .parquet file")
	flags.StringVar(&q.Entities.SQL, "entity-sql", "", "or a SELECT that gives them")
	flags.StringArrayVarP(&q.References, "features", "f", nil, "a feature: view:feature; once for each")
	flags.StringVar(&q.Service, "feature-service", "", "the features of a service instead")
	flags.BoolVar(&q.FullNames, "full-feature-names", false, "name columns view__feature")
	flags.StringVarP(&q.Output, "out", "o", "", "the file to write: .csv or .parquet")
	flags.StringVar(&q.Label, "label", "", "the column that goes last")
	return cmd
}

// historicalUsage says what a call leaves out.
func historicalUsage(cmd *cobra.Command, q *historical.Request) error {
	help := cmd.CommandPath() + " --help"
	switch {
	case (q.Entities.Path == "") == (q.Entities.SQL == ""):
		return usagef(help, "say where the entity rows are: either --entity-df FILE or --entity-sql SELECT")
	case len(q.References) > 0 == (q.Service != ""):
		return usagef(help, "say which features: either -f VIEW:FEATURE, once for each, or --feature-service NAME")
	case q.Output == "":
		return usagef(help, "-o is missing: the file to write, .csv or .parquet")
	}
	return nil
}
