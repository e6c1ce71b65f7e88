package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
)

var runStates = []string{"scheduled", "pending", "late", "running", "retrying", "completed", "failed", "crashed", "cancelled"}

func (a *app) pipelineRunsCommand() *cobra.Command {
	var output string
	var states []string
	var limit int
	cmd := &cobra.Command{
		Use:     "runs [NAME]",
		Short:   "List runs of pipelines, newest first",
		Example: a.example("-c my_project pipeline runs ingest_month", "-c my_project pipeline runs --state failed --state crashed --output json"),
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			query := asof.RunQuery{Limit: limit, Brief: true}
			for _, s := range states {
				if !slices.Contains(runStates, s) {
					return usagef(cmd.CommandPath()+" --help", "--state is %q%s", s, asof.DidYouMean(s, runStates))
				}
				query.States = append(query.States, asof.RunState(s))
			}
			if limit < 1 {
				return usagef("", "--limit %d: write how many of the newest to list", limit)
			}
			query.Pipeline = strings.Join(args, "")
			return a.withRepository(cmd.Context(), func(r *repository) error { return r.listRuns(cmd.Context(), query, output) })
		},
	}
	cmd.Flags().StringArrayVar(&states, "state", nil, "only runs in this state; may be given again")
	cmd.Flags().IntVar(&limit, "limit", 20, "only the newest so many")
	outputFlag(cmd, &output)
	return cmd
}

func (r *repository) listRuns(ctx context.Context, query asof.RunQuery, output string) error {
	store, err := r.Runs(ctx)
	if err != nil {
		return err
	}
	query.Project = r.config.Project
	runs, err := store.Runs(ctx, query)
	if err != nil {
		return err
	}
	if len(runs) == 0 && query.Pipeline != "" {
		if _, err := r.loadPipeline(query.Pipeline); err != nil {
			return err
		}
	}
	undone := r.knownRolledBack(ctx)
	rows := [][]any{}
	for _, run := range runs {
		rows = append(rows, []any{run.ID, run.Pipeline, string(run.State), paramList(run.Params), run.Cause, instant{run.Due, ""}, instant{run.Started, "-"},
			instant{run.Finished, "-"}, instant{undone[run.ID], "-"}, run.Error})
	}
	return r.app.printList(output, []string{"RUN", "PIPELINE", "STATE", "PARAMETERS", "CAUSE", "DUE", "STARTED", "FINISHED", "ROLLED BACK", "ERROR"}, rows)
}

// paramList is what a run was given, in the order of the names.
type paramList map[string]string

func (p paramList) String() string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(p)) {
		list = append(list, name+"="+p[name])
	}
	return strings.Join(list, " ")
}

func (a *app) pipelineShowCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "show RUN",
		Short:   "Show a run, with every attempt at its steps",
		Example: a.example("-c my_project pipeline show 20240201T060000Z-1a2b3c4d"),
		Args:    a.args("RUN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRepository(cmd.Context(), func(r *repository) error { return r.showRun(cmd.Context(), args[0], output) })
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

// run returns a run of this project, and the store that has it.
func (r *repository) run(ctx context.Context, id string) (asof.RunStore, asof.Run, error) {
	store, err := r.Runs(ctx)
	if err != nil {
		return nil, asof.Run{}, err
	}
	run, err := store.Run(ctx, id)
	if err == nil && run.Project != r.config.Project {
		err = asof.Errorf(asof.CodeNotFound, "run %s is one of project %s, and this is %s", id, run.Project, r.config.Project)
	}
	return store, run, err
}

func (r *repository) showRun(ctx context.Context, id, output string) error {
	store, run, err := r.run(ctx, id)
	if err != nil {
		return err
	}
	steps, err := store.Steps(ctx, id)
	if err != nil {
		return err
	}
	undone := r.knownRolledBack(ctx)
	switch output {
	case "json":
		return printJSON(r.app.stdio.Out, runJSON(run, steps, undone[id]))
	case "table":
	default:
		return badOutput(output, "table", "json")
	}
	out := r.app.stdio.Out
	fmt.Fprintf(out, "Run %s of %s is %s\n", run.ID, run.Pipeline, run.State)
	for _, line := range [][2]string{{"parameters", paramList(run.Params).String()}, {"cause", run.Cause}, {"due", instant{run.Due, ""}.String()},
		{"started", instant{run.Started, ""}.String()}, {"finished", instant{run.Finished, ""}.String()}, {"rolled back", instant{undone[id], ""}.String()}, {"worker", run.Worker}} {
		if line[1] != "" {
			fmt.Fprintf(out, "  %-11s  %s\n", line[0], line[1])
		}
	}
	if run.Error != "" {
		fmt.Fprintln(out, run.Error)
	}
	rows := [][]string{}
	for _, s := range steps {
		rows = append(rows, []string{s.Name, fmt.Sprint(s.Attempt), string(s.State), thousands(s.Rows), took(stepTime(s)), s.Error})
	}
	if len(rows) == 0 {
		return nil
	}
	return plainTable(out, []string{"STEP", "ATTEMPT", "STATE", "ROWS", "TIME", "ERROR"}, rows)
}

// stepTime is how long an attempt took, or has taken so far.
func stepTime(s asof.RunStep) time.Duration {
	if s.Finished.IsZero() {
		return max(time.Since(s.Started), 0)
	}
	return s.Finished.Sub(s.Started)
}

// runJSON is a run as --output json has it.
func runJSON(run asof.Run, steps []asof.RunStep, undone time.Time) map[string]any {
	attempts := []map[string]any{}
	for _, s := range steps {
		attempts = append(attempts, map[string]any{"name": s.Name, "attempt": s.Attempt, "state": s.State, "started": instant{Time: s.Started},
			"finished": instant{Time: s.Finished}, "rows": s.Rows, "error": s.Error, "report": s.Report})
	}
	return map[string]any{"run": run.ID, "pipeline": run.Pipeline, "key": run.Key, "state": run.State, "parameters": run.Params, "cause": run.Cause,
		"due": instant{Time: run.Due}, "created": instant{Time: run.Created}, "started": instant{Time: run.Started}, "finished": instant{Time: run.Finished},
		"rolled_back": instant{Time: undone}, "worker": run.Worker, "error": run.Error, "report": run.Report, "steps": attempts}
}
