package monitor

import (
	"time"

	"github.com/asof-dev/asof"
)

// Span is a span of event time, both ends included.
type Span struct{ From, To time.Time }

// period is a span whose statistics are kept.
type period struct {
	Span
	Granularity asof.Granularity
}

// next returns the begin of the period that follows the one from begin.
func next(g asof.Granularity, begin time.Time, n int) time.Time {
	switch g {
	case asof.Daily:
		return begin.AddDate(0, 0, n)
	case asof.Weekly:
		return begin.AddDate(0, 0, 7*n)
	case asof.Biweekly:
		return begin.AddDate(0, 0, 14*n)
	case asof.Quarterly:
		n *= 3
	}
	first := time.Date(begin.Year(), begin.Month()+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	lastDay := first.AddDate(0, 1, -1).Day() // a month after January 31 begins on the last day of February
	return first.AddDate(0, 0, min(begin.Day(), lastDay)-1)
}

// calendar returns the begin of the period of the calendar that holds a time, in
// UTC: the day; the week from Monday on; two such weeks, counted from 1970 on;
// the month; the quarter.
func calendar(g asof.Granularity, at time.Time) time.Time {
	year, month, day := at.UTC().Date()
	midnight := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	monday := midnight.AddDate(0, 0, -(int(midnight.Weekday())+6)%7)
	switch g {
	case asof.Daily:
		return midnight
	case asof.Weekly:
		return monday
	case asof.Biweekly:
		weeks := int(monday.Sub(time.Date(1970, 1, 5, 0, 0, 0, 0, time.UTC)).Hours()) / 24 / 7
		return monday.AddDate(0, 0, -7*((weeks%2+2)%2))
	case asof.Monthly:
		return time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
	}
	return time.Date(year, (month-1)/3*3+1, 1, 0, 0, 0, 0, time.UTC)
}

// mostPeriods is of how many spans of a view statistics are computed at once.
const mostPeriods = 1000

// divided returns the periods of a span, counted from its begin; the last one
// ends with it.
func divided(g asof.Granularity, span Span) ([]period, error) {
	var list []period
	for i := 0; ; i++ {
		from, to := next(g, span.From, i), next(g, span.From, i+1).Add(-time.Microsecond)
		if from.After(span.To) {
			return list, nil
		}
		if i == mostPeriods {
			return nil, asof.Errorf(asof.CodeInvalid, "from %s to %s there are more than %d spans of granularity %s: choose a longer granularity, or a shorter time by --start-date and --end-date",
				span.From.Format(time.DateOnly), span.To.Format(time.DateOnly), mostPeriods, g)
		}
		if to.After(span.To) {
			to = span.To
		}
		list = append(list, period{Span{from, to}, g})
	}
}

// holding returns the period of the calendar that holds a time.
func holding(g asof.Granularity, at time.Time) period {
	from := calendar(g, at)
	return period{Span{from, next(g, from, 1).Add(-time.Microsecond)}, g}
}

// lengthOf returns the shortest granularity that is as long as the span, "" where
// there is none.
func lengthOf(span Span) asof.Granularity {
	for _, g := range asof.Granularities {
		days := map[asof.Granularity]int{asof.Daily: 1, asof.Weekly: 7, asof.Biweekly: 14, asof.Monthly: 31, asof.Quarterly: 92}[g]
		if span.From.AddDate(0, 0, days).After(span.To) {
			return g
		}
	}
	return ""
}
