package statistics

import (
	"math"
	"strconv"

	"github.com/asof-dev/asof"
)

// A Float32 feature is described by its shortest decimals: 0.1 for the float32
// nearest to it, whether the source holds a float32, a double or a decimal. Else
// the same value would be in one bin of a source and in another of a training set.

// nearest returns v as a Float32 feature has it. What is beyond the range stays
// as it is.
func nearest(v float64) float64 {
	if f := float64(float32(v)); !math.IsInf(f, 0) {
		return f
	}
	return v
}

// shortest returns the shortest decimal of a float32, also where a quantile
// between two equal ones is off by a rounding, and other numbers as they are.
func shortest(v float64) float64 {
	const rounding = 1e-15
	f := nearest(v)
	if math.Abs(f-v) > rounding*math.Abs(v) || math.IsNaN(v) {
		return v
	}
	short, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', -1, 32), 64)
	if err != nil {
		return v
	}
	return short
}

// Edges32 returns for each edge the greatest float32 whose shortest decimal is
// not above it: between these, float32s are in the bins of their decimals.
func Edges32(edges []float64) []float64 {
	rounded := make([]float64, len(edges))
	for i, edge := range edges {
		rounded[i] = nearest(edge)
		if shortest(rounded[i]) > edge {
			rounded[i] = float64(math.Nextafter32(float32(rounded[i]), float32(math.Inf(-1))))
		}
	}
	return rounded
}

// Shorten makes shortest decimals of the float32s in a profile.
func Shorten(p *asof.Profile) {
	for _, v := range []*float64{p.Min, p.Max} {
		if v != nil {
			*v = shortest(*v)
		}
	}
	for i, v := range p.Quantiles {
		p.Quantiles[i] = shortest(v)
	}
	for i := range p.Top {
		p.Top[i].Number = shortest(p.Top[i].Number)
	}
}
