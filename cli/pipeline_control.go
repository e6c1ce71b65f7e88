package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

func (a *app) pipelineLogsCommand() *cobra.Command {
	var follow bool
	cmd := &cobra.Command{
		Use:     "logs RUN",
		Short:   "Print the log of a run",
		Example: a.example("-c my_project pipeline logs 20240201T060000Z-1a2b3c4d", "-c my_project pipeline logs -f 20240201T060000Z-1a2b3c4d"),
		Args:    a.args("RUN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRepository(cmd.Context(), func(r *repository) error { return r.printLog(cmd.Context(), args[0], follow) })
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on until the run has ended")
	return cmd
}

// The times and the size of reading a log.
const (
	followEvery = 300 * time.Millisecond
	linesAtOnce = 500
)

func (r *repository) printLog(ctx context.Context, id string, follow bool) error {
	for after := int64(0); ; {
		store, run, err := r.run(ctx, id) // before its lines, so that none is missed at the end
		if err != nil {
			return err
		}
		lines, err := store.Lines(ctx, id, after, linesAtOnce)
		if err != nil {
			return err
		}
		for _, l := range lines {
			after = l.Seq
			step := ""
			if l.Step != "" {
				step = l.Step + ": "
			}
			fmt.Fprintf(r.app.stdio.Out, "%s  %-5s  %s%s\n", l.At.Format("2006-01-02T15:04:05.000Z"), l.Level, step, l.Text)
		}
		switch {
		case len(lines) == linesAtOnce:
		case !follow || !run.Finished.IsZero():
			return nil
		default:
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(followEvery):
			}
		}
	}
}

func (a *app) pipelineCancelCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "cancel RUN",
		Short: "End a run",
		Long: "Ends a run that waits, and asks the worker of one that goes on to end it: within seconds, and not in the middle\n" +
			"of publishing. What it had staged is dropped. `pipeline resume` begins it again.",
		Example: a.example("-c my_project pipeline cancel 20240201T060000Z-1a2b3c4d"),
		Args:    a.args("RUN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRepository(cmd.Context(), func(r *repository) error {
				store, run, err := r.run(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				run, err = store.Cancel(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				done := "is " + string(run.State)
				if run.Finished.IsZero() {
					done = "was asked to end"
				}
				_, err = fmt.Fprintf(a.stdio.Out, "Run %s %s\n", run.ID, done)
				return err
			})
		},
	}
}

func (a *app) pipelineResumeCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "resume RUN",
		Short: "Go on with a run that failed, crashed or was cancelled",
		Long: "Goes on with the run in the foreground, from its last finished step. Loads whose file has changed are loaded\n" +
			"again, and what follows from them is done again; all else stands.",
		Example: a.example("-c my_project pipeline resume 20240201T060000Z-1a2b3c4d"),
		Args:    a.args("RUN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if output != "table" && output != "json" {
				return badOutput(output, "table", "json")
			}
			return a.withRepository(cmd.Context(), func(r *repository) error { return r.resumeRun(cmd.Context(), args[0], output) })
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

func (r *repository) resumeRun(ctx context.Context, id, output string) error {
	store, _, err := r.run(ctx, id)
	if err != nil {
		return err
	}
	if _, err := store.Resume(ctx, id); err != nil {
		return err
	}
	return r.finishRun(ctx, store, id, output)
}

func (a *app) pipelineWorkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "work",
		Short: "Carry out runs, and enter those of schedules, until interrupted",
		Long: "Carries out runs that schedules, the HTTP API and `backfill` enter, as `serve --all` does, without serving.\n" +
			"Several may work at once, also on several hosts where the project's records are in PostgreSQL.",
		Example: a.example("-c my_project pipeline work"),
		Args:    a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withRepository(cmd.Context(), func(r *repository) error { return r.work(cmd.Context()) })
		},
	}
}
