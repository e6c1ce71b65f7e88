package freshness

import (
	"slices"
	"time"

	"github.com/asof-dev/asof"
)

// Arrival is how the rows of a month of a view came.
type Arrival string

// How they came. Of a view without a calendar a month came, or nothing is said.
const (
	Came    Arrival = "came"    // and no calendar says by when they had to
	InTime  Arrival = "in-time" // by the day on which they were due
	WasLate Arrival = "late"    // after that day
	Awaited Arrival = "awaited" // they are not there, and not due yet
	Missing Arrival = "missing" // they are due and not there; within the grace, or a later month is there
	TooOld  Arrival = "stale"   // they are not there and the grace is over: what is served is too old
	Nothing Arrival = ""        // before the first rows, or nothing is expected
)

// Month is one month of a view, in UTC.
type Month struct {
	Month   time.Time `json:"month"` // its first day
	Arrival Arrival   `json:"arrival"`
	Came    time.Time `json:"came,omitzero"` // when its rows were materialized first; zero: they were not
	Due     time.Time `json:"due,omitzero"`  // from when they are late; zero without a calendar
}

// Months returns how the rows of n months came, the last of them that of until:
// by the ledger's entries of one view, and its calendar, which may be nil. A
// month came with the first run whose newest row is of it, or is later while
// the run covers the month too.
func Months(calendar *asof.Freshness, entries []asof.Materialization, now, until time.Time, n int) []Month {
	done := slices.DeleteFunc(slices.Clone(entries), func(m asof.Materialization) bool { return !m.Done() || m.Newest.IsZero() })
	slices.SortFunc(done, func(a, b asof.Materialization) int { return a.Finished.Compare(b.Finished) })
	var oldest, newest time.Time // months that have rows
	for _, m := range done {
		month := firstDay(m.Newest)
		if oldest.IsZero() || month.Before(oldest) {
			oldest = month
		}
		if month.After(newest) {
			newest = month
		}
	}
	months := make([]Month, n)
	for i := range months {
		m := Month{Month: firstDay(until).AddDate(0, i-n+1, 0)}
		if at := slices.IndexFunc(done, func(run asof.Materialization) bool { return brought(run, m.Month, oldest) }); at >= 0 {
			m.Came = done[at].Finished
		}
		m.judge(calendar, now, oldest, newest)
		months[i] = m
	}
	return months
}

// brought reports whether the run brought the rows of a month.
func brought(run asof.Materialization, month, oldest time.Time) bool {
	next := month.AddDate(0, 1, 0)
	if run.Newest.Before(month) || month.Before(oldest) {
		return false
	}
	return run.Newest.Before(next) || run.Span.From.Before(next) // an open beginning is zero
}

// judge says how the month came. What is before the oldest month of the view
// was never expected.
func (m *Month) judge(calendar *asof.Freshness, now, oldest, newest time.Time) {
	if calendar == nil {
		if !m.Came.IsZero() {
			m.Arrival = Came
		}
		return
	}
	due := calendar.At(now, m.Month.AddDate(0, 0, -1)) // as one whose newest rows are of the month before
	m.Due = due.Late
	switch {
	case !m.Came.IsZero() && m.Came.Before(m.Due):
		m.Arrival = InTime
	case !m.Came.IsZero():
		m.Arrival = WasLate
	case oldest.IsZero() || m.Month.Before(oldest):
	case m.Month.Before(newest):
		m.Arrival = Missing
	default:
		m.Arrival = map[asof.Punctuality]Arrival{asof.Fresh: Awaited, asof.Late: Missing, asof.Stale: TooOld}[due.State]
	}
}

func firstDay(t time.Time) time.Time {
	year, month, _ := t.UTC().Date()
	return time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
}
