package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof/pipeline"
)

func (a *app) pipelineSchedulesCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "schedules [NAME]",
		Short: "List the schedules of pipelines, and when they fire next",
		Long: "Lists the schedules of pipelines/*.yaml, of NAME alone where it is given. LAST is the newest time for which\n" +
			"a run was entered, or when a server saw the schedule first; of a folder, when its files were written.",
		Example: a.example("-c my_project pipeline schedules"),
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRepository(cmd.Context(), func(r *repository) error { return r.listSchedules(cmd.Context(), args, output) })
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

// listSchedules prints the schedules of the named pipelines, of all where none
// is named.
func (r *repository) listSchedules(ctx context.Context, names []string, output string) error {
	var err error
	if len(names) == 0 {
		if names, err = r.pipelineNames(); err != nil {
			return err
		}
	}
	store, err := r.Runs(ctx)
	if err != nil {
		return err
	}
	known, err := store.Schedules(ctx, r.config.Project)
	if err != nil {
		return err
	}
	rows := [][]any{}
	for _, name := range names {
		p, err := r.loadPipeline(name)
		if err != nil {
			return err
		}
		for _, s := range p.Status(known, time.Now()) {
			rows = append(rows, []any{p.Name, s.Text, string(s.CatchUp), yesNo(s.Paused), instant{s.Last, "never"}, instant{s.Next, noNext(s)}})
		}
	}
	return r.app.printList(output, []string{"PIPELINE", "SCHEDULE", "CATCH UP", "PAUSED", "LAST", "NEXT"}, rows)
}

// noNext says why there is no next time.
func noNext(s pipeline.ScheduleStatus) string {
	switch {
	case s.Paused:
		return "paused"
	case s.Folder != nil:
		return "when a folder is complete"
	}
	return "never"
}

func (a *app) pipelinePauseCommand(paused bool) *cobra.Command {
	use, short, long := "pause", "Let the schedules of a pipeline enter no runs",
		"The schedules of the pipeline enter no runs until it is unpaused. Runs that have been entered go on, and\n"+
			"it can be run by hand. What becomes of the times that pass is what their catch_up says."
	if !paused {
		use, short, long = "unpause", "Let the schedules of a pipeline enter runs again", "What becomes of the times that have passed is what the catch_up of each schedule says."
	}
	return &cobra.Command{
		Use:     use + " NAME",
		Short:   short,
		Long:    long,
		Example: a.example("-c my_project pipeline " + use + " ingest_month"),
		Args:    a.args("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRepository(cmd.Context(), func(r *repository) error { return r.pause(cmd.Context(), args[0], paused) })
		},
	}
}

// pause pauses the schedules of a pipeline, or lets them enter runs again.
func (r *repository) pause(ctx context.Context, name string, paused bool) error {
	p, err := r.loadPipeline(name)
	if err != nil {
		return err
	}
	store, err := r.Runs(ctx)
	if err != nil {
		return err
	}
	if err := p.Pause(ctx, store, r.config.Project, paused); err != nil {
		return err
	}
	var texts []string
	for _, s := range p.Schedules {
		texts = append(texts, s.Text)
	}
	done := "is paused"
	if !paused {
		done = "runs again by its schedules"
	}
	_, err = fmt.Fprintf(r.app.stdio.Out, "Pipeline %s %s: %s\n", p.Name, done, strings.Join(texts, ", "))
	return err
}
