package cli

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/freshness"
)

func (a *app) freshnessCommand() *cobra.Command {
	var output string
	var check bool
	cmd := &cobra.Command{
		Use:   "freshness",
		Short: "Tell which views wait for a month that is due",
		Long: "Holds the newest row that was materialized of each view against its calendar, asof.freshness in\n" +
			"feature_store.yaml: \"monthly, due day 5, grace 10 days\". A month that is not there is late when its day\n" +
			"has passed, and what is there is stale when the grace is over.",
		Example: a.example("-c my_project freshness", "-c my_project freshness --check"),
		Args:    a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withRepository(cmd.Context(), func(r *repository) error { return r.printFreshness(cmd.Context(), output, check) })
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "exit with 1 where a view is stale")
	outputFlag(cmd, &output)
	return cmd
}

// watch looks at the project's views.
func (r *repository) watch() *freshness.Watch {
	return &freshness.Watch{Project: r.config.Project, Calendars: r.config.Asof.Freshness, Registry: r.Registry, Ledger: r.Ledger, Log: slog.Default()}
}

func (r *repository) printFreshness(ctx context.Context, output string, check bool) error {
	if !r.config.Asof.Freshness.Any() {
		fmt.Fprintf(r.app.stdio.Err, "%s no view has a calendar: write one into %s, as `asof: {freshness: \"monthly, due day 5, grace 10 days\"}`\n",
			paint(r.app.stdio.Err, yellow, "note:"), r.config.Path)
	}
	if err := r.calendarsKnown(ctx); err != nil {
		return err
	}
	views, err := r.watch().Views(ctx)
	if err != nil {
		return err
	}
	rows := [][]any{}
	var stale []string
	for _, v := range views {
		if v.Due.State == asof.Stale {
			stale = append(stale, v.Name)
		}
		month := ""
		if !v.Due.Month.IsZero() {
			month = v.Due.Month.Format("2006-01")
		}
		rows = append(rows, []any{v.Name, string(v.Due.State), instant{v.Newest, "never"}, month, dayOf(v.Due.Late), dayOf(v.Due.Stale), v.Calendar.String()})
	}
	if err := r.app.printList(output, []string{"VIEW", "STATE", "NEWEST EVENT", "NEXT MONTH", "LATE FROM", "STALE FROM", "CALENDAR"}, rows); err != nil {
		return err
	}
	if check && len(stale) > 0 {
		return asof.Errorf(asof.CodeInvalid, "%d of %s stale: %s; load the months that are missing", len(stale), count(int64(len(views)), "view is", "views are"), commaList(stale))
	}
	return nil
}

// calendarsKnown refuses a calendar of a view that is not registered.
func (r *repository) calendarsKnown(ctx context.Context) error {
	for _, view := range slices.Sorted(maps.Keys(r.config.Asof.Freshness.Views)) {
		if err := r.knownView(ctx, view); err != nil {
			return asof.Errorf(asof.ErrorCode(err), "asof.freshness: %w", err)
		}
	}
	return nil
}

func dayOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.DateOnly)
}
