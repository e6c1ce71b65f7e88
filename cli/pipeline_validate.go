package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/pipeline"
)

func (a *app) pipelineValidateCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "validate [NAME]",
		Short: "Tell every mistake of pipeline files with its line",
		Long: "Reads pipelines/NAME.yaml, or all pipelines of the repository, and tells every mistake with its\n" +
			"file and line. Exits with 1 where there is one.",
		Example: a.example("-c my_project pipeline validate", "-c my_project pipeline validate ingest_month --output json"),
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if output != "table" && output != "json" {
				return badOutput(output, "table", "json")
			}
			return a.withRepository(cmd.Context(), func(r *repository) error {
				names := args
				if len(names) == 0 {
					var err error
					if names, err = r.pipelineNames(); err != nil {
						return err
					}
				}
				return r.validatePipelines(names, output)
			})
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

// validatePipelines tells what is wrong with each pipeline.
func (r *repository) validatePipelines(names []string, output string) error {
	rows := []map[string]any{}
	failed := false
	for _, name := range names {
		p, err := r.loadPipeline(name)
		var problems asof.Problems
		if err != nil && !errors.As(err, &problems) {
			if asof.ErrorCode(err) != asof.CodeInvalid {
				return err
			}
			problems = asof.Problems{{Message: err.Error()}}
		}
		mistakes := []map[string]any{}
		for _, problem := range problems {
			mistakes = append(mistakes, map[string]any{"file": problem.Place.File, "line": problem.Place.Line, "message": problem.Message})
		}
		failed = failed || len(problems) > 0
		rows = append(rows, map[string]any{"pipeline": name, "valid": len(problems) == 0, "problems": mistakes})
		switch {
		case output == "json":
		case len(problems) > 0:
			fmt.Fprintln(r.app.stdio.Err, problems.Error())
		default:
			fmt.Fprintf(r.app.stdio.Out, "%s: %s, no mistakes\n", name, count(int64(len(p.Steps)), "step", "steps"))
		}
	}
	if output == "json" {
		if err := printJSON(r.app.stdio.Out, rows); err != nil {
			return err
		}
	}
	if failed {
		return errReported
	}
	return nil
}

func (a *app) pipelineSchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON schema of pipeline files",
		Long: "Prints the JSON schema by which editors complete and check pipeline files. It is also at\n" +
			pipeline.SchemaURL + ".",
		Example: a.example("pipeline schema > pipelines/schema.json"),
		Args:    a.args(),
		RunE: func(*cobra.Command, []string) error {
			schema, err := pipeline.Schema()
			if err == nil {
				_, err = a.stdio.Out.Write(schema)
			}
			return err
		},
	}
}
