package pipeline_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/pipeline"
	"github.com/asof-dev/asof/sample"
)

// smallMonths makes January and February of a few users.
func smallMonths(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "seeds")
	if _, err := sample.StreamFlow(t.Context(), dir, sample.Options{Users: 200}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// edit changes the lines of a file of a month; the header is line 0.
func edit(t *testing.T, seeds, file string, change func(lines []string) []string) {
	t.Helper()
	path := filepath.Join(seeds, file)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := change(strings.Split(strings.TrimSuffix(string(text), "\n"), "\n"))
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// cell replaces the cell of a column in a line.
func cell(t *testing.T, seeds, file string, line int, column, value string) {
	t.Helper()
	edit(t, seeds, file, func(lines []string) []string {
		at := slices.Index(strings.Split(lines[0], ","), column)
		cells := strings.Split(lines[line], ",")
		cells[at] = value
		lines[line] = strings.Join(cells, ",")
		return lines
	})
}

func TestACorrectedMonthCorrects(t *testing.T) {
	onBoth(t, func(t *testing.T, w asof.Warehouse) {
		seeds := smallMonths(t)
		mustIngest(t, w, seeds, "month_000", "2024-01-31")
		cell(t, seeds, "month_000/usage_agg_30d.csv", 5, "skips_7d", "99")
		edit(t, seeds, "month_000/usage_agg_30d.csv", func(lines []string) []string { return slices.Delete(lines, 9, 11) })
		asked := new(online)
		report, err := ingest(t, w, seeds, "month_000", "2024-01-31", asked)
		if err != nil {
			t.Fatal(err)
		}
		got := changes(report)
		if c := got["usage_agg_30d_snapshots"]; c.Changed != 1 || c.Removed != 2 || c.Equal != 197 || c.Added != 0 {
			t.Errorf("snapshot: %+v", c)
		}
		if c := got["usage_agg_30d"]; c.Changed != 1 || c.Removed != 0 || c.Equal != 197 {
			t.Errorf("live table: %+v", c)
		}
		if c := got["labels_snapshots"]; c.Equal != 200 {
			t.Errorf("labels: %+v", c)
		}
		if len(asked.dropped) != 1 || asked.dropped["usage_agg_30d_snapshots"] != 2 {
			t.Errorf("dropped online: %v", asked.dropped)
		}
		if n := query(t, w, "SELECT CAST(count(*) AS text) FROM usage_agg_30d"); n != "200" {
			t.Errorf("live rows: %s", n)
		}
	})
}

func TestAnOlderMonthComesLate(t *testing.T) {
	onBoth(t, func(t *testing.T, w asof.Warehouse) {
		seeds := smallMonths(t)
		mustIngest(t, w, seeds, "month_001", "2024-02-29")
		live := "SELECT CAST(sum(watch_hours_30d) AS text) FROM usage_agg_30d"
		before := query(t, w, live)
		got := mustIngest(t, w, seeds, "month_000", "2024-01-31")
		for _, table := range []string{"users", "subscriptions", "usage_agg_30d", "payments_agg_90d", "support_agg_90d", "labels"} {
			if got[table].Skipped == "" {
				t.Errorf("%s: %+v", table, got[table])
			}
		}
		if got["labels_snapshots"].Added != 200 || query(t, w, live) != before {
			t.Errorf("labels %+v; usage %s, before %s", got["labels_snapshots"], query(t, w, live), before)
		}
		// Each month has its own numbers and labels, whichever came first.
		if n := query(t, w, `SELECT CAST(count(*) AS text) FROM usage_agg_30d_snapshots a JOIN usage_agg_30d_snapshots b
 ON a.user_id = b.user_id AND a.as_of < b.as_of AND a.watch_hours_30d <> b.watch_hours_30d`); n == "0" {
			t.Error("both months have the same usage")
		}
		if got := mustIngest(t, w, seeds, "month_000", "2024-01-31"); got["usage_agg_30d_snapshots"].Equal != 200 {
			t.Errorf("again: %+v", got["usage_agg_30d_snapshots"])
		}
	})
}

func TestABadMonthChangesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, w asof.Warehouse) {
		seeds := smallMonths(t)
		mustIngest(t, w, seeds, "month_000", "2024-01-31")
		cell(t, seeds, "month_001/subscriptions.csv", 7, "months_active", "-3")
		cell(t, seeds, "month_001/subscriptions.csv", 8, "months_active", "-4")
		cell(t, seeds, "month_001/subscriptions.csv", 9, "net_service", "Satellite")
		cell(t, seeds, "month_001/usage_agg_30d.csv", 3, "user_id", "0000-NOONE")
		cell(t, seeds, "month_001/labels.csv", 4, "churn_label", "")
		cell(t, seeds, "month_001/payments_agg_90d.csv", 2, "failed_payments_90d", "none")
		asked := new(online)
		report, err := ingest(t, w, seeds, "month_001", "2024-02-29", asked)
		var problems asof.Problems
		if !errors.As(err, &problems) || asof.ErrorCode(err) != asof.CodeInvalid {
			t.Fatalf("err = %v", err)
		}
		file := func(name string) string { return filepath.Join(seeds, "month_001", name) }
		for _, want := range []struct {
			file, message string
			line          int
		}{
			{"payments_agg_90d.csv", `column "failed_payments_90d": "none" has to be a whole number`, 3},
			{"usage_agg_30d.csv", `table "usage_agg_30d", column "user_id": 1 of 200 rows are not in table "users": user_id=0000-NOONE (line 4)`, 4},
			{"subscriptions.csv", `column "months_active": 2 of 200 rows are below 0: user_id=`, 0},
		} {
			if !slices.ContainsFunc(problems, func(p asof.Problem) bool {
				return p.Place.File == file(want.file) && strings.Contains(p.Message, want.message) && (want.line == 0 || want.line == p.Place.Line)
			}) {
				t.Errorf("%s:%d %s is not told:\n%v", want.file, want.line, want.message, err)
			}
		}
		if len(problems) != 3 {
			t.Errorf("%d problems:\n%v", len(problems), err)
		}
		var warnings []string
		for _, s := range report.Steps {
			for _, w := range s.Warnings {
				warnings = append(warnings, fmt.Sprintf("%s:%d %s", filepath.Base(w.Place.File), w.Place.Line, w.Message))
			}
		}
		for _, want := range []string{"(line 10) has Satellite", `labels.csv:5 table "labels", column "churn_label": 1 of 200 rows are empty: user_id=`} {
			if !slices.ContainsFunc(warnings, func(w string) bool { return strings.Contains(w, want) }) {
				t.Errorf("no warning says %s: %q", want, warnings)
			}
		}
		if list, err := w.Publications(t.Context()); err != nil || len(list) != 1 || asked.asOf != nil {
			t.Errorf("published %v, %v; materialized %v", list, err, asked.asOf)
		}
		if n := query(t, w, "SELECT CAST(count(DISTINCT as_of) AS text) FROM labels_snapshots"); n != "1" {
			t.Errorf("%s months", n)
		}
	})
}

// TestAFileCutOffAtALineIsNoticed is about a file that is right line by line.
func TestAFileCutOffAtALineIsNoticed(t *testing.T) {
	onBoth(t, func(t *testing.T, w asof.Warehouse) {
		seeds := smallMonths(t)
		edit(t, seeds, "month_000/usage_agg_30d.csv", func(lines []string) []string { return lines[:81] })
		report, err := ingest(t, w, seeds, "month_000", "2024-01-31", new(online))
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, s := range report.Steps {
			for _, w := range s.Warnings {
				if strings.Contains(w.Message, "is it whole?") {
					told = append(told, w.Message)
				}
			}
		}
		if len(told) != 1 || !strings.HasPrefix(told[0], `table "usage_agg_30d": 120 keys of table "users" are not in the file; is it whole? user_id=`) {
			t.Errorf("told: %q", told)
		}
	})
}

func TestARunCutOffBeforeMaterializingIsCompletedByTheNext(t *testing.T) {
	onBoth(t, func(t *testing.T, w asof.Warehouse) {
		seeds := smallMonths(t)
		mustIngest(t, w, seeds, "month_000", "2024-01-31")
		edit(t, seeds, "month_000/labels.csv", func(lines []string) []string { return lines[:len(lines)-1] })
		broken := &online{err: asof.Errorf(asof.CodeUnavailable, "the online store is down")}
		if _, err := ingest(t, w, seeds, "month_000", "2024-01-31", broken); asof.ErrorCode(err) != asof.CodeUnavailable || !strings.Contains(err.Error(), "run the same command again") {
			t.Fatalf("err = %v", err)
		}
		asked := new(online)
		report, err := ingest(t, w, seeds, "month_000", "2024-01-31", asked)
		if err != nil {
			t.Fatal(err)
		}
		if c := changes(report)["labels_snapshots"]; c.Equal != 199 || asked.dropped["labels_snapshots"] != 1 {
			t.Errorf("labels: %+v, dropped %v; the second run has to follow what the first dropped", c, asked.dropped)
		}
	})
}

func TestUsersOfAnEarlierFileMayBeReferredTo(t *testing.T) {
	onBoth(t, func(t *testing.T, w asof.Warehouse) {
		seeds := smallMonths(t)
		mustIngest(t, w, seeds, "month_000", "2024-01-31")
		// February's file of users holds new ones alone; the others are known.
		edit(t, seeds, "month_001/users.csv", func(lines []string) []string { return lines[:2] })
		if got := mustIngest(t, w, seeds, "month_001", "2024-02-29"); got["users"].Rows != 1 || got["usage_agg_30d_snapshots"].Added != 200 {
			t.Errorf("changes: %+v", got)
		}
	})
}

func TestADayThatHasNotCome(t *testing.T) {
	p, err := pipeline.Load(ingestMonth)
	if err != nil {
		t.Fatal(err)
	}
	report, err := carryOut(t.Context(), settings{Pipeline: p, Warehouse: warehouses["embedded"](t),
		Params: map[string]string{"month": "month_000", "as_of": "2024-01-31", "seeds": smallMonths(t)},
		Now:    time.Date(2024, 1, 15, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(report.Steps, func(s pipeline.StepReport) bool { return s.Name == pipeline.PublishStep })
	if at < 0 || len(report.Steps[at].Warnings) != 1 || !strings.Contains(report.Steps[at].Warnings[0].Message, "2024-01-31 has not come yet") {
		t.Errorf("on 15 January: %+v", report.Steps)
	}
}
