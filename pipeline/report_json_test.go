package pipeline_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/check"
	"github.com/asof-dev/asof/pipeline"
)

// TestReportsAreKept writes a report and reads it back.
func TestReportsAreKept(t *testing.T) {
	place := asof.Place{File: "t.csv", Line: 3}
	text, err := json.Marshal([]pipeline.StepReport{{Name: "check t", Rows: 4, Duration: time.Second, Warnings: asof.Problems{{Place: place, Message: "odd"}},
		Changes: []asof.TableChange{{Table: "t", Added: 1, Changed: 2, Removed: 3, Equal: 4, Skipped: "why"}},
		Checks: []check.Result{
			{Rule: check.Rule{Kind: check.Quantile, Columns: []string{"a"}, At: 0.5, Max: "3", Warn: true}, Measured: math.NaN(), Holds: true},
			{Rule: check.Rule{Kind: check.Minimum, Columns: []string{"a"}, Min: "0", Mostly: 0.9}, Measured: 2, Of: 4, Problem: asof.Problem{Place: place, Message: "wrong"}},
			{Rule: check.Rule{Kind: check.Schema, Shape: []asof.TableColumn{{Name: "a", Type: "text"}, {Name: "b"}}}, Holds: true},
			{Rule: check.Rule{Kind: check.Decreasing, Columns: []string{"a"}, Value: "b", Strictly: true}, Holds: true},
		}}, {Name: "publish"}})
	if err != nil {
		t.Fatal(err)
	}
	var got []pipeline.KeptStep
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	none, two := 0.0, 2.0
	want := []pipeline.KeptStep{
		{Name: "check t", Rows: 4, Time: 1, Warnings: []string{"t.csv:3: odd"}, Changes: []pipeline.KeptChange{{"t", 1, 2, 3, 4, "why"}},
			Checks: []check.Kept{
				{Rule: "quantile", Columns: []string{"a"}, Expected: "max 3, at 0.5", Severity: "warn", Holds: true},
				{Rule: "min", Columns: []string{"a"}, Expected: "0, mostly 0.9", Severity: "error", Measured: &two, Of: 4, Message: "wrong", File: "t.csv", Line: 3},
				{Rule: "schema", Columns: []string{}, Expected: "a text, b", Severity: "error", Holds: true, Measured: &none},
				{Rule: "decreasing", Columns: []string{"a"}, Expected: "b, strictly", Severity: "error", Holds: true, Measured: &none},
			}},
		{Name: "publish", Changes: []pipeline.KeptChange{}, Warnings: []string{}, Checks: []check.Kept{}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
