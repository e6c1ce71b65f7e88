package statistics

import "math"

// JensenShannon returns the squared Jensen–Shannon distance of two
// distributions, given as counts in the same bins, with logarithms of base 2:
// from 0, the same, to 1, nothing in common. NaN where either has no counts.
func JensenShannon(expected, actual []int64) float64 {
	e, a := total(expected), total(actual)
	if e == 0 || a == 0 {
		return math.NaN()
	}
	var sum float64
	for i := range expected {
		p, q := float64(expected[i])/e, float64(actual[i])/a
		middle := (p + q) / 2
		for _, share := range []float64{p, q} {
			if share > 0 {
				sum += share * math.Log2(share/middle)
			}
		}
	}
	return max(sum/2, 0)
}

// KS returns the greatest distance of two cumulative distributions, the
// two-sample statistic of Kolmogorov and Smirnov, and how likely chance makes it
// as great or greater, by its limiting distribution. The distributions are
// counts in the same bins, in ascending order; within a bin the distance is not
// seen, so it can be greater by the share of the fullest bin at most.
func KS(expected, actual []int64) (distance, p float64) {
	e, a := total(expected), total(actual)
	if e == 0 || a == 0 {
		return math.NaN(), math.NaN()
	}
	var before, now int64
	for i := range expected {
		before, now = before+expected[i], now+actual[i]
		distance = max(distance, math.Abs(float64(before)/e-float64(now)/a))
	}
	return distance, kolmogorov(math.Sqrt(e*a/(e+a)) * distance)
}

// kolmogorov returns the probability that the limiting distribution of Kolmogorov
// exceeds x.
func kolmogorov(x float64) float64 {
	if x <= 0 {
		return 1
	}
	if x < 1 { // here the other form of the series converges faster
		var sum float64
		for k := 1.0; k < 20; k += 2 {
			sum += math.Exp(-k * k * math.Pi * math.Pi / (8 * x * x))
		}
		return 1 - math.Sqrt(2*math.Pi)/x*sum
	}
	var sum float64
	for k, sign := 1.0, 2.0; k < 20; k, sign = k+1, -sign {
		sum += sign * math.Exp(-2*k*k*x*x)
	}
	return sum
}

// ChiSquare returns Pearson's statistic of homogeneity of two samples, given as
// counts in the same bins, and how likely chance makes it as great or greater.
// Bins that are empty in both do not count. Where there is nothing to compare,
// less than two bins or a sample without counts, it is 0, and 1.
func ChiSquare(expected, actual []int64) (statistic, p float64) {
	e, a := total(expected), total(actual)
	if e == 0 || a == 0 {
		return 0, 1
	}
	free := -1
	for i := range expected {
		both := float64(expected[i] + actual[i])
		if both == 0 {
			continue
		}
		free++
		for _, s := range [][2]float64{{float64(expected[i]), e}, {float64(actual[i]), a}} {
			fair := both * s[1] / (e + a)
			statistic += (s[0] - fair) * (s[0] - fair) / fair
		}
	}
	if free < 1 {
		return 0, 1
	}
	return statistic, upperGamma(float64(free)/2, statistic/2)
}

// upperGamma returns the regularised upper incomplete gamma function.
func upperGamma(s, x float64) float64 {
	if x <= 0 {
		return 1
	}
	logGamma, _ := math.Lgamma(s)
	front := math.Exp(s*math.Log(x) - x - logGamma)
	if x < s+1 { // the series of the lower function
		term, sum := 1/s, 1/s
		for n := 1.0; n < 10000 && term > sum*1e-16; n++ {
			term *= x / (s + n)
			sum += term
		}
		return 1 - front*sum
	}
	// The continued fraction, by Lentz's method.
	const tiny = 1e-300
	b := x + 1 - s
	c, d := 1/tiny, 1/b
	h := d
	for n := 1.0; n < 10000; n++ {
		factor := -n * (n - s)
		b += 2
		d, c = 1/nonzero(factor*d+b, tiny), nonzero(b+factor/c, tiny)
		h *= d * c
		if math.Abs(d*c-1) < 1e-15 {
			break
		}
	}
	return front * h
}

func nonzero(x, tiny float64) float64 {
	if math.Abs(x) < tiny {
		return tiny
	}
	return x
}
