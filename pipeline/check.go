package pipeline

import (
	"context"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/check"
)

// check puts every rule about a loaded table to it, said or not, and returns
// what stops the run; warnings and all results are in the report.
func (r *run) check(ctx context.Context, load Step, report *StepReport) (problems asof.Problems, err error) {
	table := load.Load.Table
	file := r.files[table.Name]
	subject := check.Subject{Table: table, AsOf: r.report.AsOf, File: file.name, Loaded: map[string]asof.Table{}, Failed: r.failed,
		Lines: func(keys [][]string) map[string][]int { return linesOf(file.path, table, keys) }}
	for name, l := range r.loads {
		subject.Loaded[name] = l.Table
	}
	report.Rows = r.staged[table.Name]
	report.Checks, err = check.Run(ctx, r.stage, subject, r.rules(load))
	for _, result := range report.Checks {
		switch {
		case result.Holds:
		case result.Rule.Warn:
			report.Warnings = append(report.Warnings, result.Problem)
		default:
			problems = append(problems, result.Problem)
		}
	}
	return problems, err
}

// rules returns all that is expected of a loaded table, with parameters filled
// in.
func (r *run) rules(load Step) []check.Rule {
	rules := check.Implicit(load.Load.Table, load.Load.AllowEmpty, load.Place)
	for _, s := range r.Pipeline.Steps {
		if s.Check == nil || s.Check.Table != load.Load.Table.Name {
			continue
		}
		for _, rule := range s.Check.Rules {
			rules = append(rules, rule.Filled(r.fill))
		}
	}
	return rules
}
