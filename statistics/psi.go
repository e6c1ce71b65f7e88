// Package statistics says how far what a feature was like, its profile, is from
// what it is like now, and whether that is drift. It is functions over numbers: it
// reads no store.
package statistics

import "math"

// least is the share that an empty bin is taken to have, so that the logarithm
// of a share exists.
const least = 1e-4

// PSI returns the population stability index of two distributions, given as
// counts in the same bins: the sum of (a−e)·ln(a/e) over the shares of each bin.
// Below 0.1 is commonly called stable, above 0.25 changed. It is NaN where
// either has no counts.
func PSI(expected, actual []int64) float64 {
	e, a := total(expected), total(actual)
	if e == 0 || a == 0 {
		return math.NaN()
	}
	var sum float64
	for i := range expected {
		before := max(float64(expected[i])/e, least)
		now := max(float64(actual[i])/a, least)
		sum += (now - before) * math.Log(now/before)
	}
	return sum
}

func total(counts []int64) float64 {
	var n int64
	for _, c := range counts {
		n += c
	}
	return float64(n)
}
