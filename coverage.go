package asof

import (
	"slices"
	"time"
)

// Coverage is what the finished runs of a view covered. After the rollback of
// its only run it is known, and nothing is covered.
type Coverage struct {
	Known     bool      // there was a finished run
	Watermark time.Time // the end of the gap-free prefix; zero for none
	End       time.Time // the end of all; zero for none
	Newest    time.Time // the newest event that was ever written; zero for none
}

// Covered reads the ledger's entries of one view.
func Covered(entries []Materialization) Coverage {
	var c Coverage
	var done []Materialization
	for _, m := range entries {
		if m.Done() {
			done = append(done, m)
		}
	}
	slices.SortFunc(done, func(a, b Materialization) int { return a.Span.From.Compare(b.Span.From) })
	gap := false
	for _, m := range done {
		if c.Watermark.IsZero() {
			c.Watermark = m.Span.To
		}
		c.Known = true
		gap = gap || m.Span.From.After(c.Watermark)
		if !gap {
			c.Watermark = laterOf(c.Watermark, m.Span.To)
		}
		c.End, c.Newest = laterOf(c.End, m.Span.To), laterOf(c.Newest, m.Newest)
	}
	return c
}

// ByView parts the ledger's entries by their views, and keeps their order.
func ByView(entries []Materialization) map[string][]Materialization {
	byView := map[string][]Materialization{}
	for _, m := range entries {
		byView[m.View] = append(byView[m.View], m)
	}
	return byView
}

// Done reports whether the run counts: it finished, and without an error.
func (m *Materialization) Done() bool { return !m.Finished.IsZero() && m.Error == "" }

func laterOf(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
