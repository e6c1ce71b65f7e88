package statistics

import "math"

// Quantile returns the value below which the share level of sorted values lies,
// linear between the two nearest. Of no values it is NaN.
func Quantile(sorted []float64, level float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	at := level * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// Moments returns the mean of values and their standard deviation, divided by
// n−1: NaN of less than one value, and of less than two.
func Moments(values []float64) (mean, stddev float64) {
	n := float64(len(values))
	for _, v := range values {
		mean += v
	}
	mean /= n
	if n < 2 {
		return mean, math.NaN()
	}
	var squares, rest float64 // the rest is what rounding left in the mean
	for _, v := range values {
		squares += (v - mean) * (v - mean)
		rest += v - mean
	}
	return mean, math.Sqrt((squares - rest*rest/n) / (n - 1))
}

// RankError returns by how much the level of a quantile of n random rows is off
// at most, in 95 of 100 cases, whatever the distribution: the bound of
// Dvoretzky, Kiefer and Wolfowitz.
func RankError(n int64) float64 {
	if n == 0 {
		return 0
	}
	return math.Sqrt(math.Log(2/0.05) / (2 * float64(n)))
}
