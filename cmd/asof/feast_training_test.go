package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof/storetest"
)

// trainingAsks are calls of get-historical-features that Feast and asof take
// alike.
var trainingAsks = [][]string{
	{"-d", `[{"user_id": "3413-BMNZE", "event_timestamp": "2024-02-10T00:00:00"}, {"user_id": "0000-NOONE", "event_timestamp": "2024-02-10T00:00:00"}]`,
		"-f", "subs_profile_fv:monthly_fee", "-f", "subs_profile_fv:paperless_billing", "-f", "usage_agg_30d_fv:watch_hours_30d", "-f", "payments_agg_90d_fv:failed_payments_90d"},
	{"-d", `[{"event_timestamp": "2024-01-31 10:30:00", "user_id": "3413-BMNZE"}]`, "-f", "subs_profile_fv:net_service"},
	{"-s", "2024-01-01 00:00:00", "-e", "2024-02-01 00:00:00", "-f", "subs_profile_fv:monthly_fee"},
	{"-s", "2024-01-31 00:00:00", "-e", "2024-01-31 00:00:00", "-f", "usage_agg_30d_fv:watch_hours_30d", "-f", "subs_profile_fv:monthly_fee"},
	{"-s", "2024-02-02 00:00:00", "-e", "2024-02-03 00:00:00", "-f", "subs_profile_fv:monthly_fee"},
}

// TestFeastPrintsTheSameTrainingData holds what get-historical-features prints
// against Feast's on the same tables. Feast leaves the order of rows open.
func TestFeastPrintsTheSameTrainingData(t *testing.T) {
	ours, theirs := streamflow(t)
	run(t, "asof", "-c", ours, "apply")
	commands := [][]string{{"apply"}}
	for _, ask := range trainingAsks {
		commands = append(commands, append([]string{"get-historical-features"}, ask...))
	}
	feast := storetest.RunFeastCommands(t, theirs, commands...)[1:]
	for i, ask := range trainingAsks {
		got := printedRows(t, string(run(t, "asof", append([]string{"-c", ours, "get-historical-features"}, ask...)...)))
		want := printedRows(t, feast[i])
		if d := gocmp.Diff(want, got); d != "" {
			t.Errorf("%s: -Feast +asof\n%s", strings.Join(ask, " "), d)
		}
	}
}

// printedRows reads the list of objects that a command printed, in order of
// user and time. Numbers are those of a float32: Feast prints ten digits. Times
// that Feast prints in seconds, as it does those of a span, are made
// milliseconds.
func printedRows(t *testing.T, text string) []map[string]any {
	t.Helper()
	start := strings.Index(text, "[")
	if start < 0 {
		t.Fatalf("no list in %s", text)
	}
	var rows []map[string]any
	if err := json.NewDecoder(strings.NewReader(text[start:])).Decode(&rows); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	for _, row := range rows {
		for name, v := range row {
			f, ok := v.(float64)
			switch {
			case ok && name != "event_timestamp":
				row[name] = float64(float32(f))
			case ok && f < 1e11:
				row[name] = f * 1000
			}
		}
	}
	slices.SortFunc(rows, func(a, b map[string]any) int {
		return cmp.Compare(fmt.Sprint(a["user_id"], a["event_timestamp"]), fmt.Sprint(b["user_id"], b["event_timestamp"]))
	})
	return rows
}
