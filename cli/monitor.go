package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/monitor"
	"github.com/asof-dev/asof/notify"
)

func (a *app) monitorCommand() *cobra.Command {
	return a.group("monitor", "What features are like, and whether they have drifted",
		a.monitorRunCommand(), a.monitorListCommand(), a.monitorShowCommand(), a.driftCommand(), a.driftReportCommand())
}

// comparison is what of features is compared with what.
type comparison struct {
	views, features    []string
	reference, current string
	anew               bool
}

func (c *comparison) flags(cmd *cobra.Command) {
	cmd.Flags().StringArrayVarP(&c.views, "feature-view", "v", nil, "compare this view; may be given again; all without it")
	cmd.Flags().StringArrayVarP(&c.features, "feature-name", "f", nil, "compare this feature; may be given again; all without it")
	cmd.Flags().StringVar(&c.reference, "reference", "", "what is compared with: a span, baseline, or a training set")
	cmd.Flags().StringVar(&c.current, "current", "", "the span that is compared")
	cmd.Flags().BoolVar(&c.anew, "anew", false, "describe both spans, also where statistics of them are kept and newer than the last load")
}

// spans says what is compared, in the help of a command.
const spans = "A span is a day (2024-02-29), a month (2024-02), or FROM..TO, both included. Without --reference it is the\n" +
	"month before: of the last day of a month, that of the month before. `served` is what servers answered, as far\n" +
	"as it was logged (asof.answers), and `served:SPAN` that of a span. --reference can be `baseline` too, which\n" +
	"`monitor run` keeps, or the training set of a model: its file, or its receipt, ID or table in `dataset list`."

// sides reads the two sides.
func (c *comparison) sides(cmd *cobra.Command) (reference, current monitor.Side, err error) {
	if c.current == "" {
		return reference, current, usagef(cmd.CommandPath()+" --help", "--current is missing: which day, or month, is compared")
	}
	if current, reference, err = parseSide("--current", c.current); err != nil {
		return reference, current, err
	}
	switch {
	case isSpan(c.reference):
		reference, _, err = parseSide("--reference", c.reference)
	case c.reference == "" && reference.To.IsZero():
		err = usagef(cmd.CommandPath()+" --help", "--current %s is no month, nor the last day of one: say what it is compared with by --reference", c.current)
	}
	return reference, current, err
}

// compare describes both sides where they are, and judges.
func (r *repository) compare(ctx context.Context, c comparison, reference, current *monitor.Side) ([]monitor.View, error) {
	progress, end := r.app.progress()
	defer end()
	m, err := r.monitor(ctx, progress)
	if err != nil {
		return nil, err
	}
	if err := r.answered(ctx, reference, current); err != nil {
		return nil, err
	}
	if err := r.refer(ctx, m, &c, reference); err != nil {
		return nil, err
	}
	m.Anew = c.anew
	return m.Drift(ctx, c.views, c.features, *reference, *current)
}

// keepDrift keeps the verdicts of views that were compared whole, and tells of
// those that have changed.
func (r *repository) keepDrift(ctx context.Context, c comparison, command string, reference, current monitor.Side, views []monitor.View) error {
	if len(c.features) > 0 {
		return nil
	}
	m, err := r.monitor(ctx, nil)
	if err != nil {
		return err
	}
	changes, err := m.Keep(ctx, command, reference, current, views)
	for _, change := range changes {
		r.notifier().Drifted(notify.Drift{Before: change.Before, Now: change.Now, At: time.Now()})
	}
	return err
}

// drifted counts features, and those that have drifted.
func drifted(views []monitor.View) (features, drifted int64) {
	for _, v := range views {
		for _, f := range v.Features {
			if features++; f.Verdict == asof.VerdictDrifted {
				drifted++
			}
		}
	}
	return features, drifted
}

func (a *app) driftCommand() *cobra.Command {
	var c comparison
	var output string
	cmd := &cobra.Command{
		Use:   "drift",
		Short: "Tell which features are not what they were",
		Long: "Describes features in two spans of event time and compares them: PSI, Jensen–Shannon, KS, chi-square,\n" +
			"the change of the mean and of the share of nulls, new and vanished categories. Ends with 1 where a\n" +
			"feature has drifted, and where none could be compared.\n" + spans,
		Example: a.example("-c my_project monitor drift --current 2024-02", "-c my_project monitor drift --reference 2024-01-31 --current 2024-02-29 -v usage_agg_30d_fv",
			"-c my_project monitor drift --current 2024-02 -f monthly_fee --output json", "-c my_project monitor drift --reference 2024-02-29 --current served"),
		Args: a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "table" && output != "json" {
				return badOutput(output, "table", "json")
			}
			reference, current, err := c.sides(cmd)
			if err != nil {
				return err
			}
			return a.withRepository(cmd.Context(), func(r *repository) error { return r.drift(cmd.Context(), c, output, reference, current) })
		},
	}
	c.flags(cmd)
	outputFlag(cmd, &output)
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

func (r *repository) drift(ctx context.Context, c comparison, output string, reference, current monitor.Side) error {
	views, err := r.compare(ctx, c, &reference, &current)
	if err != nil {
		return err
	}
	if output == "json" {
		err = printJSON(r.app.stdio.Out, driftedJSON(views, reference.DriftSide, current.DriftSide))
	} else {
		err = r.app.printDrift(views)
	}
	r.app.noteFew(current.DriftSide, views)
	if err == nil {
		err = r.keepDrift(ctx, c, "monitor drift", reference, current, views)
	}
	if err != nil {
		return err
	}
	if features, drifted := drifted(views); drifted > 0 {
		return asof.Errorf(asof.CodeConflict, "%s of %s drifted", thousands(drifted), count(features, "feature", "features"))
	}
	return r.nothingCompared(ctx, views, reference.DriftSide, current.DriftSide)
}
