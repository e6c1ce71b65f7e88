package statistics

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// Thresholds are the measures from which on a feature has drifted. NaN: never.
//
// A measure that chance explains, with a probability of Chance or more, is no
// drift however great it is: few rows differ much.
type Thresholds struct {
	PSI           float64
	JensenShannon float64
	KS            float64
	NullShare     float64 // either way
	MeanShift     float64 // either way
	NewShare      float64
	Chance        float64
}

// ThresholdNames are the names of thresholds in files, tags and JSON.
var ThresholdNames = []string{"psi", "jensen_shannon", "ks", "null_share", "mean_shift", "new_share", "chance"}

// Defaults returns the thresholds that hold where nobody wishes others.
func Defaults() Thresholds {
	return Thresholds{PSI: 0.25, JensenShannon: 0.1, KS: 0.2, NullShare: 0.05, MeanShift: 0.5, NewShare: 0.05, Chance: 0.01}
}

// Of returns where the threshold of a name is, nil where there is none.
func (t *Thresholds) Of(name string) *float64 {
	return map[string]*float64{"psi": &t.PSI, "jensen_shannon": &t.JensenShannon, "ks": &t.KS, "null_share": &t.NullShare,
		"mean_shift": &t.MeanShift, "new_share": &t.NewShare, "chance": &t.Chance}[name]
}

// Wanted are thresholds in place of the defaults, by name; and of the parts: of a
// project its views, of a view its features.
type Wanted struct {
	Own map[string]float64
	Of  map[string]Wanted
}

// Want sets what is wanted. Names that are no thresholds are left out.
func (t *Thresholds) Want(w Wanted) {
	for name, v := range w.Own {
		if to := t.Of(name); to != nil {
			*to = v
		}
	}
}

// ParseThreshold reads a number from 0 on, or never.
func ParseThreshold(text string) (float64, error) {
	if text == "never" {
		return math.NaN(), nil
	}
	number, err := strconv.ParseFloat(text, 64)
	if err != nil || !(number >= 0) || math.IsInf(number, 0) {
		return 0, fmt.Errorf("is %q; write a number from 0 on, or never", text)
	}
	return number, nil
}

// MarshalJSON writes thresholds by their names; one that is never reached is null.
func (t Thresholds) MarshalJSON() ([]byte, error) {
	all := map[string]*float64{}
	for _, name := range ThresholdNames {
		if all[name] = t.Of(name); math.IsNaN(*all[name]) {
			all[name] = nil
		}
	}
	return json.Marshal(all)
}
