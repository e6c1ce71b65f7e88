package pipeline_test

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/pipeline"
)

// asideRun is a repository of two tables, of which one refers to the other.
type asideRun struct {
	dir string
	w   asof.Warehouse
	p   *pipeline.Pipeline
}

func newAsideRun(t *testing.T, w asof.Warehouse, users, usage string) *asideRun {
	t.Helper()
	p, err := loadText(t, `name: p
params: {as_of: {type: date}}
steps:
  - {load: users, file: users.csv, key: id, columns: {id: integer, fee: "numeric(8,2)", plan: text, seen: timestamptz}}
  - {load: usage, file: usage.csv, key: [id, day], references: {id: users}, columns: {id: integer, day: date, hours: double precision}}
  - {check: users, `+users+`}
  - {check: usage, `+usage+`}
  - {snapshot: users_months, from: users}
  - {snapshot: usage_months, from: usage}
`)
	if err != nil {
		t.Fatal(err)
	}
	return &asideRun{dir: t.TempDir(), w: w, p: p}
}

// run runs a month with files.
func (a *asideRun) run(t *testing.T, month, users, usage string) (monthReport, error) {
	t.Helper()
	for name, text := range map[string]string{"users.csv": "id,fee,plan,seen\n" + users, "usage.csv": "id,day,hours\n" + usage} {
		if err := os.WriteFile(filepath.Join(a.dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return carryOut(t.Context(), settings{Pipeline: a.p, Repo: a.dir, Warehouse: a.w, Params: map[string]string{"as_of": month}})
}

// rows returns what SQL says, as CSV.
func (a *asideRun) rows(t *testing.T, sql string) string {
	t.Helper()
	stage, err := a.w.Stage(t.Context(), "look")
	if err != nil {
		t.Fatal(err)
	}
	defer stage.Discard(t.Context())
	rows, err := stage.Query(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Release()
	var b strings.Builder
	out := csv.NewWriter(&b)
	for rows.Next() {
		batch := rows.RecordBatch()
		for i := range int(batch.NumRows()) {
			var line []string
			for _, column := range batch.Columns() {
				line = append(line, column.ValueStr(i))
			}
			_ = out.Write(line)
		}
	}
	out.Flush()
	return b.String()
}

const asideColumns = `SELECT asof_month, asof_rules, asof_file, asof_line, `

// TestRowsArePutAside is a month with few bad rows: it goes on without them, and
// without what refers to them, and they are in the quarantine with their lines.
func TestRowsArePutAside(t *testing.T) {
	onBoth(t, func(t *testing.T, w asof.Warehouse) {
		a := newAsideRun(t, w, "quarantine: true, at_most: 0.5, expect: [{min: 0, column: fee}, {accepted_values: [a, b], column: plan}, {mean: {max: 2}, column: fee}, {not_null: seen, severity: warn}]",
			"quarantine: put_aside, at_most: 0.4, expect: [{max: 24, column: hours}]")
		report, err := a.run(t, "2024-01-31", "1,1.5,a,2024-01-01 10:00:00\n2,-3,z,\n3,100.25,\"x, \"\"y\"\"\",2024-01-02 00:00:00\n4,,b,\n",
			"1,2024-01-01,3\n2,2024-01-01,4.5\n1,2024-01-02,30.5\n1,2024-01-03,1\n4,2024-01-04,\n")
		if err != nil {
			t.Fatal(err)
		}
		for sql, want := range map[string]string{
			"SELECT id FROM users_months ORDER BY id":                              "1\n4\n",
			"SELECT id FROM users ORDER BY id":                                     "1\n4\n",
			"SELECT id, day FROM usage_months ORDER BY 1, 2":                       "1,2024-01-01\n1,2024-01-03\n4,2024-01-04\n",
			asideColumns + "id, fee, plan FROM quarantine_users ORDER BY id":       "2024-01-31,\"min fee: 0\naccepted_values plan: a, b\",users.csv,3,2,-3,z\n2024-01-31,\"accepted_values plan: a, b\",users.csv,4,3,100.25,\"x, \"\"y\"\"\"\n",
			asideColumns + "id, day, hours FROM put_aside ORDER BY id, day":        "2024-01-31,max hours: 24,usage.csv,4,1,2024-01-02,30.5\n2024-01-31,references id: table users,usage.csv,3,2,2024-01-01,4.5\n",
			"SELECT count(*) FROM quarantine_users WHERE seen IS NULL":             "1\n",
			"SELECT count(DISTINCT asof_run) FROM quarantine_users":                "1\n",
			"SELECT count(*) FROM put_aside WHERE asof_run = '" + report.Run + "'": "2\n",
		} {
			if d := cmp.Diff(want, a.rows(t, sql)); d != "" {
				t.Errorf("%s\n%s", sql, d)
			}
		}
		users := report.Steps[2]
		if users.Aside != 2 || users.Quarantine != "quarantine_users" || len(users.Checks) != 5 {
			t.Errorf("%+v", users)
		}
		told := fmt.Sprint(users.Warnings)
		for _, want := range []string{`2 of 4 rows break rules and are put aside in "quarantine_users"; the month goes on without them`, "1 of 4 rows are below 0"} {
			if !strings.Contains(told, want) {
				t.Errorf("warnings %s\nwant %s", told, want)
			}
		}
		for i, want := range []string{"rows true false", "min false true", "accepted_values false true", "mean true false", "not_null false false"} {
			c := users.Checks[i]
			if got := fmt.Sprint(c.Rule.Kind, " ", c.Holds, " ", c.Aside); got != want {
				t.Errorf("rule %d: %s, want %s", i, got, want)
			}
		}

		// The same again changes nothing; corrected files leave nothing aside, and another month's rows stay.
		if _, err := a.run(t, "2024-02-29", "1,1,a,\n5,-1,a,\n", "1,2024-02-01,1\n"); err != nil {
			t.Fatal(err)
		}
		if got := a.rows(t, "SELECT asof_month, id FROM quarantine_users ORDER BY 1, 2"); got != "2024-01-31,2\n2024-01-31,3\n2024-02-29,5\n" {
			t.Error(got)
		}
		if _, err := a.run(t, "2024-01-31", "1,1.5,a,\n2,2,b,\n", "2,2024-01-01,4\n"); err != nil {
			t.Fatal(err)
		}
		if got := a.rows(t, "SELECT asof_month, id FROM quarantine_users ORDER BY 1, 2") + a.rows(t, "SELECT id FROM put_aside") + a.rows(t, "SELECT id FROM users_months WHERE as_of = DATE '2024-01-31' ORDER BY 1"); got != "2024-02-29,5\n1\n2\n" {
			t.Error(got)
		}
	})
}

// TestAMonthWithTooManyBadRowsStops is a month that goes no further: its rows are
// in the quarantine, to be looked at.
func TestAMonthWithTooManyBadRowsStops(t *testing.T) {
	onBoth(t, func(t *testing.T, w asof.Warehouse) {
		a := newAsideRun(t, w, "quarantine: true, expect: [{min: 0, column: fee, mostly: 0.5}, {compare: [seen, '>=', seen]}]", "expect: []")
		usage := "1,2024-01-01,1\n"
		if _, err := a.run(t, "2024-01-31", "1,1,a,\n2,-1,a,\n3,-1,a,\n", usage); err == nil || !strings.Contains(err.Error(), "2 of 3 rows are below 0") {
			t.Errorf("err = %v", err)
		}
		if got := a.rows(t, "SELECT id FROM quarantine_users ORDER BY 1"); got != "2\n3\n" {
			t.Error(got)
		}
		if pubs, err := w.Publications(t.Context()); err != nil || len(pubs) > 0 {
			t.Errorf("%v, %v", pubs, err)
		}
		// Half of them is what the rule allows: the month goes on without them.
		report, err := a.run(t, "2024-01-31", "1,1,a,\n2,-1,a,\n", usage)
		if err != nil || report.Steps[2].Aside != 1 {
			t.Errorf("%+v, %v", report.Steps, err)
		}
		if got := a.rows(t, "SELECT id FROM quarantine_users") + a.rows(t, "SELECT id FROM users"); got != "2\n1\n" {
			t.Error(got)
		}
	})
}

func TestQuarantinesAreRead(t *testing.T) {
	head := "name: p\nparams: {as_of: {type: date}}\nsteps:\n  - {load: t, file: t.csv, key: id, columns: {id: integer}}\n  - {check: t, expect: [], "
	for text, want := range map[string]string{
		"at_most: 0.5}":                      "`at_most` needs `quarantine: true`",
		"quarantine: true, at_most: 2}":      "from 0 to 1",
		"quarantine: asof_mine}":             "names that begin with asof_ are our own",
		"quarantine: false, at_most: 0.1}":   "`at_most` needs",
		"quarantine: true, at_most: a half}": "at_most has to be a number",
	} {
		if _, err := loadText(t, head+text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v\nwant %s", text, err, want)
		}
	}
	p, err := loadText(t, head+"quarantine: false}")
	if err != nil || p.Steps[1].Check.Quarantine != nil {
		t.Error(p, err)
	}
}
