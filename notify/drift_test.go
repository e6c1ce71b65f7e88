package notify_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/notify"
)

// TestDrift tells those who want to know that a view has drifted, and then that
// it has no more.
func TestDrift(t *testing.T) {
	all, slack, runs, lineage := receive(t, nil), receive(t, nil), receive(t, nil), receive(t, nil)
	n := notify.New(notify.Options{Targets: []notify.Target{{Name: "all", URL: all.URL, Drift: true, Secret: "s"}, {Name: "slack", Format: notify.Slack, URL: slack.URL, Drift: true},
		{Name: "runs", URL: runs.URL}, {Name: "lineage", Format: notify.OpenLineage, URL: lineage.URL, Drift: true}}})
	until := time.Date(2024, 2, 29, 23, 59, 59, 0, time.UTC)
	d := notify.Drift{Before: asof.VerdictStable, At: until.AddDate(0, 0, 1), Now: asof.ViewDrift{Project: "p", View: "users", Verdict: asof.VerdictDrifted, Drifted: 1, Compared: 2,
		Current: asof.DriftSide{Source: asof.StatisticsBatch, To: until}, Features: []asof.FeatureDrift{
			{Feature: "fee", Verdict: asof.VerdictDrifted, Reasons: []string{"PSI is 4 <", "KS is 1"}, Measures: map[string]float64{"psi": 4}}, {Feature: "age", Verdict: asof.VerdictStable}}}}
	n.Drifted(d)
	d.Before, d.Now.Verdict, d.Now.Features = asof.VerdictDrifted, asof.VerdictStable, nil
	n.Drifted(d)
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"view.drifted", "view.stable"}, all.types(t)); d != "" || len(runs.got()) != 0 || len(lineage.got()) != 0 {
		t.Fatalf("%s; others were told %d and %d times", d, len(runs.got()), len(lineage.got()))
	}
	var body struct {
		Data struct {
			View     string `json:"feature_view"`
			Before   string
			Features []asof.FeatureDrift
		}
	}
	sent := all.got()[0]
	if err := json.Unmarshal(sent.body, &body); err != nil || body.Data.View != "users" || body.Data.Before != "stable" || len(body.Data.Features) != 1 || body.Data.Features[0].Measures["psi"] != 4 {
		t.Errorf("%s, %v", sent.body, err)
	}
	if id := sent.header.Get("webhook-id"); id != "drift-p-users--1709251199-drifted" {
		t.Errorf("webhook-id %q", id)
	}
	var said []string
	for _, got := range slack.got() {
		var message struct{ Text string }
		if err := json.Unmarshal(got.body, &message); err != nil {
			t.Fatal(err)
		}
		said = append(said, message.Text)
	}
	want := []string{":warning: *p/users* has drifted up to 2024-02-29: 1 of 2 features\n```fee: PSI is 4 &lt;; KS is 1```", ":white_check_mark: *p/users* has not drifted any more, up to 2024-02-29"}
	if d := cmp.Diff(want, said); d != "" {
		t.Error(strings.TrimSpace(d))
	}
}
