package cli

import (
	"context"
	"os/user"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
)

func (a *app) actionsCommand() *cobra.Command {
	var output, on string
	var limit int
	cmd := &cobra.Command{
		Use:   "actions",
		Short: "List who did what in the console, newest first",
		Long: "Lists what was changed by the console: who did it (the caller by the token, without auth the local user of the\n" +
			"console) and from which address, to what, and what became of it. The newest 10,000 are kept.",
		Example: a.example("-c my_project actions", `-c my_project actions --on "pipeline ingest_month" --output json`),
		Args:    a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 {
				return usagef("", "--limit %d: write how many of the newest to list", limit)
			}
			return a.withRepository(cmd.Context(), func(r *repository) error {
				return r.listActions(cmd.Context(), asof.ActionQuery{Project: r.config.Project, On: on, Limit: limit}, output)
			})
		},
	}
	cmd.Flags().StringVar(&on, "on", "", "only what was done to this, as the list has it")
	cmd.Flags().IntVar(&limit, "limit", 20, "only the newest so many")
	outputFlag(cmd, &output)
	return cmd
}

func (r *repository) listActions(ctx context.Context, q asof.ActionQuery, output string) error {
	store, err := r.Runs(ctx)
	if err != nil {
		return err
	}
	actions, err := store.Actions(ctx, q)
	if err != nil {
		return err
	}
	rows := [][]any{}
	for _, a := range actions {
		rows = append(rows, []any{instant{a.At, ""}, a.Who, a.From, a.What, a.On, paramList(a.Details), instant{a.Finished, "-"}, a.Outcome, a.Error})
	}
	return r.app.printList(output, []string{"AT", "WHO", "FROM", "ACTION", "ON", "DETAILS", "FINISHED", "OUTCOME", "ERROR"}, rows)
}

// localUser is who acts by a console that asks for no tokens.
func localUser() string {
	u, err := user.Current()
	if err != nil {
		return "an unknown user"
	}
	return u.Username
}
