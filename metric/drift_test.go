package metric_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/httpapi"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/metric"
)

// TestDrift shows the newest verdict on each registered view, and what was known
// where the statistics are away.
func TestDrift(t *testing.T) {
	store, away := memory.NewStatistics(), false
	s := newServer(t, metric.Options{Statistics: func(context.Context) (asof.StatisticsStore, error) {
		if away {
			return nil, errors.New("away")
		}
		return store, nil
	}}, httpapi.Options{})
	verdict := func(view string, day int, verdict asof.Verdict, features ...asof.FeatureDrift) asof.ViewDrift {
		to := time.Date(2024, 1, day, 0, 0, 0, 0, time.UTC)
		return asof.ViewDrift{Project: project, View: view, Current: asof.DriftSide{Source: asof.StatisticsBatch, To: to}, Verdict: verdict, Features: features}
	}
	err := store.KeepDrift(t.Context(),
		verdict(plan.Name, 30, asof.VerdictDrifted),
		verdict(plan.Name, 31, asof.VerdictStable, asof.FeatureDrift{Feature: "plan_0", Verdict: asof.VerdictStable, Measures: map[string]float64{"psi": 0.125}},
			asof.FeatureDrift{Feature: "plan_1", Verdict: asof.VerdictUnknown}),
		verdict(usage.Name, 31, asof.VerdictUnknown), verdict("gone", 31, asof.VerdictDrifted))
	if err != nil {
		t.Fatal(err)
	}
	s.shows(t, `asof_drift_view{feature_view="`+plan.Name+`",source="batch"} 0`, `asof_drift_feature{feature="plan_0",feature_view="`+plan.Name+`",source="batch"} 0`,
		`asof_drift_psi{feature="plan_0",feature_view="`+plan.Name+`",source="batch"} 0.125`, `asof_drift_until_timestamp_seconds{feature_view="`+plan.Name+`",source="batch"} 1.7066592e+09`,
		`asof_drift_until_timestamp_seconds{feature_view="`+usage.Name+`",source="batch"} 1.7066592e+09`, `asof_collect_errors_total{source="statistics"} 0`)
	shown := s.ask(t, "GET", "/metrics", "", 200)
	for _, not := range []string{`feature_view="gone"`, `feature="plan_1"`, `asof_drift_view{feature_view="` + usage.Name} {
		if strings.Contains(shown, not) {
			t.Errorf("%s is shown", not)
		}
	}
	if err := store.KeepDrift(t.Context(), verdict(plan.Name, 32, asof.VerdictDrifted)); err != nil {
		t.Fatal(err)
	}
	s.now = s.now.Add(time.Hour)
	s.shows(t, `asof_drift_view{feature_view="`+plan.Name+`",source="batch"} 1`)
	away, s.now = true, s.now.Add(time.Hour)
	s.shows(t, `asof_drift_view{feature_view="`+plan.Name+`",source="batch"} 1`, `asof_collect_errors_total{source="statistics"} 1`)
}
