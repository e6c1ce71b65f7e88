package statistics

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/asof-dev/asof"
)

// Description makes the profile of a feature of values as they come.
type Description struct {
	profile asof.Profile
	edges   []float64 // of the profile's bins, as values are compared with them
	share   float64
	sampled int64
	float32 bool

	sum     sums
	numbers []float64 // of the sample
	texts   map[string]*int64
}

// Describe begins the profile of a feature. Its bins are those of edges, none
// for nil. A share below 1 is of the rows that its quantiles, distinct and most
// frequent values are of, taken at random.
func Describe(feature string, t asof.Type, edges []float64, share float64) *Description {
	d := &Description{profile: asof.Profile{Feature: feature, Kind: asof.ProfileKindOf(t)}, share: share, texts: map[string]*int64{},
		edges: edges, float32: t.Value == asof.TypeFloat32}
	if d.float32 {
		d.edges = Edges32(edges)
	}
	if d.numeric() && len(edges) > 0 {
		d.profile.Edges, d.profile.Bins = edges, make([]int64, len(edges)+1)
	}
	return d
}

func (d *Description) numeric() bool {
	return d.profile.Kind != asof.ProfileOpaque && d.profile.Kind != asof.ProfileCategory
}

// Null adds a row without a value.
func (d *Description) Null() {
	d.profile.Rows++
	d.profile.Nulls++
	if d.chosen() {
		d.sampled++
	}
}

// chosen reports whether the next row is of the sample.
func (d *Description) chosen() bool { return d.share >= 1 || rand.Float64() < d.share }

// Add adds a cell of a column of the feature's type.
func (d *Description) Add(c arrow.Array, i int) {
	if c.IsNull(i) {
		d.Null()
		return
	}
	d.profile.Rows++
	chosen := d.chosen()
	if chosen {
		d.sampled++
	}
	switch {
	case d.numeric():
		d.addNumber(number(c, i), chosen)
	case d.profile.Kind == asof.ProfileCategory && chosen:
		d.addText(c.ValueStr(i))
	}
}

// addText keeps a copy: the column may be gone before the profile is made, and a
// map keeps the string that it was last given for a key.
func (d *Description) addText(text string) {
	if n := d.texts[text]; n != nil {
		*n++
		return
	}
	d.texts[strings.Clone(text)] = new(int64(1))
}

func (d *Description) addNumber(v float64, chosen bool) {
	p := &d.profile
	if d.float32 {
		v = nearest(v)
	}
	switch {
	case math.IsNaN(v):
		p.NaNs++
		return
	case math.Abs(v) > asof.ProfileLargest:
		p.Infinite++
		return
	}
	if p.Bins != nil {
		at, _ := slices.BinarySearch(d.edges, v)
		p.Bins[at]++
	}
	d.sum.add(v)
	if chosen {
		d.numbers = append(d.numbers, v)
	}
}

// Profile returns the profile of what was added.
func (d *Description) Profile() asof.Profile {
	p := d.profile
	if d.sampled < p.Rows && p.Kind != asof.ProfileOpaque {
		p.Sampled, p.RankError = d.sampled, RankError(d.sampled)
	}
	switch {
	case p.Kind == asof.ProfileCategory:
		counts := make(map[string]int64, len(d.texts))
		for text, n := range d.texts {
			counts[text] = *n
		}
		p.Top, p.Distinct = mostFrequent(counts, asof.ProfileTopCategories, func(text string) asof.ValueCount { return asof.ValueCount{Text: text} })
	case d.numeric():
		d.summarize(&p)
	}
	if d.float32 {
		Shorten(&p)
	}
	return p
}

// summarize sets what is known of numbers alone.
func (d *Description) summarize(p *asof.Profile) {
	slices.Sort(d.numbers)
	counts := map[float64]int64{}
	for _, v := range d.numbers {
		counts[v]++
	}
	p.Top, p.Distinct = mostFrequent(counts, asof.ProfileTopNumbers, func(v float64) asof.ValueCount { return asof.ValueCount{Number: v} })
	if d.sum.n == 0 {
		return
	}
	mean, stddev := d.sum.moments()
	if p.Sampled == 0 {
		mean, stddev = Moments(d.numbers)
	}
	p.Min, p.Max, p.Mean = &d.sum.least, &d.sum.greatest, &mean
	if !math.IsNaN(stddev) {
		p.Stddev = &stddev
	}
	for _, level := range asof.ProfileLevels {
		if len(d.numbers) > 0 {
			p.Quantiles = append(p.Quantiles, Quantile(d.numbers, level))
		}
	}
}

// sums are what is known of numbers that were not kept: their mean and squares
// as Welford has them.
type sums struct {
	n               int64
	least, greatest float64
	mean, squares   float64
}

func (s *sums) add(v float64) {
	if s.n++; s.n == 1 {
		s.least, s.greatest = v, v
	}
	s.least, s.greatest = min(s.least, v), max(s.greatest, v)
	off := v - s.mean
	s.mean += off / float64(s.n)
	s.squares += off * (v - s.mean)
}

// moments returns the mean and the standard deviation, NaN of less than two.
func (s *sums) moments() (mean, stddev float64) {
	if s.n < 2 {
		return s.mean, math.NaN()
	}
	return s.mean, math.Sqrt(s.squares / float64(s.n-1))
}

// mostFrequent lists the most frequent values, and says how many there are.
func mostFrequent[V cmp.Ordered](counts map[V]int64, most int, entry func(V) asof.ValueCount) ([]asof.ValueCount, int64) {
	values := make([]V, 0, len(counts))
	for v := range counts {
		values = append(values, v)
	}
	slices.SortFunc(values, func(a, b V) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b)) })
	var top []asof.ValueCount
	for _, v := range values[:min(most, len(values))] {
		e := entry(v)
		e.Count = counts[v]
		top = append(top, e)
	}
	return top, int64(len(values))
}

// number returns a value as it is described: a number, seconds since 1970, a
// length.
func number(c arrow.Array, i int) float64 {
	if at, ok := asof.Instants(c, asof.RoundUp); ok {
		return float64(at(i)) / 1e6
	}
	switch c := c.(type) {
	case *array.Float64:
		return c.Value(i)
	case *array.Float32:
		return float64(c.Value(i))
	case *array.Int64:
		return float64(c.Value(i))
	case *array.Int32:
		return float64(c.Value(i))
	case *array.Binary:
		return float64(len(c.Value(i)))
	case array.ListLike:
		from, to := c.ValueOffsets(i)
		return float64(to - from)
	}
	v, err := strconv.ParseFloat(c.ValueStr(i), 64)
	if err != nil {
		return math.NaN()
	}
	return v
}
