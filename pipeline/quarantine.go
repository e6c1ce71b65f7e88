package pipeline

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/check"
	"github.com/asof-dev/asof/sqltext"
)

// Quarantine is where rows of a loaded table go that break rules. Its table
// holds, for each pipeline and month, what the newest run put aside, and what
// somebody has corrected since: the columns of QuarantineColumns, then the
// table's own, as text.
type Quarantine struct {
	Table  string
	AtMost float64 // the share of the rows without which the month may go on, beside what rules allow by mostly
}

// QuarantineColumns are what a quarantine says of a row. asof_rules are the
// rules that it broke, a line each; asof_line is the row's in asof_file, or
// null; asof_state is "aside", or "corrected" where the values are not the
// file's any more, and stand for it in every run of that file.
var QuarantineColumns = []string{"asof_pipeline", "asof_month", "asof_run", "asof_state", "asof_rules", "asof_file", "asof_line"}

// contentColumn says from which content of a file the rows were put aside.
const contentColumn = "asof_content"

// The states of rows in a quarantine.
const (
	aside     = "aside"
	corrected = "corrected"
)

// quarantineOf returns the quarantine of a loaded table, nil where no step asks
// for one.
func (p *Pipeline) quarantineOf(table string) *Quarantine {
	for _, s := range p.Steps {
		if s.Check != nil && s.Check.Table == table && s.Check.Quarantine != nil {
			return s.Check.Quarantine
		}
	}
	return nil
}

// apart puts the rules to a loaded table that has a quarantine.
type apart struct {
	warehouse asof.Warehouse
	stage     asof.Stage // of the run
	run       string
	s         check.Subject
	rules     []check.Rule
	quarantine
}

// check puts the rules to the table. Rows that break them go into the
// quarantine. Where they are few enough, the stage goes on without them, and the
// rules are put to what is left. Done again it does the same.
func (a *apart) check(ctx context.Context, report *StepReport) (check.Outcome, error) {
	content, err := a.whole(ctx)
	if err != nil {
		return check.Outcome{}, err
	}
	repaired, err := a.correct(ctx, content)
	if err != nil {
		return check.Outcome{}, err
	}
	found, err := check.Run(ctx, a.stage, a.s, a.rules)
	if err != nil {
		return found, err
	}
	broken := found.Broken()
	rows, err := check.Aside(ctx, a.stage, a.s, broken)
	if err != nil {
		return found, err
	}
	if err := a.keep(ctx, content, rows, repaired); err != nil || len(rows) == 0 {
		return found, err
	}
	report.Aside, report.Quarantine = int64(len(rows)), a.Table
	few := float64(len(rows)) <= a.AtMost*float64(found.Rows)
	if !few && slices.ContainsFunc(broken, func(one check.Result) bool { return !one.Holds }) {
		return found, nil
	}
	report.Warnings = append(report.Warnings, asof.Problem{Place: asof.Place{File: cmp.Or(rows[0].File, a.s.File), Line: max(rows[0].Line, 1)},
		Message: fmt.Sprintf("table %q: %d of %d rows break rules and are put aside in %q; the month goes on without them", a.s.Table.Name, len(rows), found.Rows, a.Table)})
	return a.without(ctx, content, found)
}

// without takes the rows that break rules out of the stage, and puts the rules
// to those that are left.
func (a *apart) without(ctx context.Context, content string, found check.Outcome) (check.Outcome, error) {
	if err := a.make(ctx, check.Without(a.s.Table, found.Broken()), content); err != nil {
		return found, err
	}
	left, err := check.Run(ctx, a.stage, a.s, a.rules)
	for i, one := range found.Results {
		if i < len(left.Results) && left.Results[i].Holds && one.PutsAside() {
			one.Aside = true
			left.Results[i] = one
		}
	}
	return left, err
}

// wholeTable names the staged table with all rows of the file. It is there as
// soon as the loaded one is not all of it.
func (a *apart) wholeTable() asof.Table {
	t := a.s.Table
	sum := sha256.Sum256([]byte(t.Name)) // a name may be as long as names can be
	t.Name = asof.ReservedTables + "whole_" + hex.EncodeToString(sum[:4])
	return t
}

// whole brings back the rows that this run has taken out of the stage before,
// and returns the content that they are of.
func (a *apart) whole(ctx context.Context) (content string, err error) {
	staged, err := a.stage.Staged(ctx)
	if err != nil {
		return "", err
	}
	content = staged[a.s.Table.Name].Content
	if there, ok := staged[a.wholeTable().Name]; ok && there.Content == content {
		_, err = a.stage.Make(ctx, a.s.Table, "SELECT "+strings.Join(sqltext.Names(a.s.Table.ColumnNames()), ", ")+" FROM "+sqltext.Name(a.wholeTable().Name), content)
	}
	return content, err
}

// make replaces the rows in the stage, after it has kept all of them.
func (a *apart) make(ctx context.Context, sql, content string) error {
	staged, err := a.stage.Staged(ctx)
	if err != nil {
		return err
	}
	if there, ok := staged[a.wholeTable().Name]; !ok || there.Content != content {
		if _, err := a.stage.Make(ctx, a.wholeTable(), "SELECT "+strings.Join(sqltext.Names(a.s.Table.ColumnNames()), ", ")+" FROM "+sqltext.Name(a.s.Table.Name), content); err != nil {
			return err
		}
	}
	_, err = a.stage.Make(ctx, a.s.Table, sql, content)
	return err
}

// correct puts what somebody has corrected of this file in the place of its
// rows, and returns it.
func (a *apart) correct(ctx context.Context, content string) ([]quarantined, error) {
	name, there, err := a.stage.Published(ctx, a.Table)
	if err != nil || !there {
		return nil, err
	}
	which := a.month() + " AND asof_state = '" + corrected + "' AND " + contentColumn + " = " + literal(content)
	rows, err := readQuarantined(ctx, a.stage, name, which, 0)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	t := a.s.Table
	own, theirs, same := make([]string, len(t.Columns)), make([]string, len(t.Columns)), []string{}
	for i, c := range t.Columns {
		typ := c.Type
		if typ == "numeric" { // DuckDB's has three digits behind the point
			typ = fmt.Sprintf("numeric(%d,%d)", asof.NumericPrecision, asof.NumericScale)
		}
		own[i], theirs[i] = "s."+sqltext.Name(c.Name), "CAST(c."+sqltext.Name(c.Name)+" AS "+typ+")"
		if slices.Contains(t.Key, c.Name) {
			same = append(same, theirs[i]+" = "+own[i])
		}
	}
	from := "(SELECT * FROM " + name + " WHERE " + which + ") c"
	return rows, a.make(ctx, fmt.Sprintf("SELECT %s FROM %s s WHERE NOT EXISTS (SELECT 1 FROM %s WHERE %s) UNION ALL SELECT %s FROM %s",
		strings.Join(own, ", "), sqltext.Name(a.wholeTable().Name), from, strings.Join(same, " AND "), strings.Join(theirs, ", "), from), content)
}

// keep makes rows those of this month in the quarantine, beside what was
// corrected and breaks no rule.
func (a *apart) keep(ctx context.Context, content string, rows []check.AsideRow, repaired []quarantined) error {
	names := a.s.Table.ColumnNames()
	var month []quarantined
	again := map[string]bool{}
	for _, row := range rows {
		q := quarantined{"asof_pipeline": &a.name, "asof_month": &a.day, "asof_run": &a.run, "asof_state": text(aside),
			"asof_rules": text(strings.Join(row.Rules, "\n")), "asof_file": text(cmp.Or(row.File, a.s.File)), contentColumn: &content}
		if row.Line > 0 {
			q["asof_line"] = text(strconv.Itoa(row.Line))
		}
		for i, name := range names {
			q[name] = row.Cells[i]
		}
		again[q.key(a.s.Table)] = true
		month = append(month, q)
	}
	for _, q := range repaired {
		if !again[q.key(a.s.Table)] {
			month = append(month, q)
		}
	}
	look, err := a.warehouse.Stage(ctx, a.run+"-"+a.Table) // sees what is there now
	if err != nil {
		return err
	}
	defer look.Discard(context.WithoutCancel(ctx))
	return a.replaceMonth(ctx, a.warehouse, look, names, month)
}

func text(value string) *string { return &value }
