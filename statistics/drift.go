package statistics

import (
	"math"
	"slices"

	"github.com/asof-dev/asof"
)

// Edges returns the bins that a feature keeps, chosen from the profile of a
// reference: its quantiles, each once, and a bin on either side for what the
// reference never had. Nil of what has no numbers.
func Edges(reference *asof.Profile) []float64 {
	if reference.Min == nil || reference.Max == nil || len(reference.Quantiles) == 0 {
		return nil
	}
	edges := append([]float64{math.Nextafter(*reference.Min, math.Inf(-1)), *reference.Max}, reference.Quantiles...)
	slices.Sort(edges)
	return slices.Compact(edges)
}

// Measures says how far the profile of a feature is from that of a reference.
// What cannot be said of the two is nil. The shares of PSI and Jensen–Shannon
// are those of bins or categories, of NULLs, and of NaNs and infinities.
type Measures struct {
	PSI           *float64 `json:"psi"`
	JensenShannon *float64 `json:"jensen_shannon"`
	KS            *float64 `json:"ks"` // numbers: of the bins
	KSChance      *float64 `json:"ks_p"`
	ChiSquare     *float64 `json:"chi_square"` // of the shares that PSI is of
	Chance        *float64 `json:"chi_square_p"`
	NullShare     *float64 `json:"null_share"` // by how much it grew
	NullChance    *float64 `json:"null_share_p"`
	MeanShift     *float64 `json:"mean_shift"` // in standard deviations of the reference
	MeanChance    *float64 `json:"mean_shift_p"`
	NewShare      *float64 `json:"new_share"` // of values in categories that the reference had not
	New           []string `json:"new"`
	Vanished      []string `json:"vanished"`
}

// ByName returns what was measured by its names in JSON.
func (m *Measures) ByName() map[string]float64 {
	found := map[string]float64{}
	for name, v := range map[string]*float64{"psi": m.PSI, "jensen_shannon": m.JensenShannon, "ks": m.KS, "ks_p": m.KSChance, "chi_square": m.ChiSquare, "chi_square_p": m.Chance,
		"null_share": m.NullShare, "null_share_p": m.NullChance, "mean_shift": m.MeanShift, "mean_shift_p": m.MeanChance, "new_share": m.NewShare} {
		if v != nil && !math.IsNaN(*v) && !math.IsInf(*v, 0) {
			found[name] = *v
		}
	}
	return found
}

// Compare measures current against reference. Numbers need the same Edges in
// both; those with others are compared by nulls and means alone.
func Compare(reference, current *asof.Profile) Measures {
	var m Measures
	if reference.Rows == 0 || current.Rows == 0 {
		return m
	}
	m.nulls(reference, current)
	if reference.Kind != current.Kind {
		return m
	}
	m.mean(reference, current)
	if reference.Kind == asof.ProfileCategory {
		m.categories(reference, current)
		return m
	}
	if len(reference.Bins) == 0 || len(reference.Bins) != len(current.Bins) || !slices.Equal(reference.Edges, current.Edges) {
		return m
	}
	m.shares(reference, current, reference.Bins, current.Bins)
	if distance, p := KS(reference.Bins, current.Bins); !math.IsNaN(distance) {
		m.KS, m.KSChance = &distance, &p
	}
	return m
}

// shares measures counts, and those of what is in none of them.
func (m *Measures) shares(reference, current *asof.Profile, expected, actual []int64) {
	expected = append(slices.Clone(expected), reference.Nulls, reference.NaNs+reference.Infinite)
	actual = append(slices.Clone(actual), current.Nulls, current.NaNs+current.Infinite)
	psi, divergence := PSI(expected, actual), JensenShannon(expected, actual)
	if math.IsNaN(psi) {
		return
	}
	statistic, p := ChiSquare(expected, actual)
	m.PSI, m.JensenShannon, m.ChiSquare, m.Chance = &psi, &divergence, &statistic, &p
}

func (m *Measures) nulls(reference, current *asof.Profile) {
	grown := float64(current.Nulls)/float64(current.Rows) - float64(reference.Nulls)/float64(reference.Rows)
	_, p := ChiSquare([]int64{reference.Nulls, reference.Rows - reference.Nulls}, []int64{current.Nulls, current.Rows - current.Nulls})
	m.NullShare, m.NullChance = &grown, &p
}

// mean measures the change of the mean, and by Welch's test with the normal
// distribution how likely it is chance. A reference without spread has no
// standard deviation to measure in: its bins tell.
func (m *Measures) mean(reference, current *asof.Profile) {
	if reference.Mean == nil || current.Mean == nil || reference.Stddev == nil || current.Stddev == nil || *reference.Stddev == 0 {
		return
	}
	moved := *current.Mean - *reference.Mean
	shift := moved / *reference.Stddev
	spread := math.Sqrt(*reference.Stddev**reference.Stddev/float64(reference.Values()) + *current.Stddev**current.Stddev/float64(current.Values()))
	p := math.Erfc(math.Abs(moved/spread) / math.Sqrt2)
	m.MeanShift, m.MeanChance = &shift, &p
}

// categories measures the categories that both profiles count, or that one
// counts and the other surely has not; the rest of each is one more.
func (m *Measures) categories(reference, current *asof.Profile) {
	before, now := counts(reference), counts(current)
	var expected, actual []int64
	var added int64
	restBefore, restNow := Tallied(reference), Tallied(current)
	for _, v := range union(reference.Top, current.Top) {
		b, inBefore := before[v]
		n, inNow := now[v]
		if !inBefore && !complete(reference) || !inNow && !complete(current) {
			continue
		}
		expected, actual = append(expected, b), append(actual, n)
		restBefore, restNow = restBefore-b, restNow-n
		switch {
		case !inBefore:
			m.New, added = append(m.New, v), added+n
		case !inNow:
			m.Vanished = append(m.Vanished, v)
		}
	}
	scaledBefore, scaledNow := scaled(reference, append(expected, restBefore)), scaled(current, append(actual, restNow))
	m.shares(reference, current, scaledBefore, scaledNow)
	if n := Tallied(current); n > 0 && complete(reference) {
		share := float64(added) / float64(n)
		m.NewShare = &share
	}
}

// complete reports whether the most frequent values are all that there are.
func complete(p *asof.Profile) bool { return int64(len(p.Top)) >= p.Distinct && p.Sampled == 0 }

// Tallied returns how many values the counts of Top are of.
func Tallied(p *asof.Profile) int64 {
	if p.Sampled == 0 || p.Rows == 0 {
		return p.Values()
	}
	var listed int64
	for _, v := range p.Top {
		listed += v.Count
	}
	return max(listed, int64(math.Round(float64(p.Sampled)*float64(p.Values())/float64(p.Rows))))
}

// scaled returns counts of a sample as ones of all values.
func scaled(p *asof.Profile, counts []int64) []int64 {
	if p.Sampled == 0 || Tallied(p) == 0 {
		return counts
	}
	factor := float64(p.Values()) / float64(Tallied(p))
	for i, n := range counts {
		counts[i] = int64(math.Round(float64(n) * factor))
	}
	return counts
}

func counts(p *asof.Profile) map[string]int64 {
	found := make(map[string]int64, len(p.Top))
	for _, v := range p.Top {
		found[v.Text] = v.Count
	}
	return found
}

// union returns the categories of a, then those that only b has.
func union(a, b []asof.ValueCount) []string {
	var all []string
	seen := map[string]bool{}
	for _, v := range slices.Concat(a, b) {
		if !seen[v.Text] {
			seen[v.Text] = true
			all = append(all, v.Text)
		}
	}
	return all
}
