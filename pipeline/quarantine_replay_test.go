package pipeline_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/pipeline"
)

const fewAside = "quarantine: true, at_most: 0.7, expect: [{min: 0, column: fee}]"

// TestCorrectedRowsAreReplayed corrects one of two rows that were put aside: it
// stands for the file's in every run, until the file is another one.
func TestCorrectedRowsAreReplayed(t *testing.T) {
	onBoth(t, func(t *testing.T, w asof.Warehouse) {
		a := newAsideRun(t, w, fewAside, "expect: []")
		users, usage := "1,1.5,a,2024-01-01 10:00:00\n2,-3,\"\",2024-01-02 10:00:00\n3,-4,x,\n", "1,2024-01-01,3\n"
		report, err := a.run(t, "2024-01-31", users, usage)
		if err != nil {
			t.Fatal(err)
		}
		correct := func(month, lines string) (pipeline.Corrected, error) {
			path := filepath.Join(a.dir, "corrected.csv")
			if err := os.WriteFile(path, []byte("plan,id,fee,seen\n"+lines), 0o644); err != nil {
				t.Fatal(err)
			}
			return a.p.Correct(t.Context(), w, pipeline.Correction{Table: "users", Month: month, File: path})
		}
		for lines, want := range map[string]string{
			"z,2,3.25,\nz,7,1,\n": "corrected.csv:3: the row id=7 was not put aside",
			"z,2,3.25,\nz,2,1,\n": "the row id=2 is there twice",
			"z,two,3.25,\n":       "has to be a whole number",
		} {
			if _, err := correct("", lines); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v\nwant %s", lines, err, want)
			}
		}
		if _, err := correct("2024-02", "z,2,3.25,\n"); asof.ErrorCode(err) != asof.CodeNotFound {
			t.Errorf("of another month: %v", err)
		}
		states := "SELECT asof_state, id, fee FROM quarantine_users ORDER BY id"
		if got := a.rows(t, states); got != "aside,2,-3\naside,3,-4\n" {
			t.Errorf("what is refused changes nothing: %s", got)
		}
		done, err := correct("2024-01", "\"\",2,3.25,2024-01-02 10:00:00\n")
		if err != nil || done.Rows != 1 || done.Run != report.Run {
			t.Fatalf("%+v, %v", done, err)
		}
		for range 2 {
			if _, err := a.run(t, "2024-01-31", users, usage); err != nil {
				t.Fatal(err)
			}
			if got := a.rows(t, "SELECT id, CAST(fee AS double precision), plan, CAST(seen AS text) FROM users_months ORDER BY id"); got != "1,1.5,a,2024-01-01 10:00:00+00\n2,3.25,,2024-01-02 10:00:00+00\n" {
				t.Error(got)
			}
			if got := a.rows(t, states); got != "corrected,2,3.25\naside,3,-4\n" {
				t.Error(got)
			}
		}
		// Corrected, and still not right: it is put aside again.
		if _, err := correct("", "b,3,-0.5,\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := a.run(t, "2024-01-31", users, usage); err != nil {
			t.Fatal(err)
		}
		if got := a.rows(t, states); got != "corrected,2,3.25\naside,3,-0.5\n" {
			t.Error(got)
		}
		if _, err := a.run(t, "2024-01-31", "1,1,a,\n2,7,a,\n", usage); err != nil {
			t.Fatal(err)
		}
		if got := a.rows(t, "SELECT id, CAST(fee AS double precision) FROM users_months ORDER BY id") + a.rows(t, states); got != "1,1\n2,7\n" {
			t.Errorf("of another file: %s", got)
		}
	})
}

// TestAResumedRunPutsTheSameRowsAside is a run that put rows aside, failed at
// another table, and goes on; with other rules it looks at all rows again.
func TestAResumedRunPutsTheSameRowsAside(t *testing.T) {
	onBoth(t, func(t *testing.T, w asof.Warehouse) {
		store := memory.NewRuns()
		a := newAsideRun(t, w, fewAside, "expect: []")
		users := "1,1.5,a,\n2,-3,z,\n3,-4,z,\n"
		carry := func(usage string) (monthReport, error) {
			for name, text := range map[string]string{"users.csv": "id,fee,plan,seen\n" + users, "usage.csv": "id,day,hours\n" + usage} {
				if err := os.WriteFile(filepath.Join(a.dir, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			return carryOut(t.Context(), settings{Pipeline: a.p, Repo: a.dir, Warehouse: w, Params: map[string]string{"as_of": "2024-01-31"}, Store: store, Again: asof.AgainAlways})
		}
		first, err := carry("1,yesterday,3\n")
		if err == nil {
			t.Fatal("a bad file is taken")
		}
		if got := a.rows(t, "SELECT id FROM quarantine_users ORDER BY id"); got != "2\n3\n" {
			t.Error(got)
		}
		a.p.Steps[2].Check.Rules[0].Min = "-3" // only the third breaks it now
		second, err := carry("1,2024-01-01,3\n")
		if err != nil || second.Run != first.Run {
			t.Fatalf("run %s after %s: %v", second.Run, first.Run, err)
		}
		if got := a.rows(t, "SELECT id FROM quarantine_users ORDER BY id") + a.rows(t, "SELECT id FROM users ORDER BY id"); got != "3\n1\n2\n" {
			t.Error(got)
		}
		stages, err := w.Stages(t.Context())
		if err != nil || len(stages) > 0 {
			t.Errorf("stages are left: %v, %v", stages, err)
		}
	})
}
