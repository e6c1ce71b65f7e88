package pipeline

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/check"
)

// KeptMonth is the newest run of a pipeline for a day that ended, as far as the
// store has kept it.
type KeptMonth struct {
	Day string // as 2024-01-31
	Run asof.Run
}

// KeptMonths lists the months of a pipeline that a store has kept, newest day
// first.
func KeptMonths(ctx context.Context, store asof.RunHistory, project, name string) ([]KeptMonth, error) {
	newest := map[string]asof.Run{}
	query := asof.RunQuery{Project: project, Pipeline: name}
	for {
		runs, err := store.Runs(ctx, query)
		if err != nil {
			return nil, err
		}
		for _, run := range runs {
			day := DayOf(run)
			if _, known := newest[day]; !known && day != "" && run.State.Ended() {
				newest[day] = run
			}
		}
		if len(runs) == 0 {
			break
		}
		query.Before = runs[len(runs)-1].ID
	}
	var months []KeptMonth
	for day, run := range newest {
		months = append(months, KeptMonth{Day: day, Run: run})
	}
	slices.SortFunc(months, func(a, b KeptMonth) int { return strings.Compare(b.Day, a.Day) })
	return months, nil
}

// NewestOf returns, of runs that are listed newest first, the newest one of each
// pipeline and day, in their order; of a pipeline without days the newest. One
// that has not ended is left out, and what it may replace too.
func NewestOf(runs []asof.Run) (months []KeptMonth) {
	seen := map[[2]string]bool{}
	for _, run := range runs {
		day := DayOf(run)
		key := [2]string{run.Pipeline, day}
		if run.State.Ended() && !seen[key] {
			months = append(months, KeptMonth{Day: day, Run: run})
		}
		seen[key] = true
	}
	return months
}

// DayOf returns the day of a run's files: of its parameters, or of its report
// where that has it from a default. "" where neither says it.
func DayOf(run asof.Run) string {
	if day := run.Params[AsOfParam]; isDate(day) {
		return day
	}
	var report KeptReport
	if json.Unmarshal(run.Report, &report) != nil || !isDate(report.AsOf) {
		return ""
	}
	return report.AsOf
}

// KeptChecks returns what the steps of a run that check have kept, in their
// order.
func KeptChecks(run asof.Run) ([]KeptStep, error) {
	var report KeptReport
	if len(run.Report) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(run.Report, &report); err != nil {
		return nil, asof.Errorf(asof.CodeInternal, "the report of run %s cannot be read: %w", run.ID, err)
	}
	return slices.DeleteFunc(report.Steps, func(s KeptStep) bool { return s.Table == "" }), nil
}

// TableComparison holds what is known of a table's rows against a month before.
type TableComparison struct {
	Table      string              `json:"table"`
	Rows       int64               `json:"rows"`
	RowsBefore *int64              `json:"rows_before"` // nil where nothing is known of that month
	Checks     []CheckComparison   `json:"checks"`
	Columns    []ProfileComparison `json:"columns"`
}

// CheckComparison is a rule, and what the same rule measured before; nil where
// it was not put then, or had no values.
type CheckComparison struct {
	check.Kept
	MeasuredBefore *float64 `json:"measured_before"`
	HeldBefore     *bool    `json:"held_before"`
}

// ProfileComparison is what a column holds, and held before; nil where that is
// not known.
type ProfileComparison struct {
	check.Profile
	Before *check.Profile `json:"before"`
}

// CompareMonths holds what was checked against what was checked before, table by
// table. A table that is checked no more is left out.
func CompareMonths(now, before []KeptStep) []TableComparison {
	tables := []TableComparison{}
	for _, step := range now {
		table := TableComparison{Table: step.Table, Rows: step.Rows, Checks: []CheckComparison{}, Columns: []ProfileComparison{}}
		var old KeptStep
		if i := slices.IndexFunc(before, func(s KeptStep) bool { return s.Table == step.Table }); i >= 0 {
			old = before[i]
			table.RowsBefore = &old.Rows
		}
		for _, kept := range step.Checks {
			one := CheckComparison{Kept: kept}
			if same := kept.SameRule(old.Checks); same != nil {
				one.MeasuredBefore, one.HeldBefore = same.Measured, &same.Holds
			}
			table.Checks = append(table.Checks, one)
		}
		for _, profile := range step.Profile {
			one := ProfileComparison{Profile: profile}
			if i := slices.IndexFunc(old.Profile, func(p check.Profile) bool { return p.Column == profile.Column }); i >= 0 {
				one.Before = &old.Profile[i]
			}
			table.Columns = append(table.Columns, one)
		}
		tables = append(tables, table)
	}
	return tables
}
