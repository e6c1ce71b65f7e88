package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

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
			"file and line, and views and features that are not defined. Exits with 1 where there is one.",
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
				return r.validatePipelines(cmd.Context(), names, output)
			})
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

// validatePipelines tells what is wrong with each pipeline.
func (r *repository) validatePipelines(ctx context.Context, names []string, output string) error {
	rows := []map[string]any{}
	failed := false
	defined := r.defined(ctx)
	for _, name := range names {
		p, err := r.loadPipeline(name)
		var problems asof.Problems
		if err != nil && !errors.As(err, &problems) {
			if asof.ErrorCode(err) != asof.CodeInvalid {
				return err
			}
			problems = asof.Problems{{Message: err.Error()}}
		}
		if err == nil && defined != nil {
			problems = unknownNames(p, defined)
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

// defined returns what the repository's Python files define; nil, which is told,
// where they cannot be read.
func (r *repository) defined(ctx context.Context) *asof.Snapshot {
	desired, err := r.definitions(ctx, false)
	if err != nil {
		fmt.Fprintf(r.app.stdio.Err, "%s the definitions cannot be read, so names of views and features are not looked at: %s\n",
			paint(r.app.stdio.Err, yellow, "note:"), err)
		return nil
	}
	return asof.NewSnapshot("", time.Time{}, desired.Objects)
}

// unknownNames finds the views, features and services of a pipeline's steps that
// are not defined.
func unknownNames(p *pipeline.Pipeline, defined *asof.Snapshot) (problems asof.Problems) {
	for _, s := range p.Steps {
		var wrong []error
		switch {
		case s.Materialize != nil:
			for _, view := range s.Materialize.Views {
				wrong = append(wrong, knownFeature(defined, view, ""))
			}
		case s.Monitor != nil:
			for _, view := range s.Monitor.Views {
				_, err := defined.View(view)
				wrong = append(wrong, err)
			}
		case s.TrainingSet != nil && s.TrainingSet.Service != "":
			_, err := defined.Service(s.TrainingSet.Service)
			wrong = append(wrong, err)
		case s.TrainingSet != nil:
			for _, text := range s.TrainingSet.Features {
				reference, err := defined.Reference(text)
				if err == nil {
					err = knownFeature(defined, reference.View, reference.Feature)
				}
				wrong = append(wrong, err)
			}
		}
		for _, err := range wrong {
			if err != nil {
				problems = append(problems, asof.Problem{Place: s.Place, Message: s.Name + ": " + err.Error()})
			}
		}
	}
	return problems
}

// knownFeature returns an error unless the view is defined, and has the feature
// where it says which it has. "" is any.
func knownFeature(defined *asof.Snapshot, view, feature string) error {
	var fields []asof.Field
	if odfv, ok := defined.Object(asof.KindOnDemandView, view).(*asof.OnDemandFeatureView); ok {
		fields = odfv.Features
	} else if fv, err := defined.View(view); err != nil {
		return err
	} else {
		fields = fv.Features
	}
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	if feature == "" || len(fields) == 0 || slices.Contains(names, feature) {
		return nil
	}
	return asof.Errorf(asof.CodeNotFound, "feature view %q has no feature %q%s", view, feature, asof.DidYouMean(feature, names))
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
