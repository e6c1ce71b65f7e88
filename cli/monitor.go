package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/monitor"
	"github.com/asof-dev/asof/statistics"
)

func (a *app) monitorCommand() *cobra.Command {
	run := &cobra.Command{Use: "run", Short: "Compute metrics of data", Hidden: true, DisableFlagParsing: true, Args: cobra.ArbitraryArgs,
		RunE: func(*cobra.Command, []string) error {
			return usagef("", "monitor run: metrics of data are not kept: `monitor drift` describes two months and compares them")
		}}
	return a.group("monitor", "What features are like, and whether they have drifted", a.driftCommand(), run)
}

type driftFlags struct {
	views, features    []string
	reference, current string
	output             string
}

func (a *app) driftCommand() *cobra.Command {
	var flags driftFlags
	cmd := &cobra.Command{
		Use:   "drift",
		Short: "Tell which features are not what they were",
		Long: "Describes features in two spans of event time and compares them: PSI, Jensen–Shannon, KS, chi-square,\n" +
			"the change of the mean and of the share of nulls, new and vanished categories. Ends with 1 where a\n" +
			"feature has drifted. A span is a day (2024-02-29), a month (2024-02), or FROM..TO, both included.\n" +
			"Without --reference it is the month before: of the last day of a month, that of the month before.",
		Example: a.example("-c my_project monitor drift --current 2024-02", "-c my_project monitor drift --reference 2024-01-31 --current 2024-02-29 -v usage_agg_30d_fv",
			"-c my_project monitor drift --current 2024-02 -f monthly_fee --output json"),
		Args: a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if flags.output != "table" && flags.output != "json" {
				return badOutput(flags.output, "table", "json")
			}
			if flags.current == "" {
				return usagef(cmd.CommandPath()+" --help", "--current is missing: which day, or month, is compared")
			}
			current, before, err := parseSpan("--current", flags.current)
			if err != nil {
				return err
			}
			if flags.reference != "" {
				before, _, err = parseSpan("--reference", flags.reference)
			} else if before.To.IsZero() {
				err = usagef(cmd.CommandPath()+" --help", "--current %s is no month, nor the last day of one: say what it is compared with by --reference", flags.current)
			}
			if err != nil {
				return err
			}
			return a.withRepository(cmd.Context(), func(r *repository) error { return r.drift(cmd.Context(), flags, before, current) })
		},
	}
	cmd.Flags().StringArrayVarP(&flags.views, "feature-view", "v", nil, "compare this view; may be given again; all without it")
	cmd.Flags().StringArrayVarP(&flags.features, "feature-name", "f", nil, "compare this feature; may be given again; all without it")
	cmd.Flags().StringVar(&flags.reference, "reference", "", "the span that is compared with")
	cmd.Flags().StringVar(&flags.current, "current", "", "the span that is compared")
	outputFlag(cmd, &flags.output)
	return cmd
}

// parseSpan reads a day, a month, or FROM..TO, and returns the month before too:
// zero where the span is neither a month nor the last day of one.
func parseSpan(name, text string) (span, before monitor.Side, err error) {
	last := func(t time.Time) time.Time { return t.Add(-time.Microsecond) }
	if from, to, ok := strings.Cut(text, ".."); ok {
		first, err := parseInstant(name, from)
		if err != nil {
			return span, before, err
		}
		end, err := parseInstant(name, to)
		if err == nil && end.Before(first) {
			err = usagef("", "%s %s ends before it begins", name, text)
		}
		return monitor.Rows(first, end), before, err
	}
	if month, e := time.Parse("2006-01", text); e == nil {
		return monitor.Rows(month, last(month.AddDate(0, 1, 0))), monitor.Rows(month.AddDate(0, -1, 0), last(month)), nil
	}
	day, e := time.Parse(time.DateOnly, text)
	if e != nil {
		return span, before, usagef("", "%s %q is no span; write a day (2024-02-29), a month (2024-02), or FROM..TO", name, text)
	}
	span = monitor.Rows(day, last(day.AddDate(0, 0, 1)))
	if day.AddDate(0, 0, 1).Day() == 1 {
		first := day.AddDate(0, 0, 1-day.Day())
		before = monitor.Rows(first.AddDate(0, 0, -1), last(first))
	}
	return span, before, nil
}

func (r *repository) drift(ctx context.Context, flags driftFlags, reference, current monitor.Side) error {
	progress, end := r.app.progress()
	m := &monitor.Monitor{Project: r.config.Project, Progress: progress}
	var views []monitor.View
	_, err := r.snapshot(ctx)
	if err == nil {
		m.Registry, err = r.Registry(ctx)
	}
	if err == nil {
		m.Offline, err = r.Offline(ctx)
	}
	if err == nil {
		views, err = m.Drift(ctx, flags.views, flags.features, reference, current)
	}
	end()
	if err != nil {
		return err
	}
	if flags.output == "json" {
		err = printJSON(r.app.stdio.Out, driftedJSON(views, reference.DriftSide, current.DriftSide))
	} else {
		err = r.app.printDrift(views)
	}
	if err != nil {
		return err
	}
	var features, drifted int64
	for _, v := range views {
		for _, f := range v.Features {
			if features++; f.Verdict == asof.VerdictDrifted {
				drifted++
			}
		}
	}
	if drifted > 0 {
		return asof.Errorf(asof.CodeConflict, "%s of %s drifted", thousands(drifted), count(features, "feature", "features"))
	}
	return nil
}

// printDrift prints a feature a line, then why.
func (a *app) printDrift(views []monitor.View) error {
	var lines [][]string
	number := func(n *float64) string {
		if n == nil {
			return ""
		}
		return strconv.FormatFloat(*n, 'g', 3, 64)
	}
	for _, v := range views {
		for _, f := range v.Features {
			lines = append(lines, []string{v.View, f.Feature, string(f.Verdict), strconv.FormatInt(f.Reference.Rows, 10), strconv.FormatInt(f.Current.Rows, 10),
				number(f.PSI), number(f.JensenShannon), number(f.KS), number(f.NullShare), number(f.MeanShift)})
		}
	}
	err := plainTable(a.stdio.Out, []string{"VIEW", "FEATURE", "VERDICT", "ROWS BEFORE", "ROWS", "PSI", "JS", "KS", "NULLS", "MEAN"}, lines)
	for _, v := range views {
		for _, f := range v.Features {
			for _, why := range append(f.Reasons, newsOf(f)...) {
				fmt.Fprintf(a.stdio.Err, "%s %s:%s: %s\n", paint(a.stdio.Err, yellow, "note:"), v.View, f.Feature, why)
			}
		}
	}
	return err
}

// newsOf says which categories came and went, and which features say nothing.
func newsOf(f monitor.Feature) (notes []string) {
	if len(f.New) > 0 {
		notes = append(notes, "new: "+commaList(f.New).String())
	}
	if len(f.Vanished) > 0 {
		notes = append(notes, "vanished: "+commaList(f.Vanished).String())
	}
	if f.Current.AllNull() && !f.Reference.AllNull() {
		notes = append(notes, "it is NULL in all rows")
	}
	if f.Current.Constant() && !f.Reference.Constant() {
		notes = append(notes, "it is the same in all rows")
	}
	if f.Current.Sampled > 0 {
		notes = append(notes, fmt.Sprintf("quantiles and frequent values are those of %s, the level of a quantile is off by %.2g at most", count(f.Current.Sampled, "row", "rows"), f.Current.RankError))
	}
	return notes
}

// The JSON of asof monitor drift.
type (
	driftedView struct {
		View      string           `json:"view"`
		Verdict   asof.Verdict     `json:"verdict"`
		Reference asof.DriftSide   `json:"reference"`
		Current   asof.DriftSide   `json:"current"`
		Features  []driftedFeature `json:"features"`
		Took      elapsed          `json:"seconds"`
	}
	driftedFeature struct {
		statistics.Drift
		Levels    []float64    `json:"quantile_levels"`
		Reference asof.Profile `json:"reference"`
		Current   asof.Profile `json:"current"`
	}
)

func driftedJSON(views []monitor.View, reference, current asof.DriftSide) []driftedView {
	list := []driftedView{}
	for _, v := range views {
		one := driftedView{View: v.View, Verdict: v.Verdict, Reference: reference, Current: current, Took: elapsed(v.Took)}
		for _, f := range v.Features {
			one.Features = append(one.Features, driftedFeature{listed(f.Drift), asof.ProfileLevels, f.Reference, f.Current})
		}
		list = append(list, one)
	}
	return list
}

// listed has empty lists where there are none, as JSON's readers like them.
func listed(d statistics.Drift) statistics.Drift {
	for _, list := range []*[]string{&d.Reasons, &d.New, &d.Vanished} {
		if *list == nil {
			*list = []string{}
		}
	}
	return d
}
