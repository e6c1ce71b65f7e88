package cli

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/pipeline"
)

func (a *app) pipelineQuarantineCommand() *cobra.Command {
	var output, month, run string
	cmd := &cobra.Command{
		Use:   "quarantine NAME [TABLE]",
		Short: "Show the rows that a pipeline has put aside",
		Long: "Counts the rows in the quarantines of a pipeline, by month; with TABLE, shows those of a loaded table: the\n" +
			"rules that they break, their file and line, their values. --output csv has the values alone, of rows that\n" +
			"nobody has corrected, to be corrected in a file for `pipeline replay`.",
		Example: a.example("-c my_project pipeline quarantine ingest_month", "-c my_project pipeline quarantine ingest_month usage --month 2024-02 --output csv"),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 2 {
				return nil
			}
			return a.args("NAME")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRepository(cmd.Context(), func(r *repository) error {
				if len(args) == 1 {
					return r.countQuarantines(cmd.Context(), args[0], month, run, output)
				}
				return r.showQuarantine(cmd.Context(), args[0], args[1], month, run, output)
			})
		},
	}
	cmd.Flags().StringVar(&month, "month", "", "only that month (2024-02) or day (2024-02-29)")
	cmd.Flags().StringVar(&run, "run", "", "only what this run put aside")
	cmd.Flags().StringVar(&output, "output", "table", "table, json, or csv for the rows of a table")
	return cmd
}

// looking calls do with a stage of the warehouse that nothing is put into.
func (r *repository) looking(ctx context.Context, do func(asof.Stage) error) error {
	warehouse, err := r.Warehouse(ctx)
	if err != nil {
		return err
	}
	stage, err := warehouse.Stage(ctx, "look-"+asof.NewRunID(time.Now()))
	if err != nil {
		return err
	}
	defer stage.Discard(context.WithoutCancel(ctx))
	return do(stage)
}

func (r *repository) countQuarantines(ctx context.Context, name, month, run, output string) error {
	p, err := r.loadPipeline(name)
	if err != nil {
		return err
	}
	rows := [][]any{}
	err = r.looking(ctx, func(stage asof.Stage) error {
		quarantines := p.Quarantines()
		for _, table := range slices.Sorted(maps.Keys(quarantines)) {
			counts, err := pipeline.CountQuarantine(ctx, stage, p, quarantines[table])
			if err != nil {
				return err
			}
			for _, c := range counts {
				if strings.HasPrefix(c.Month, month) && (run == "" || run == c.Run) {
					rows = append(rows, []any{table, c.Month, c.Rows, c.Run, quarantines[table].Table})
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return r.app.printList(output, []string{"TABLE", "MONTH", "ROWS", "RUN", "QUARANTINE"}, rows)
}

// quarantining reads a pipeline that has a quarantine for a table.
func (r *repository) quarantining(name, table string) (*pipeline.Pipeline, error) {
	p, err := r.loadPipeline(name)
	if err != nil {
		return nil, err
	}
	tables := slices.Sorted(maps.Keys(p.Quarantines()))
	switch {
	case len(tables) == 0:
		return nil, asof.Errorf(asof.CodeNotFound, "pipeline %s puts no rows aside: say `quarantine: true` in a check step", name)
	case !slices.Contains(tables, table):
		return nil, asof.Errorf(asof.CodeNotFound, "pipeline %s has no quarantine for table %q%s", name, table, asof.DidYouMean(table, tables))
	}
	return p, nil
}

// quarantined reads rows that a pipeline has put aside, limit at most, 0 for all.
func (r *repository) quarantined(ctx context.Context, p *pipeline.Pipeline, table, month, run string, limit int) (found pipeline.Quarantined, err error) {
	err = r.looking(ctx, func(stage asof.Stage) error {
		found, err = pipeline.ReadQuarantine(ctx, stage, p, table, month, run, limit)
		return err
	})
	return found, err
}

func (r *repository) showQuarantine(ctx context.Context, name, table, month, run, output string) error {
	p, err := r.quarantining(name, table)
	if err != nil {
		return err
	}
	found, err := r.quarantined(ctx, p, table, month, run, 0)
	if err != nil {
		return err
	}
	switch output {
	case "table":
		headers, rows := []string{}, [][]string{}
		for _, c := range found.Columns {
			headers = append(headers, strings.ToUpper(strings.TrimPrefix(c, asof.ReservedTables)))
		}
		for _, row := range found.Rows {
			cells := make([]string, len(row))
			for i, cell := range row {
				if cell != nil {
					cells[i] = strings.ReplaceAll(*cell, "\n", "; ")
				}
			}
			rows = append(rows, cells)
		}
		return plainTable(r.app.stdio.Out, headers, rows)
	case "json":
		list := []map[string]any{}
		for _, row := range found.Rows {
			one := map[string]any{}
			for i, cell := range row {
				switch c := found.Columns[i]; {
				case cell == nil:
					one[c] = nil
				case c == "asof_rules":
					one[c] = strings.Split(*cell, "\n")
				case c == "asof_line":
					one[c] = json.Number(*cell)
				default:
					one[c] = *cell
				}
			}
			list = append(list, one)
		}
		return printJSON(r.app.stdio.Out, list)
	case "csv":
		return found.WriteCSV(r.app.stdio.Out)
	}
	return badOutput(output, "table", "json", "csv")
}
