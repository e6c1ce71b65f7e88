package monitor

import (
	"maps"
	"slices"
	"strings"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/statistics"
)

// tag begins the tags that say from where on a feature has drifted:
// asof.monitor.psi = "0.4", or "never".
const tag = "asof.monitor."

// thresholdsOf returns what a feature's tags say, then its view's, then the
// configuration of the feature, the view, the project, then the defaults.
func (m *Monitor) thresholdsOf(view *asof.FeatureView, f *asof.Field) (statistics.Thresholds, error) {
	t := statistics.Defaults()
	of := m.Thresholds.Of[view.Name]
	for _, wanted := range []statistics.Wanted{m.Thresholds, of, of.Of[f.Name]} {
		t.Want(wanted)
	}
	for _, tags := range []map[string]string{view.Tags, f.Tags} {
		for name, text := range tags {
			measure, ours := strings.CutPrefix(name, tag)
			if !ours {
				continue
			}
			to := t.Of(measure)
			if to == nil {
				return t, asof.Errorf(asof.CodeInvalid, "feature view %q, feature %q: the tag %s names no measure%s", view.Name, f.Name, name, asof.DidYouMean(measure, statistics.ThresholdNames))
			}
			number, err := statistics.ParseThreshold(text)
			if err != nil {
				return t, asof.Errorf(asof.CodeInvalid, "feature view %q, feature %q: the tag %s %w", view.Name, f.Name, name, err)
			}
			*to = number
		}
	}
	return t, nil
}

// named returns an error where thresholds are for a view or a feature that there
// is not.
func named(w statistics.Wanted, snapshot *asof.Snapshot) error {
	for _, name := range slices.Sorted(maps.Keys(w.Of)) {
		view, err := snapshot.View(name)
		if err != nil {
			return asof.Errorf(asof.CodeInvalid, "asof.monitor.thresholds.views: %w", err)
		}
		for _, feature := range slices.Sorted(maps.Keys(w.Of[name].Of)) {
			if view.Feature(feature) == nil {
				return asof.Errorf(asof.CodeInvalid, "asof.monitor.thresholds.views.%s.features: the view has no feature %q%s", name, feature, asof.DidYouMean(feature, view.FeatureNames()))
			}
		}
	}
	return nil
}
