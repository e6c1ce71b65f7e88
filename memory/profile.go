package memory

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/statistics"
)

// Profile describes a view's features. It is always exact.
func (o *Offline) Profile(ctx context.Context, q *asof.ProfileQuery) ([]asof.Profile, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	h, err := o.history(&q.View)
	if err != nil {
		return nil, err
	}
	var rows []int
	for i, at := range h.events {
		if at != nil && *at <= q.To.UnixMicro() && (q.From.IsZero() || *at >= q.From.UnixMicro()) {
			rows = append(rows, i)
		}
	}
	var profiles []asof.Profile
	for i, f := range q.View.Features {
		profiles = append(profiles, profileOf(f, h.features[i], rows, q.Edges[f.Output]))
	}
	return profiles, nil
}

func profileOf(f asof.FeatureColumn, c arrow.Array, rows []int, edges []float64) asof.Profile {
	p := asof.Profile{Feature: f.Output, Kind: asof.ProfileKindOf(f.Type), Rows: int64(len(rows))}
	var numbers []float64
	texts := map[string]int64{}
	for _, i := range rows {
		switch {
		case c.IsNull(i):
			p.Nulls++
		case p.Kind == asof.ProfileCategory:
			texts[c.ValueStr(i)]++
		case p.Kind != asof.ProfileOpaque:
			number := numberOf(c, i)
			switch {
			case math.IsNaN(number):
				p.NaNs++
			case math.Abs(number) > asof.ProfileLargest:
				p.Infinite++
			default:
				numbers = append(numbers, number)
			}
		}
	}
	if p.Kind == asof.ProfileCategory {
		p.Top, p.Distinct = mostFrequent(texts, asof.ProfileTopCategories, func(text string) asof.ValueCount { return asof.ValueCount{Text: text} })
		return p
	}
	if p.Kind != asof.ProfileOpaque {
		describe(&p, numbers, edges)
	}
	return p
}

// describe sets what is known of numbers alone.
func describe(p *asof.Profile, numbers, edges []float64) {
	slices.Sort(numbers)
	counts := map[float64]int64{}
	for _, v := range numbers {
		counts[v]++
	}
	p.Top, p.Distinct = mostFrequent(counts, asof.ProfileTopNumbers, func(v float64) asof.ValueCount { return asof.ValueCount{Number: v} })
	if len(edges) > 0 {
		p.Edges, p.Bins = edges, make([]int64, len(edges)+1)
		for _, v := range numbers {
			i, _ := slices.BinarySearch(edges, v)
			p.Bins[i]++
		}
	}
	if len(numbers) == 0 {
		return
	}
	mean, stddev := statistics.Moments(numbers)
	p.Min, p.Max, p.Mean = &numbers[0], &numbers[len(numbers)-1], &mean
	if !math.IsNaN(stddev) {
		p.Stddev = &stddev
	}
	for _, level := range asof.ProfileLevels {
		p.Quantiles = append(p.Quantiles, statistics.Quantile(numbers, level))
	}
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

// numberOf returns a value as it is described: a number, seconds since 1970, a
// length.
func numberOf(c arrow.Array, i int) float64 {
	if at, ok := asof.Instants(c, asof.RoundUp); ok {
		return float64(at(i)) / 1e6
	}
	switch c := c.(type) {
	case *array.Float64:
		return c.Value(i)
	case *array.Float32:
		return float64(c.Value(i))
	case *array.Binary:
		return float64(len(c.Value(i)))
	case array.ListLike:
		from, to := c.ValueOffsets(i)
		return float64(to - from)
	}
	number, err := strconv.ParseFloat(c.ValueStr(i), 64)
	if err != nil {
		return math.NaN()
	}
	return number
}
