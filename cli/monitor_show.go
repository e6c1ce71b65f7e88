package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
)

func (a *app) monitorListCommand() *cobra.Command {
	var q asof.StatisticsQuery
	var output string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List of what statistics are kept",
		Example: a.example("-c my_project monitor list", "-c my_project monitor list -v usage_agg_30d_fv -g monthly --output json"),
		Args:    a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := knownStatistics(cmd, &q); err != nil {
				return err
			}
			return a.withRepository(cmd.Context(), func(r *repository) error { return r.listStatistics(cmd.Context(), q, output) })
		},
	}
	cmd.Flags().StringVarP(&q.View, "feature-view", "v", "", "of this view alone")
	statisticsFlags(cmd, &q, "")
	outputFlag(cmd, &output)
	return cmd
}

func statisticsFlags(cmd *cobra.Command, q *asof.StatisticsQuery, granularity string) {
	cmd.Flags().StringVarP((*string)(&q.Granularity), "granularity", "g", granularity, "daily, weekly, biweekly, monthly, quarterly, or baseline: of all rows")
	cmd.Flags().StringVar((*string)(&q.Source), "source-type", "", "batch: rows of the sources; log: answers of servers")
	cmd.Flags().IntVar(&q.Limit, "limit", asof.StatisticsLimit, "so many at most")
}

func knownStatistics(cmd *cobra.Command, q *asof.StatisticsQuery) error {
	help := cmd.CommandPath() + " --help"
	known := append(slices.Clone(granularities), string(asof.AllRows))
	switch g := string(q.Granularity); {
	case g != "" && !slices.Contains(known, g):
		return usagef(help, "--granularity is %q%s", g, asof.DidYouMean(g, known))
	case q.Source != "" && q.Source != asof.StatisticsBatch && q.Source != asof.StatisticsLog:
		return usagef(help, "--source-type is %q; write batch or log", q.Source)
	case q.Limit < 1:
		return usagef("", "--limit %d: write how many to list", q.Limit)
	}
	return nil
}

func (r *repository) listStatistics(ctx context.Context, q asof.StatisticsQuery, output string) error {
	q.Project = r.config.Project
	store, err := r.Statistics(ctx)
	if err != nil {
		return err
	}
	spans, err := store.Spans(ctx, q)
	if err != nil {
		return err
	}
	var rows [][]any
	for _, s := range spans {
		rows = append(rows, []any{s.View, s.Source, s.Granularity, dayOrTime(s.From), dayOrTime(s.To), s.Features, s.Rows, yesNo(s.Baseline), instant{s.Computed, ""}, s.By})
	}
	if len(rows) == 0 && output == "table" {
		r.app.note("no statistics are kept yet: `%s monitor run`", r.app.name)
	}
	return r.app.printList(output, []string{"VIEW", "SOURCE", "GRANULARITY", "FROM", "TO", "FEATURES", "ROWS", "BASELINE", "COMPUTED", "BY"}, rows)
}

func (a *app) monitorShowCommand() *cobra.Command {
	var q asof.StatisticsQuery
	var output string
	cmd := &cobra.Command{
		Use:   "show VIEW",
		Short: "Show the statistics of a view, or of a feature through time",
		Long: "Shows what each feature of a view was like in the newest span that is kept; with -f, what a feature was\n" +
			"like in all of them, the newest first.",
		Example: a.example("-c my_project monitor show subs_profile_fv", "-c my_project monitor show subs_profile_fv -f monthly_fee",
			"-c my_project monitor show subs_profile_fv -f monthly_fee -g daily --output json"),
		Args: a.args("VIEW"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if output != "table" && output != "json" {
				return badOutput(output, "table", "json")
			}
			if err := knownStatistics(cmd, &q); err != nil {
				return err
			}
			q.View = args[0]
			return a.withRepository(cmd.Context(), func(r *repository) error { return r.showStatistics(cmd.Context(), q, output) })
		},
	}
	cmd.Flags().StringVarP(&q.Feature, "feature-name", "f", "", "this feature through time")
	statisticsFlags(cmd, &q, "monthly")
	outputFlag(cmd, &output)
	return cmd
}

// shownStatistics are statistics in JSON.
type shownStatistics struct {
	asof.Statistics
	Levels   []float64 `json:"quantile_levels"`
	Constant bool      `json:"constant"`
	AllNull  bool      `json:"all_null"`
}

func (r *repository) showStatistics(ctx context.Context, q asof.StatisticsQuery, output string) error {
	q.Project = r.config.Project
	store, err := r.Statistics(ctx)
	if err != nil {
		return err
	}
	if q.Feature == "" {
		q.Each = 1
	}
	list, err := store.Statistics(ctx, q)
	if err == nil && len(list) == 0 {
		err = r.whyNoStatistics(ctx, store, q)
	}
	if err != nil {
		return err
	}
	if output == "json" {
		shown := []shownStatistics{}
		for _, s := range list {
			shown = append(shown, shownStatistics{s, asof.ProfileLevels, s.Profile.Constant(), s.Profile.AllNull()})
		}
		return printJSON(r.app.stdio.Out, shown)
	}
	headers := []string{"FEATURE", "FROM", "TO", "ROWS", "NULLS", "DISTINCT", "MIN", "MEAN", "STDDEV", "P50", "P95", "MAX", "NOTES"}
	var lines [][]string
	for _, s := range list {
		lines = append(lines, statisticsLine(s))
	}
	return plainTable(r.app.stdio.Out, headers, lines)
}

func statisticsLine(s asof.Statistics) []string {
	p := s.Profile
	number := func(n *float64) string {
		if n == nil {
			return ""
		}
		return strconv.FormatFloat(*n, 'g', 6, 64)
	}
	quantile := func(level float64) string {
		if i := slices.Index(asof.ProfileLevels, level); i < len(p.Quantiles) {
			return number(&p.Quantiles[i])
		}
		return ""
	}
	distinct := ""
	if p.Kind != asof.ProfileOpaque {
		distinct = strconv.FormatInt(p.Distinct, 10)
	}
	return []string{p.Feature, dayOrTime(s.From).String(), dayOrTime(s.To).String(), strconv.FormatInt(p.Rows, 10), strconv.FormatInt(p.Nulls, 10), distinct,
		number(p.Min), number(p.Mean), number(p.Stddev), quantile(0.5), quantile(0.95), number(p.Max), strings.Join(statisticsNotes(s), ", ")}
}

// statisticsNotes says what stands out.
func statisticsNotes(s asof.Statistics) (notes []string) {
	p := s.Profile
	if s.Baseline {
		notes = append(notes, "baseline")
	}
	switch {
	case p.Rows == 0:
		notes = append(notes, "no rows")
	case p.AllNull():
		notes = append(notes, "all NULL")
	case p.Constant():
		notes = append(notes, "constant")
	}
	if p.Kind == asof.ProfileCategory && len(p.Top) > 0 && p.Sampled == 0 {
		notes = append(notes, fmt.Sprintf("%d %% %s", (100*p.Top[0].Count+p.Values()/2)/p.Values(), p.Top[0].Text))
	}
	if p.NaNs > 0 {
		notes = append(notes, count(p.NaNs, "NaN", "NaNs"))
	}
	if p.Infinite > 0 {
		notes = append(notes, fmt.Sprintf("%s infinite", thousands(p.Infinite)))
	}
	if p.Sampled > 0 {
		notes = append(notes, "of a sample")
	}
	return notes
}

// meant names the first feature that begins with what was written, or else those
// that are near.
func meant(begin string, names []string) string {
	if i := slices.IndexFunc(names, func(name string) bool { return strings.HasPrefix(name, begin) }); i >= 0 {
		return fmt.Sprintf("; did you mean %q?", names[i])
	}
	return asof.DidYouMean(begin, names)
}

// whyNoStatistics says why there are none of a view, or a feature.
func (r *repository) whyNoStatistics(ctx context.Context, store asof.StatisticsStore, q asof.StatisticsQuery) error {
	snapshot, err := r.snapshot(ctx)
	if err != nil {
		return err
	}
	view, err := snapshot.View(q.View)
	if err != nil {
		return err
	}
	if q.Feature != "" && view.Feature(q.Feature) == nil {
		return asof.Errorf(asof.CodeNotFound, "feature view %q has no feature %q%s", q.View, q.Feature, meant(q.Feature, view.FeatureNames()))
	}
	spans, err := store.Spans(ctx, asof.StatisticsQuery{Project: q.Project, View: q.View})
	if err != nil {
		return err
	}
	var others []string
	for _, s := range spans {
		if one := string(s.Granularity) + " " + string(s.Source); !slices.Contains(others, one) {
			others = append(others, one)
		}
	}
	if len(others) > 0 {
		return asof.Errorf(asof.CodeNotFound, "no %s statistics of %s are kept; what there is: %s", q.Granularity, q.View, strings.Join(others, ", "))
	}
	return asof.Errorf(asof.CodeNotFound, "no statistics of %s are kept yet: `%s -c %s monitor run -g %s -v %s`", q.View, r.app.name, r.app.globals.dir, q.Granularity, q.View)
}
