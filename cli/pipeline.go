package cli

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/materialize"
	"github.com/asof-dev/asof/pipeline"
)

// pipelineFolder is where a repository keeps its pipelines.
const pipelineFolder = "pipelines"

func (a *app) pipelineCommand() *cobra.Command {
	return a.group("pipeline", "Load, check, snapshot and materialize a month", a.pipelineRunCommand(), a.pipelineListCommand(),
		a.pipelineValidateCommand(), a.pipelineSchemaCommand(), a.pipelineChecksCommand(), a.pipelineQuarantineCommand(), a.pipelineReportCommand(),
		a.pipelineRollbackCommand(),
		a.pipelineSchedulesCommand(), a.pipelineBackfillCommand(), a.pipelinePauseCommand(true), a.pipelinePauseCommand(false))
}

func (a *app) pipelineRunCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "run NAME [PARAMETER=VALUE…]",
		Short: "Run a pipeline in the foreground",
		Long: "Runs pipelines/NAME.yaml of the repository. Files are staged and checked before anything is\n" +
			"visible; all tables of the month appear together or not at all. The same files again change nothing.",
		Example: a.example("-c my_project pipeline run ingest_month month=month_000 as_of=2024-01-31"),
		Args:    cobra.MinimumNArgs(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef(cmd.CommandPath()+" --help", "NAME is missing: %s", cmd.UseLine())
			}
			if output != "table" && output != "json" {
				return badOutput(output, "table", "json")
			}
			params, err := parseParams(args[1:])
			if err != nil {
				return err
			}
			return a.withRepository(cmd.Context(), func(r *repository) error {
				return r.runPipeline(cmd.Context(), args[0], params, output)
			})
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

func parseParams(words []string) (map[string]string, error) {
	params := map[string]string{}
	for _, word := range words {
		name, value, ok := strings.Cut(word, "=")
		if !ok || name == "" {
			return nil, usagef("", "%q is no parameter: write NAME=VALUE", word)
		}
		if _, twice := params[name]; twice {
			return nil, usagef("", "parameter %s is given twice", name)
		}
		params[name] = value
	}
	return params, nil
}

func (r *repository) runPipeline(ctx context.Context, name string, params map[string]string, output string) error {
	p, err := r.loadPipeline(name)
	if err != nil {
		return err
	}
	warehouse, err := r.Warehouse(ctx)
	if err != nil {
		return err
	}
	progress, end := r.app.progress()
	options := pipeline.Options{Pipeline: p, Params: params, Repo: r.config.Dir, Warehouse: warehouse, Progress: progress,
		Log: r.app.stepLog(), Notify: r.notify(p.Name)}
	var followed []materialize.Result
	applied, err := r.applied(ctx)
	if err == nil && applied {
		options.Materialize = r.follow("pipeline "+p.Name, progress, &followed)
		options.TrainingSet = r.trainingSet(progress)
	}
	if err != nil {
		end()
		return err
	}
	report, err := pipeline.Run(ctx, options)
	end()
	if printed := r.app.printReport(output, report); printed != nil {
		return printed
	}
	r.app.printNotes(followed)
	if err == nil && !applied && output == "table" {
		fmt.Fprintf(r.app.stdio.Err, "%s project %s has no definitions yet, so nothing was materialized, and no training set written: run `%s -c %s apply`, then this again\n",
			paint(r.app.stdio.Err, yellow, "note:"), r.config.Project, r.app.name, r.app.globals.dir)
	}
	return err
}

// applied reports whether the project has definitions.
func (r *repository) applied(ctx context.Context) (bool, error) {
	registry, err := r.Registry(ctx)
	if err != nil {
		return false, err
	}
	snapshot, err := registry.Snapshot(ctx, r.config.Project)
	return err == nil && snapshot.Project() != nil, err
}

// follow returns the pipeline's materialize step: the online store follows what
// was published. What became of each view is added to told.
func (r *repository) follow(cause string, progress asof.Progress, told *[]materialize.Result) pipeline.Materialize {
	return func(ctx context.Context, asOf time.Time, views []string, dropped map[string]arrow.RecordBatch) (int64, error) {
		m, err := r.materializer(ctx, progress)
		if err != nil {
			return 0, err
		}
		var changes []asof.TableChange
		for _, table := range slices.Sorted(maps.Keys(dropped)) {
			changes = append(changes, asof.TableChange{Table: table, Dropped: dropped[table]})
		}
		results, err := m.Follow(ctx, asOf, views, changes, cause)
		*told = append(*told, results...)
		var keys int64
		for _, result := range results {
			keys += result.Written
		}
		return keys, err
	}
}

// loadPipeline reads a pipeline of the repository by its name.
func (r *repository) loadPipeline(name string) (*pipeline.Pipeline, error) {
	path := filepath.Join(r.config.Dir, pipelineFolder, name+".yaml")
	if !fileExists(path) {
		known, err := r.pipelineNames()
		if err != nil {
			return nil, err
		}
		return nil, asof.Errorf(asof.CodeNotFound, "there is no pipeline %s in %s%s", name, filepath.Dir(path), asof.DidYouMean(name, known))
	}
	p, err := pipeline.Load(path)
	if err == nil && p.Name != name {
		err = asof.Problems{{Place: asof.Place{File: path, Line: 1}, Message: fmt.Sprintf("the pipeline is called %q and its file %s.yaml: give both the same name", p.Name, name)}}.Err()
	}
	return p, err
}

func (r *repository) pipelineNames() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(r.config.Dir, pipelineFolder))
	if err != nil && !os.IsNotExist(err) {
		return nil, asof.Errorf(asof.CodeInvalid, "the pipelines can't be read: %w", err)
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".yaml"); ok && e.Type().IsRegular() {
			names = append(names, name)
		}
	}
	return names, nil
}

// printReport prints a run step by step, and what it changed table by table.
func (a *app) printReport(output string, report pipeline.Report) error {
	if report.AsOf.IsZero() {
		return nil // it did not begin
	}
	if output == "json" {
		return printJSON(a.stdio.Out, report)
	}
	for _, s := range report.Steps {
		if s.Skipped {
			fmt.Fprintf(a.stdio.Out, "%-44s %12s\n", s.Name, "left out")
			continue
		}
		fmt.Fprintf(a.stdio.Out, "%-44s %12s  %s\n", s.Name, count(s.Rows, "row", "rows"), took(s.Duration))
		for _, c := range s.Changes {
			fmt.Fprintf(a.stdio.Out, "  %s: %s\n", c.Table, changed(c))
		}
		a.warn(s.Warnings)
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

func (a *app) pipelineListCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the pipelines of the repository",
		Example: a.example("-c my_project pipeline list"),
		Args:    a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withRepository(cmd.Context(), func(r *repository) error {
				names, err := r.pipelineNames()
				if err != nil {
					return err
				}
				rows := [][]any{}
				for _, name := range names {
					p, err := r.loadPipeline(name)
					if err != nil {
						return err
					}
					params := commaList{}
					for _, param := range p.Params {
						params = append(params, param.Name)
					}
					rows = append(rows, []any{name, params, p.Description})
				}
				return a.printList(output, []string{"NAME", "PARAMETERS", "DESCRIPTION"}, rows)
			})
		},
	}
	outputFlag(cmd, &output)
	return cmd
}
