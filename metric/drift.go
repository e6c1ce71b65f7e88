package metric

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/asof-dev/asof"
)

// The last verdicts on views, in whichever process, as the statistics tell them.
var (
	driftView    = desc("asof_drift_view", "1 where a view has drifted by its last verdict, 0 where it is stable; there is none where nothing could be compared", "feature_view", "source")
	driftFeature = desc("asof_drift_feature", "As asof_drift_view, of a feature", "feature_view", "feature", "source")
	driftPSI     = desc("asof_drift_psi", "Population stability index of a feature by the last verdict on its view", "feature_view", "feature", "source")
	driftUntil   = desc("asof_drift_until_timestamp_seconds", "The end of what was compared last, in seconds since 1970", "feature_view", "source")
)

// mostVerdicts bounds how many views are shown.
const mostVerdicts = 10_000

// drifts is what the statistics said.
type drifts struct {
	pace
	fails atomic.Uint64
	shown atomic.Pointer[[]prometheus.Metric]
}

// collect sends the series.
func (d *drifts) collect(m *Metrics, to chan<- prometheus.Metric) {
	if m.Statistics == nil {
		return
	}
	d.ask(m.Now, func() {
		ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
		defer cancel()
		shown, err := readDrifts(ctx, m)
		if err != nil {
			d.fails.Add(1)
			m.Log.Warn("metrics: the statistics could not be asked", "error", err)
			return
		}
		d.shown.Store(&shown)
	})
	to <- counter(ourErrors, d.fails.Load(), "statistics")
	if shown := d.shown.Load(); shown != nil {
		for _, one := range *shown {
			to <- one
		}
	}
}

// readDrifts makes series of the newest verdict on each registered view and source.
func readDrifts(ctx context.Context, m *Metrics) (shown []prometheus.Metric, err error) {
	store, err := m.Statistics(ctx)
	if err != nil {
		return nil, err
	}
	kept, err := store.Drifts(ctx, asof.DriftQuery{Project: m.Project, Each: 1, Limit: mostVerdicts})
	if err != nil {
		return nil, err
	}
	views, err := registered(ctx, m)
	if err != nil {
		return nil, err
	}
	for _, v := range kept {
		source := string(v.Current.Source)
		if !slices.ContainsFunc(views, func(one *asof.FeatureView) bool { return one.Name == v.View }) {
			continue
		}
		shown = append(shown, gauge(driftUntil, seconds(v.Current.To), v.View, source))
		if v.Verdict != asof.VerdictUnknown {
			shown = append(shown, gauge(driftView, truth(v.Verdict == asof.VerdictDrifted), v.View, source))
		}
		for _, f := range v.Features {
			if f.Verdict != asof.VerdictUnknown {
				shown = append(shown, gauge(driftFeature, truth(f.Verdict == asof.VerdictDrifted), v.View, f.Feature, source))
			}
			if psi, ok := f.Measures["psi"]; ok {
				shown = append(shown, gauge(driftPSI, psi, v.View, f.Feature, source))
			}
		}
	}
	return shown, nil
}
