package asof

import "slices"

// Cover adds a span to spans: the result covers the same time, its intervals
// in order and apart from one another. Spans that touch are joined.
func Cover(spans []Interval, span Interval) []Interval {
	all := append(slices.Clone(spans), span)
	slices.SortFunc(all, func(a, b Interval) int { return a.From.Compare(b.From) })
	joined := all[:1]
	for _, s := range all[1:] {
		last := &joined[len(joined)-1]
		if s.From.After(last.To) {
			joined = append(joined, s)
		} else if s.To.After(last.To) {
			last.To = s.To
		}
	}
	return joined
}
