package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/pipeline"
)

// pipelineFolder is where a repository keeps its pipelines.
const pipelineFolder = "pipelines"

func (a *app) pipelineCommand() *cobra.Command {
	return a.group("pipeline", "Load, check, snapshot and materialize a month", a.pipelineRunCommand(), a.pipelineListCommand(),
		a.pipelineRunsCommand(), a.pipelineShowCommand(), a.pipelineLogsCommand(), a.pipelineCancelCommand(), a.pipelineResumeCommand(), a.pipelineWorkCommand(),
		a.pipelineValidateCommand(), a.pipelineSchemaCommand(), a.pipelineChecksCommand(), a.pipelineQuarantineCommand(), a.pipelineReplayCommand(), a.pipelineReportCommand(),
		a.pipelineRollbackCommand(),
		a.pipelineSchedulesCommand(), a.pipelineBackfillCommand(), a.pipelinePauseCommand(true), a.pipelinePauseCommand(false))
}

func (a *app) pipelineRunCommand() *cobra.Command {
	var output, key string
	cmd := &cobra.Command{
		Use:   "run NAME [PARAMETER=VALUE…]",
		Short: "Run a pipeline in the foreground",
		Long: "Runs pipelines/NAME.yaml of the repository. Files are staged and checked before anything is\n" +
			"visible; all tables of the month appear together or not at all. The same files again change nothing.\n" +
			"The same command after a failure, or after it was killed, goes on with the same run: what was loaded and has\n" +
			"not changed is not loaded again. With --key a run that is completed is not run again, and its report is printed.",
		Example: a.example("-c my_project pipeline run ingest_month month=month_000 as_of=2024-01-31", "-c my_project pipeline run ingest_month month=month_001 as_of=2024-02-29 --key february"),
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
				return r.runPipeline(cmd.Context(), args[0], params, key, output)
			})
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "a name for the run, which is done once; without it, runs of the same parameters are one until it is completed")
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

// applied reports whether the project has definitions.
func (r *repository) applied(ctx context.Context) (bool, error) {
	registry, err := r.Registry(ctx)
	if err != nil {
		return false, err
	}
	snapshot, err := registry.Snapshot(ctx, r.config.Project)
	return err == nil && snapshot.Project() != nil, err
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
