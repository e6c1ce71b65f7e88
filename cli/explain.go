package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof/historical"
)

func (a *app) explainCommand() *cobra.Command {
	var q historical.Question
	var at, output string
	cmd := &cobra.Command{
		Use:   "explain KEY=VALUE… -f VIEW:FEATURE --at TIME",
		Short: "Tell where a value in training data comes from",
		Long: "Shows the row of the source that gives a feature its value for a key at a time, the rows that it\n" +
			"beat and why, or why there is no value. KEY= is a key that is NULL.",
		Example: a.example("-c my_project explain user_id=3413-BMNZE -f subs_profile_fv:monthly_fee --at 2024-01-31"),
		RunE: func(cmd *cobra.Command, args []string) error {
			help := cmd.CommandPath() + " --help"
			if q.Feature == "" {
				return usagef(help, "say which feature: -f VIEW:FEATURE")
			}
			q.Key, q.At = map[string]string{}, time.Now()
			for _, word := range args {
				key, value, ok := strings.Cut(word, "=")
				if !ok || key == "" {
					return usagef(help, "%q: write KEY=VALUE", word)
				}
				q.Key[key] = value
			}
			if at != "" {
				var err error
				if q.At, err = parseInstant("--at", at); err != nil {
					return err
				}
			}
			q.At = q.At.UTC().Truncate(time.Microsecond)
			ctx := cmd.Context()
			return a.withRepository(ctx, func(r *repository) error {
				var err error
				if q.Snapshot, err = r.snapshot(ctx); err != nil {
					return err
				}
				if q.Store, err = r.Offline(ctx); err != nil {
					return err
				}
				e, err := historical.Explain(ctx, q)
				if err != nil {
					return err
				}
				return a.printExplanation(output, e)
			})
		},
	}
	cmd.Flags().StringVarP(&q.Feature, "feature", "f", "", "the feature: view:feature")
	cmd.Flags().StringVar(&at, "at", "", "the time (default: now)")
	cmd.Flags().BoolVar(&q.CreatedCutoff, "filter-by-created-timestamp", false, "leave out what was created after the time")
	outputFlag(cmd, &output)
	return cmd
}

func (a *app) printExplanation(output string, e *historical.Explanation) error {
	switch output {
	case "json":
		return printJSON(a.stdio.Out, e)
	case "table":
	default:
		return badOutput(output, "table", "json")
	}
	var key []string
	for _, k := range slices.Sorted(maps.Keys(e.Key)) {
		key = append(key, k+"="+e.Key[k])
	}
	of := ""
	if len(key) > 0 {
		of = " of " + strings.Join(key, ", ")
	}
	fmt.Fprintf(a.stdio.Out, "%s%s at %s is %s: %s.\n", e.Feature, of, instant{e.At, ""}, e.Value, e.Verdict)
	candidates := slices.Clone(e.Later)
	if e.Row != nil {
		candidates = append(candidates, *e.Row)
	}
	candidates = append(candidates, e.Beaten...)
	if len(candidates) == 0 {
		return nil
	}
	_, feature, _ := strings.Cut(e.Feature, ":")
	fmt.Fprintf(a.stdio.Out, "Rows of source %s:\n\n", e.Source)
	rows := make([][]string, len(candidates))
	for i, c := range candidates {
		created := "-"
		if c.Created != nil {
			created = instant{*c.Created, ""}.String()
		}
		rows[i] = []string{instant{c.Event, ""}.String(), created, string(c.Values[feature]), c.Why}
	}
	if err := plainTable(a.stdio.Out, []string{"EVENT", "CREATED", strings.ToUpper(feature), "WHY"}, rows); err != nil {
		return err
	}
	if e.More {
		fmt.Fprintln(a.stdio.Out, "… and more")
	}
	return nil
}
