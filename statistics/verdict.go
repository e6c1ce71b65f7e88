package statistics

import (
	"fmt"
	"math"

	"github.com/asof-dev/asof"
)

// Thresholds are the measures from which on a feature has drifted. NaN: never.
//
// A measure that chance explains, with a probability of Chance or more, is no
// drift however great it is: few rows differ much.
type Thresholds struct {
	PSI           float64 `json:"psi"`
	JensenShannon float64 `json:"jensen_shannon"`
	KS            float64 `json:"ks"`
	NullShare     float64 `json:"null_share"` // either way
	MeanShift     float64 `json:"mean_shift"` // either way
	NewShare      float64 `json:"new_share"`
	Chance        float64 `json:"chance"`
}

// Defaults returns the thresholds that hold where nobody wishes others.
func Defaults() Thresholds {
	return Thresholds{PSI: 0.25, JensenShannon: 0.1, KS: 0.2, NullShare: 0.05, MeanShift: 0.5, NewShare: 0.05, Chance: 0.01}
}

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
	for _, m := range []struct {
		name             string
		measured, chance *float64
		threshold        float64
	}{
		{"PSI", d.PSI, d.Chance, t.PSI},
		{"Jensen–Shannon", d.JensenShannon, d.Chance, t.JensenShannon},
		{"KS", d.KS, d.KSChance, t.KS},
		{"share of nulls", d.NullShare, d.NullChance, t.NullShare},
		{"mean", d.MeanShift, d.MeanChance, t.MeanShift},
		{"share of new categories", d.NewShare, d.Chance, t.NewShare},
	} {
		if m.measured != nil && *m.chance < t.Chance && math.Abs(*m.measured) >= m.threshold {
			d.drifted("%s %s, from %g on it has drifted", m.name, said(m.name, *m.measured), m.threshold)
		}
	}
	return d
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
