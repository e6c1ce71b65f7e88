package chart

import (
	"time"
)

// inSeconds is an instant as a place on an axis: seconds since 1970.
func inSeconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

// timeMarks returns ticks of an axis in seconds.
func timeMarks(x axis, first, last time.Time, most int) (marks []mark) {
	ticks, form := timeTicks(first, last, max(most, 1))
	for _, t := range ticks {
		marks = append(marks, mark{x.at(inSeconds(t)), t.Format(form)})
	}
	return marks
}

const day = 24 * time.Hour

// distances are what ticks of an axis of time may be apart, below a month.
var distances = []time.Duration{time.Second, 5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute,
	time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, day, 2 * day, 7 * day}

// timeTicks returns instants from the first to the last, at most so many, at
// round hours, days, months or years in UTC, and the form they are written in.
func timeTicks(first, last time.Time, most int) ([]time.Time, string) {
	first, last = first.UTC(), last.UTC()
	for _, d := range distances {
		if last.Sub(first)/d > time.Duration(most) {
			continue
		}
		var ticks []time.Time
		for t := first.Add(d - 1).Truncate(d); !t.After(last); t = t.Add(d) {
			ticks = append(ticks, t)
		}
		if len(ticks) <= most {
			return ticks, formOf(first, last, d)
		}
	}
	for months := 1; ; months = further(months) {
		if ticks := monthTicks(first, last, months, most); ticks != nil {
			if months >= 12 {
				return ticks, "2006"
			}
			return ticks, "2006-01"
		}
	}
}

func formOf(first, last time.Time, d time.Duration) string {
	switch sameDay := first.Format(time.DateOnly) == last.Format(time.DateOnly); {
	case d >= day:
		return time.DateOnly
	case d < time.Minute:
		return time.TimeOnly
	case sameDay:
		return "15:04"
	}
	return "01-02 15:04"
}

// further returns the next distance in months: 1, 3, 6, 12, then years.
func further(months int) int {
	if months == 1 {
		return 3
	}
	return 2 * months
}

// monthTicks returns the first days of months, or nil where they are too many.
// Months count from the year 0, so that ticks stay where they are as time goes on.
func monthTicks(first, last time.Time, months, most int) []time.Time {
	number := first.Year()*12 + int(first.Month()) - 1
	ticks := []time.Time{}
	for number -= number % months; ; number += months {
		t := time.Date(number/12, time.Month(number%12+1), 1, 0, 0, 0, 0, time.UTC)
		switch {
		case t.After(last):
			return ticks
		case t.Before(first):
		case len(ticks) == most:
			return nil
		default:
			ticks = append(ticks, t)
		}
	}
}

// monthly reports whether each instant is of a month of its own: then they are
// written as months, whichever day of it they are.
func monthly(times []time.Time) bool {
	const shortest = 27 * day
	for i := 1; i < len(times); i++ {
		if times[i].Sub(times[i-1]) < shortest {
			return false
		}
	}
	return true
}
