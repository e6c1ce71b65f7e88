package statistics_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/asof-dev/asof/statistics"
)

// TestReference holds moments, quantiles, distances and probabilities against
// what NumPy and SciPy make of the same numbers: testdata/reference.py.
func TestReference(t *testing.T) {
	text, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var reference struct {
		Columns []struct {
			Name              string
			Values            []float64
			Mean              float64
			Stddev            *float64
			Levels, Quantiles []float64
		}
		Pairs []struct {
			Name             string
			Expected, Actual []int64
			ChiSquare        float64 `json:"chi_square"`
			ChiSquareP       float64 `json:"chi_square_p"`
			KS               float64 `json:"ks"`
			KSP              float64 `json:"ks_p"`
			JensenShannon    float64 `json:"jensen_shannon"`
			PSI              float64 `json:"psi"`
		}
	}
	if err := json.Unmarshal(text, &reference); err != nil {
		t.Fatal(err)
	}
	hold := func(name string, got, want float64) {
		t.Helper()
		if math.IsNaN(got) || math.Abs(got-want) > 1e-9*max(1e-6, math.Abs(want)) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	for _, c := range reference.Columns {
		mean, stddev := statistics.Moments(c.Values)
		hold(c.Name+": mean", mean, c.Mean)
		if c.Stddev != nil {
			hold(c.Name+": stddev", stddev, *c.Stddev)
		} else if !math.IsNaN(stddev) {
			t.Errorf("%s: a standard deviation of %v", c.Name, stddev)
		}
		slices.Sort(c.Values)
		for i, level := range c.Levels {
			hold(c.Name+": quantile", statistics.Quantile(c.Values, level), c.Quantiles[i])
		}
	}
	for _, c := range reference.Pairs {
		chi, p := statistics.ChiSquare(c.Expected, c.Actual)
		hold(c.Name+": chi-square", chi, c.ChiSquare)
		hold(c.Name+": its p", p, c.ChiSquareP)
		ks, p := statistics.KS(c.Expected, c.Actual)
		hold(c.Name+": KS", ks, c.KS)
		hold(c.Name+": its p", p, c.KSP)
		hold(c.Name+": Jensen–Shannon", statistics.JensenShannon(c.Expected, c.Actual), c.JensenShannon)
		hold(c.Name+": PSI", statistics.PSI(c.Expected, c.Actual), c.PSI)
	}
	if len(reference.Columns) == 0 || len(reference.Pairs) == 0 {
		t.Error("nothing was compared")
	}
}
