package materialize

import (
	"time"

	"github.com/asof-dev/asof"
)

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// start returns where an incremental window starts; zero is the oldest row.
//
// Between the newest row ever seen and the watermark the source was empty, so
// what is there now came late: the window starts right behind that row. It
// costs nothing, and a month that is loaded after a run that looked too early
// is not lost.
func (m *Materializer) start(v *asof.FeatureView, c asof.Coverage, r *Result) time.Time {
	var from time.Time
	switch {
	case c.Known && c.Newest.IsZero():
		return time.Time{}
	case c.Known:
		from = c.Watermark
		if behind := c.Newest.Add(time.Microsecond); behind.Before(from) {
			from = behind
		}
	case len(v.Intervals) == 0:
		return time.Time{}
	default:
		var feasts time.Time
		for _, i := range v.Intervals {
			feasts = later(feasts, i.To)
		}
		if !m.FeastIntervals {
			r.note("the registry says that it was materialized up to " + stamp(feasts) + ", but the ledger knows of no run: this one starts at the oldest row")
			return time.Time{}
		}
		if from = feasts; from.After(m.now()) {
			from = m.now()
			r.note("the registry says that it was materialized up to " + stamp(feasts) + ", which is in the future: materialize the span before now by its start and end")
		}
	}
	return from.Add(-m.Overlap)
}

// lateSince returns since when rows may have come that no run has looked for:
// when the last incremental run started, or the first of all. Zero where there
// was none.
func lateSince(entries []asof.Materialization) time.Time {
	var since time.Time
	for _, m := range entries { // newest first
		if !m.Done() {
			continue
		}
		since = m.Started
		if m.Cause == "incremental" {
			break
		}
	}
	return since
}
