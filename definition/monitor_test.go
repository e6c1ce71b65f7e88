package definition_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/asof-dev/asof/statistics"
)

func TestMonitorThresholds(t *testing.T) {
	c, err := config(t, notifyHead+`asof:
  monitor:
    thresholds:
      psi: 0.3
      kss: 1
      views:
        users:
          ks: never
          features:
            fee: {psi: 1, mean_shift: 0.25}
        payments:
`)
	if err != nil {
		t.Fatal(err)
	}
	never, _ := statistics.ParseThreshold("never")
	want := statistics.Wanted{Own: map[string]float64{"psi": 0.3}, Of: map[string]statistics.Wanted{
		"users":    {Own: map[string]float64{"ks": never}, Of: map[string]statistics.Wanted{"fee": {Own: map[string]float64{"psi": 1, "mean_shift": 0.25}}}},
		"payments": {}}}
	if d := cmp.Diff(want, c.Asof.Monitor.Thresholds, cmpopts.EquateNaNs()); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	if w := c.Warnings.Error(); !strings.Contains(w, `unknown key "kss" in asof.monitor.thresholds is ignored; did you mean "ks"?`) {
		t.Errorf("warnings: %s", w)
	}
	for text, want := range map[string]string{
		"0.3":                       ":5: asof.monitor.thresholds says from where on features have drifted",
		"{psi: much}":               `:5: asof.monitor.thresholds.psi is "much"; write a number from 0 on, or never`,
		"{psi: -1}":                 `:5: asof.monitor.thresholds.psi is "-1"`,
		"{views: [users]}":          ":5: asof.monitor.thresholds.views holds names with their thresholds",
		"{views: {users: {ks: x}}}": ":5: asof.monitor.thresholds.views.users.ks is",
	} {
		_, err := config(t, notifyHead+"asof:\n  monitor:\n    thresholds: "+text+"\n")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
