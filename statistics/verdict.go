package statistics

import (
	"fmt"
	"math"

	"github.com/asof-dev/asof"
)

// Drift is how a feature stands to its reference.
type Drift struct {
	Feature string       `json:"feature"`
	Verdict asof.Verdict `json:"verdict"`
	Reasons []string     `json:"reasons"` // why it has drifted, or is unknown
	Measures
}

// Judge compares two profiles of a feature and says whether it has drifted.
func (t Thresholds) Judge(reference, current *asof.Profile) Drift {
	d := Drift{Feature: current.Feature, Verdict: asof.VerdictStable, Measures: Compare(reference, current)}
	switch {
	case reference.Rows == 0:
		return d.unknown("the reference has no rows")
	case current.Rows == 0:
		return d.unknown("there are no rows")
	case reference.Kind != current.Kind:
		d.drifted("it is %s, and was %s", current.Kind, reference.Kind)
		return d
	}
	for _, m := range d.Judged(t) {
		if m.Over {
			d.drifted("%s %s, from %g on it has drifted", m.Name, said(m.Name, m.Measured), m.Threshold)
		}
	}
	return d
}

// Judged is a measure held against its threshold.
type Judged struct {
	Name      string
	Measured  float64
	Chance    float64 // how likely chance explains it
	Threshold float64 // NaN: never
	Over      bool    // it is drift
}

// Judged returns what was measured of that for which there are thresholds.
func (m *Measures) Judged(t Thresholds) (list []Judged) {
	for _, one := range []struct {
		name             string
		measured, chance *float64
		threshold        float64
	}{
		{"PSI", m.PSI, m.Chance, t.PSI},
		{"Jensen–Shannon", m.JensenShannon, m.Chance, t.JensenShannon},
		{"KS", m.KS, m.KSChance, t.KS},
		{"share of nulls", m.NullShare, m.NullChance, t.NullShare},
		{"mean", m.MeanShift, m.MeanChance, t.MeanShift},
		{"share of new categories", m.NewShare, m.Chance, t.NewShare},
	} {
		if one.measured != nil {
			over := *one.chance < t.Chance && math.Abs(*one.measured) >= one.threshold
			list = append(list, Judged{one.name, *one.measured, *one.chance, one.threshold, over})
		}
	}
	return list
}

func (d Drift) unknown(why string) Drift {
	d.Verdict, d.Reasons = asof.VerdictUnknown, []string{why}
	return d
}

func (d *Drift) drifted(format string, args ...any) {
	d.Verdict = asof.VerdictDrifted
	d.Reasons = append(d.Reasons, fmt.Sprintf(format, args...))
}

// said returns a measure for a reader.
func said(name string, measured float64) string {
	switch name {
	case "mean":
		return fmt.Sprintf("moved by %.3g standard deviations", measured)
	case "share of nulls":
		return fmt.Sprintf("changed by %.3g", measured)
	}
	return fmt.Sprintf("is %.3g", measured)
}

// Worst returns the verdict of several together.
func Worst(drifts []Drift) asof.Verdict {
	worst := asof.VerdictStable
	for _, d := range drifts {
		if d.Verdict == asof.VerdictDrifted || d.Verdict == asof.VerdictUnknown && worst == asof.VerdictStable {
			worst = d.Verdict
		}
	}
	return worst
}
