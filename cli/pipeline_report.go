package cli

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/check"
	"github.com/asof-dev/asof/pipeline"
)

func (a *app) pipelineChecksCommand() *cobra.Command {
	var output, month string
	var failed bool
	cmd := &cobra.Command{
		Use:   "checks NAME",
		Short: "List what the checks of a pipeline found, month by month",
		Long: "Lists the results of the newest run of each month that is kept: whether each rule held, and how many rows\n" +
			"broke it, or what it measured.",
		Example: a.example("-c my_project pipeline checks ingest_month --month 2024-02", "-c my_project pipeline checks ingest_month --failed --output json"),
		Args:    a.args("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRepository(cmd.Context(), func(r *repository) error {
				return r.listChecks(cmd.Context(), args[0], month, failed, output)
			})
		},
	}
	cmd.Flags().StringVar(&month, "month", "", "only that month (2024-02) or day (2024-02-29)")
	cmd.Flags().BoolVar(&failed, "failed", false, "only rules that did not hold")
	outputFlag(cmd, &output)
	return cmd
}

func (a *app) pipelineReportCommand() *cobra.Command {
	var output, month, against string
	cmd := &cobra.Command{
		Use:   "report NAME",
		Short: "Hold a month's quality against the month before",
		Long: "Lays what the checks of a month found beside what they found the month before: rows, every rule with what it\n" +
			"measured, and what each column holds where the pipeline says `profile: true`. Without --month it is the\n" +
			"newest one; without --against, the newest earlier one that was completed.",
		Example: a.example("-c my_project pipeline report ingest_month", "-c my_project pipeline report ingest_month --month 2024-02 --against 2023-02"),
		Args:    a.args("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRepository(cmd.Context(), func(r *repository) error {
				return r.reportMonth(cmd.Context(), args[0], month, against, output)
			})
		},
	}
	cmd.Flags().StringVar(&month, "month", "", "the month (2024-02) or day (2024-02-29)")
	cmd.Flags().StringVar(&against, "against", "", "the month or day to hold it against")
	outputFlag(cmd, &output)
	return cmd
}

// keptMonths lists the months of a pipeline of the repository, newest first.
func (r *repository) keptMonths(ctx context.Context, name string) ([]pipeline.KeptMonth, error) {
	if _, err := r.loadPipeline(name); err != nil {
		return nil, err
	}
	store, err := r.Runs(ctx)
	if err != nil {
		return nil, err
	}
	return pipeline.KeptMonths(ctx, store, r.config.Project, name)
}

func (r *repository) listChecks(ctx context.Context, name, month string, failed bool, output string) error {
	months, err := r.keptMonths(ctx, name)
	if err != nil {
		return err
	}
	if month != "" {
		if _, err := chosenMonth(name, months, month, func(pipeline.KeptMonth) bool { return true }); err != nil {
			return err
		}
	}
	rows := [][]any{}
	for _, m := range months {
		if !strings.HasPrefix(m.Day, month) {
			continue
		}
		steps, err := pipeline.KeptChecks(m.Run)
		if err != nil {
			return err
		}
		for _, s := range steps {
			for _, c := range s.Checks {
				if !failed || !c.Holds {
					rows = append(rows, []any{m.Day, s.Table, string(c.Rule), commaList(c.Columns), c.Expected, verdict(c), figure{c.Measured}, c.Of, m.Run.ID, c.Message})
				}
			}
		}
	}
	headers := []string{"MONTH", "TABLE", "RULE", "COLUMNS", "EXPECTED", "RESULT", "MEASURED", "OF", "RUN", "MESSAGE"}
	if output == "table" { // a message is a sentence, and longer than a line
		headers = headers[:len(headers)-1]
		for i := range rows {
			rows[i] = rows[i][:len(headers)]
		}
	}
	return r.app.printList(output, headers, rows)
}

// verdict says what became of a rule in a word.
func verdict(c check.Kept) string {
	switch {
	case c.Holds:
		return "holds"
	case c.Aside:
		return "put aside"
	case c.Severity == "warn":
		return "warns"
	}
	return "fails"
}

// monthReport is a month held against another.
type monthReport struct {
	Pipeline string                     `json:"pipeline"`
	Month    string                     `json:"month"`
	Run      string                     `json:"run"`
	State    asof.RunState              `json:"state"`
	Against  string                     `json:"against"` // "" where there is no month before
	Before   string                     `json:"run_before"`
	Tables   []pipeline.TableComparison `json:"tables"`
}

func (r *repository) reportMonth(ctx context.Context, name, month, against, output string) error {
	if output != "table" && output != "json" {
		return badOutput(output, "table", "json")
	}
	months, err := r.keptMonths(ctx, name)
	if err != nil {
		return err
	}
	now, err := chosenMonth(name, months, month, func(pipeline.KeptMonth) bool { return true })
	if err != nil {
		return err
	}
	before, err := chosenMonth(name, months, against, func(m pipeline.KeptMonth) bool { return m.Day < now.Day && m.Run.State == asof.RunCompleted })
	if err != nil && against != "" {
		return err
	}
	report := monthReport{Pipeline: name, Month: now.Day, Run: now.Run.ID, State: now.Run.State, Against: before.Day, Before: before.Run.ID}
	found, err := pipeline.KeptChecks(now.Run)
	if err != nil {
		return err
	}
	var earlier []pipeline.KeptStep
	if before.Day != "" {
		if earlier, err = pipeline.KeptChecks(before.Run); err != nil {
			return err
		}
	}
	report.Tables = pipeline.CompareMonths(found, earlier)
	if output == "json" {
		return printJSON(r.app.stdio.Out, report)
	}
	return r.app.printMonth(report)
}

// chosenMonth returns the newest month whose day begins so and that fits.
func chosenMonth(name string, months []pipeline.KeptMonth, day string, fits func(pipeline.KeptMonth) bool) (pipeline.KeptMonth, error) {
	i := slices.IndexFunc(months, func(m pipeline.KeptMonth) bool { return strings.HasPrefix(m.Day, day) && (day != "" || fits(m)) })
	if i >= 0 {
		return months[i], nil
	}
	var known []string
	for _, m := range months {
		known = append(known, m.Day)
	}
	if len(known) == 0 {
		return pipeline.KeptMonth{}, asof.Errorf(asof.CodeNotFound, "no run of pipeline %s is kept: run it first", name)
	}
	return pipeline.KeptMonth{}, asof.Errorf(asof.CodeNotFound, "no run of pipeline %s for %s is kept; known: %s", name, cmp.Or(day, "a month before"), strings.Join(known, ", "))
}

// printMonth prints a month against another, table by table.
func (a *app) printMonth(m monthReport) error {
	against := "no month before is kept"
	if m.Against != "" {
		against = fmt.Sprintf("against %s (run %s)", m.Against, m.Before)
	}
	fmt.Fprintf(a.stdio.Out, "%s: %s (run %s, %s) %s\n\n", m.Pipeline, m.Month, m.Run, m.State, against)
	rules, columns := [][]string{}, [][]string{}
	said := map[string]int{}
	var problems []string
	for _, t := range m.Tables {
		if !slices.ContainsFunc(t.Checks, func(c pipeline.CheckComparison) bool { return c.Rule == check.Rows }) {
			rows := []string{t.Table, "rows", "", "-", thousands(t.Rows), ""}
			if t.RowsBefore != nil {
				rows[3] = thousands(*t.RowsBefore)
			}
			rules = append(rules, rows)
		}
		for _, c := range t.Checks {
			said[verdict(c.Kept)]++
			rules = append(rules, []string{t.Table, strings.TrimSpace(string(c.Rule) + " " + strings.Join(c.Columns, ", ")), c.Expected,
				figure{c.MeasuredBefore}.String(), figure{c.Measured}.String(), verdict(c.Kept)})
			if !c.Holds {
				problems = append(problems, fmt.Sprintf("%s: %s", verdict(c.Kept), c.Message))
			}
		}
		for _, p := range t.Columns {
			columns = append(columns, profileCells(t, p))
		}
	}
	if err := plainTable(a.stdio.Out, []string{"TABLE", "CHECK", "EXPECTED", cmp.Or(m.Against, "BEFORE"), m.Month, "RESULT"}, rules); err != nil {
		return err
	}
	if len(columns) > 0 {
		fmt.Fprintln(a.stdio.Out)
		if err := plainTable(a.stdio.Out, []string{"TABLE", "COLUMN", "EMPTY", "DISTINCT", "MEAN", "DEVIATION", "LEAST", "GREATEST"}, columns); err != nil {
			return err
		}
	}
	fmt.Fprintf(a.stdio.Out, "\n%d rules hold, %d warn, %d fail, rows of %d are put aside\n", said["holds"], said["warns"], said["fails"], said["put aside"])
	for _, p := range problems {
		fmt.Fprintln(a.stdio.Out, "  "+p)
	}
	return nil
}

// profileCells writes what a column held and holds: one value where it stayed,
// else both.
func profileCells(t pipeline.TableComparison, p pipeline.ProfileComparison) []string {
	cells := func(p *check.Profile, rows int64) []string {
		nulls := 0.0
		if rows > 0 {
			nulls = math.Round(float64(p.Nulls)/float64(rows)*1000) / 10
		}
		return []string{strconv.FormatFloat(nulls, 'f', -1, 64) + " %", thousands(p.Distinct), figure{p.Mean}.String(), figure{p.Stddev}.String(),
			cmp.Or(p.Least, "-"), cmp.Or(p.Greatest, "-")}
	}
	now := cells(&p.Profile, t.Rows)
	if p.Before != nil {
		for i, before := range cells(p.Before, *t.RowsBefore) {
			if before != now[i] {
				now[i] = before + " → " + now[i]
			}
		}
	}
	return append([]string{t.Table, p.Column}, now...)
}

// figure is a number that may not be there. A table has four digits of it, which
// is what an eye compares.
type figure struct{ value *float64 }

func (f figure) String() string {
	switch {
	case f.value == nil:
		return "-"
	case *f.value == math.Trunc(*f.value) && math.Abs(*f.value) < 1e15:
		return thousands(int64(*f.value))
	case math.Abs(*f.value) >= 1000:
		return strconv.FormatFloat(*f.value, 'f', 1, 64)
	}
	return strconv.FormatFloat(*f.value, 'g', 4, 64)
}

// MarshalJSON writes the number as it is.
func (f figure) MarshalJSON() ([]byte, error) {
	if f.value == nil {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, *f.value, 'g', -1, 64), nil
}
