// Package schedule says when runs are due: at times of a calendar, after
// intervals, or when the files of a folder are complete. What it computes are
// functions of the time that they are given; [Loop] puts them to the clock and
// to a store of runs.
//
// A calendar's time is the wall clock's of a zone. Where the clock is put
// forward, a time that does not exist is as long after midnight as on other
// days: 02:30 is 03:30. Where it is put back, a time that exists twice counts
// the first time; if the hour is *, every hour that passes counts.
package schedule

import (
	"strings"
	"time"

	"github.com/asof-dev/asof"
)

// Timetable is a sequence of instants, which never changes.
type Timetable interface {
	// Next returns the first instant after t, zero where there is none.
	Next(t time.Time) time.Time
}

// Every returns the timetable of each interval since start, in whole seconds.
func Every(interval time.Duration, start time.Time) (Timetable, error) {
	if interval < time.Second || interval%time.Second != 0 {
		return nil, asof.Errorf(asof.CodeInvalid, "every has to be whole seconds, one or more, and not %s", interval)
	}
	return every{int64(interval / time.Second), start.Unix()}, nil
}

// every is a timetable of seconds.
type every struct{ interval, start int64 }

// Next is that of Timetable.
func (e every) Next(t time.Time) time.Time {
	next := e.start
	if passed := t.Unix() - e.start; passed >= 0 {
		next += (passed/e.interval + 1) * e.interval
	}
	return time.Unix(next, 0).In(t.Location())
}

// CatchUp says what becomes of times at which nobody was there to run.
type CatchUp string

// What is done about missed times: nothing, one run for the newest, or one run
// for each.
const (
	CatchUpNone CatchUp = "none"
	CatchUpLast CatchUp = "last"
	CatchUpAll  CatchUp = "all"
)

// CatchUps are the words for it.
var CatchUps = []string{string(CatchUpNone), string(CatchUpLast), string(CatchUpAll)}

// ParseCatchUp reads one of the words.
func ParseCatchUp(word string) (CatchUp, error) {
	switch c := CatchUp(word); c {
	case CatchUpNone, CatchUpLast, CatchUpAll:
		return c, nil
	}
	return "", asof.Errorf(asof.CodeInvalid, "catch_up is %q; it has to be %s", word, strings.Join(CatchUps, ", "))
}

// Grace is how late a time may be and is not missed yet: there is a run for it,
// however is caught up.
const Grace = time.Minute

// Due returns the instants of a timetable in (after, now] for which there is to
// be a run, in their order, and how far they go: what is asked for next is after
// that. There are at most limit of them; the others come with the next call.
func Due(t Timetable, after, now time.Time, c CatchUp, limit int) (due []time.Time, until time.Time) {
	if !now.After(after) { // a clock that was put back repeats nothing
		return nil, after
	}
	if onTime := now.Add(-Grace); onTime.After(after) {
		first := t.Next(onTime)
		switch {
		case c == CatchUpNone, c == CatchUpLast && !first.IsZero() && !first.After(now):
			after = onTime
		case c == CatchUpLast:
			after = newest(t, after, onTime)
		}
	}
	for at := t.Next(after); !at.IsZero() && !at.After(now); at = t.Next(at) {
		if len(due) == limit {
			return due, due[limit-1]
		}
		due = append(due, at)
	}
	return due, now
}

// newest returns an instant in [after, now), behind which the timetable has at
// most one instant that is not after now.
func newest(t Timetable, after, now time.Time) time.Time {
	from := after
	for back := time.Minute; back < now.Sub(after); back *= 2 { // the last of many is found near the end
		if at := t.Next(now.Add(-back)); !at.IsZero() && !at.After(now) {
			from = now.Add(-back)
			break
		}
	}
	for at := t.Next(from); !at.IsZero(); {
		next := t.Next(at)
		if next.IsZero() || next.After(now) {
			return from
		}
		from, at = at, next
	}
	return from
}
