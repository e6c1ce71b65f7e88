package pipeline

import (
	"context"
	"slices"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/check"
)

// check puts every rule about a loaded table to it, said or not, and returns
// what stops the run; warnings and all results are in the report.
func (r *run) check(ctx context.Context, load Step, report *StepReport) (problems asof.Problems, err error) {
	table := load.Load.Table
	file := r.filesOf(table.Name)
	stage, err := r.staging(ctx)
	if err != nil {
		return nil, err
	}
	staged, err := stage.Staged(ctx)
	if err != nil {
		return nil, err
	}
	subject := check.Subject{Table: table, AsOf: r.asOf, Came: r.started, File: file.name, Loaded: map[string]asof.Table{}, Failed: map[string]bool{},
		Profile: r.Pipeline.profiles(table.Name), Lines: file.Lines}
	for name, l := range r.loads {
		subject.Loaded[name] = l.Table
		if _, there := staged[name]; !there {
			subject.Failed[name] = true
		}
	}
	r.mu.Lock()
	for name := range r.failed {
		subject.Failed[name] = true
	}
	r.mu.Unlock()
	report.Table, report.Rows = table.Name, staged[table.Name].Rows
	rules := r.rules(load)
	if slices.ContainsFunc(rules, func(rule check.Rule) bool { return rule.Kind.Compares() }) {
		if subject.Before, subject.BeforeDay, err = r.before(ctx, table); err != nil {
			return nil, err
		}
	}
	var done check.Outcome
	if q := r.Pipeline.quarantineOf(table.Name); q != nil {
		where := quarantine{*q, r.Pipeline.Name, r.asOf.Format(time.DateOnly)}
		done, err = (&apart{warehouse: r.Warehouse, stage: stage, run: r.id, s: subject, rules: rules, quarantine: where}).check(ctx, report)
	} else {
		done, err = check.Run(ctx, stage, subject, rules)
	}
	report.Checks, report.Profile = done.Results, done.Profile
	for _, result := range report.Checks {
		switch {
		case result.Holds:
		case result.Rule.Warn || result.Aside:
			report.Warnings = append(report.Warnings, result.Problem)
		default:
			problems = append(problems, result.Problem)
		}
	}
	return problems, err
}

// before returns what stands in FROM for the newest month of a table's snapshot
// before this one, and its day; "" where there is none.
func (r *run) before(ctx context.Context, table asof.Table) (from string, day time.Time, err error) {
	snapshot := r.Pipeline.snapshotOf(table.Name)
	name, there, err := r.stage.Published(ctx, snapshot.Table.Name)
	if err != nil || !there {
		return "", day, err
	}
	rows, err := r.stage.Query(ctx, "SELECT CAST(as_of AS text) FROM "+name+" WHERE as_of < DATE '"+r.asOf.Format(time.DateOnly)+"' ORDER BY as_of DESC LIMIT 1")
	if err != nil {
		return "", day, err
	}
	defer rows.Release()
	if !rows.Next() {
		return "", day, rows.Err()
	}
	if day, err = time.Parse(time.DateOnly, rows.RecordBatch().Column(0).ValueStr(0)); err != nil {
		return "", day, err
	}
	return "(SELECT * FROM " + name + " WHERE as_of = DATE '" + day.Format(time.DateOnly) + "')", day, nil
}

// snapshotOf returns the snapshot of a loaded table; nil where no step takes
// one.
func (p *Pipeline) snapshotOf(table string) *SnapshotStep {
	for _, s := range p.Steps {
		if s.Snapshot != nil && s.Snapshot.From == table {
			return s.Snapshot
		}
	}
	return nil
}

// profiles reports whether a step asks for what the table's columns hold.
func (p *Pipeline) profiles(table string) bool {
	return slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Check != nil && s.Check.Table == table && s.Check.Profile })
}

// rules returns all that is expected of a loaded table, with parameters filled
// in.
func (r *run) rules(load Step) []check.Rule {
	rules := check.Implicit(load.Load.Table, load.Load.AllowEmpty, load.Place)
	for _, s := range r.Pipeline.Steps {
		if s.Check == nil || s.Check.Table != load.Load.Table.Name || !s.When.Holds(r.values) {
			continue
		}
		for _, rule := range s.Check.Rules {
			fill := r.values.fill
			if formOf(rule.Kind) == check.Query {
				fill = r.values.fillSQL
			}
			rules = append(rules, rule.Filled(fill))
		}
	}
	return rules
}
