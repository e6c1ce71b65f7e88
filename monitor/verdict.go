package monitor

import (
	"context"
	"slices"

	"github.com/asof-dev/asof"
)

// Change is a view whose verdict is not what it was: it has drifted, or has no
// more.
type Change struct {
	Before asof.Verdict // "" where there was none
	Now    asof.ViewDrift
}

// Keep keeps the verdicts of views that were compared whole, and returns those
// that have changed: against the last verdict on what came no later, to the same
// kind of reference. Comparing what is older changes nothing. Of a span without
// rows a verdict is kept only in place of one: its rows are gone.
func (m *Monitor) Keep(ctx context.Context, by string, reference, current Side, views []View) ([]Change, error) {
	var list []asof.ViewDrift
	var changes []Change
	for _, v := range views {
		now := v.verdict(m.Project, by, reference.DriftSide, current.DriftSide)
		kept, err := m.Statistics.Drifts(ctx, asof.DriftQuery{Project: m.Project, View: now.View, Source: now.Current.Source, Brief: true, Limit: mostKept})
		if err != nil {
			return nil, err
		}
		if v.empty() && !slices.ContainsFunc(kept, func(d asof.ViewDrift) bool { return d.Reference.Same(now.Reference) && d.Current.Same(now.Current) }) {
			continue // a month to come, or mistyped, would stand before the newest verdict
		}
		last := lastOf(kept, &now)
		drifted := now.Verdict == asof.VerdictDrifted
		if now.Current.To.Before(last.Current.To) || now.Verdict == asof.VerdictUnknown {
			drifted = last.Verdict == asof.VerdictDrifted
		}
		if drifted != (last.Verdict == asof.VerdictDrifted) {
			changes = append(changes, Change{last.Verdict, now})
		}
		list = append(list, now)
	}
	if len(list) == 0 {
		return nil, nil
	}
	if err := m.Statistics.KeepDrift(ctx, list...); err != nil {
		return nil, err
	}
	return changes, nil
}

// mostKept is how many verdicts are looked through for the last one that is of
// the same kind.
const mostKept = 200

// lastOf returns the newest verdict of the same kind as now: of its kind of
// reference, and known. None is zero.
func lastOf(kept []asof.ViewDrift, now *asof.ViewDrift) asof.ViewDrift {
	at := slices.IndexFunc(kept, func(d asof.ViewDrift) bool {
		return d.Reference.Source == now.Reference.Source && d.Reference.Name == now.Reference.Name && d.Verdict != asof.VerdictUnknown
	})
	if at < 0 {
		return asof.ViewDrift{}
	}
	return kept[at]
}

// empty reports whether what was compared has no rows at all.
func (v *View) empty() bool {
	return len(v.Features) > 0 && !slices.ContainsFunc(v.Features, func(f Feature) bool { return f.Current.Rows > 0 })
}

// verdict returns the view's as it is kept.
func (v *View) verdict(project, by string, reference, current asof.DriftSide) asof.ViewDrift {
	kept := asof.ViewDrift{Project: project, View: v.View, Reference: reference, Current: current, By: by, Verdict: v.Verdict, Compared: int64(len(v.Features))}
	for _, f := range v.Features {
		if f.Verdict == asof.VerdictDrifted {
			kept.Drifted++
		}
		kept.Features = append(kept.Features, asof.FeatureDrift{Feature: f.Feature, Verdict: f.Verdict, Reasons: f.Reasons, Measures: f.ByName(), New: f.New, Vanished: f.Vanished})
	}
	return kept
}
