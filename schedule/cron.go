package schedule

import (
	"regexp"
	"strings"
	"time"
	_ "time/tzdata" // zones have their names wherever the program runs

	cron "github.com/netresearch/go-cron"

	"github.com/asof-dev/asof"
)

// The five fields of crontab(5), @daily and its like, and in the fields of days
// L (the last of the month), 15W (the working day nearest to it) and FRI#3.
const fields = cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor | cron.Extended | cron.DowOrDom

// The Gregorian calendar repeats a date on a weekday within so many years.
const searchYears = 40

var cronFields = regexp.MustCompile(`^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|[^\s@=]+(\s+[^\s@=]+){4})$`)

// Cron reads five fields: minute, hour, day of month, month, day of week; or
// @yearly, @monthly, @weekly, @daily, @hourly. Times are those of the zone's
// wall clock.
func Cron(text string, zone *time.Location) (Timetable, error) {
	text = strings.TrimSpace(text)
	if !cronFields.MatchString(text) {
		return nil, asof.Errorf(asof.CodeInvalid, "cron is %q; write five fields: minute, hour, day of month, month, day of week, as in \"30 6 1 * *\"; or @monthly, @weekly, @daily, @hourly", text)
	}
	parsed, err := cron.MustNewParser(fields).WithMaxSearchYears(searchYears).Parse(text)
	if err != nil {
		return nil, asof.Errorf(asof.CodeInvalid, "cron %q can't be read: %w", text, err)
	}
	if parsed.Next(time.Unix(0, 0).UTC()).IsZero() {
		return nil, asof.Errorf(asof.CodeInvalid, "cron %q names a day that never comes", text)
	}
	hour := "*"
	if parts := strings.Fields(text); len(parts) == 5 {
		hour = parts[1]
	}
	return calendar{walls: parsed, zone: zone, hourly: hour == "*" && text[0] != '@' || text == "@hourly"}, nil
}

// Zone finds a time zone by its name: "Europe/Berlin"; "" is UTC.
func Zone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, asof.Errorf(asof.CodeInvalid, "timezone has to be a place like Europe/Berlin, or UTC, and not %q", name)
	}
	return zone, nil
}

// calendar is a timetable by the wall clock of a zone. What the clock shows is
// written as a time in UTC, which has no gaps.
type calendar struct {
	walls  cron.Schedule
	zone   *time.Location
	hourly bool // hours count that the clock shows twice
}

// Next is that of Timetable. It looks at one span of a constant offset after
// another.
func (c calendar) Next(t time.Time) time.Time {
	after := t
	for range 2 * searchYears { // clocks change twice a year
		at := after.In(c.zone)
		if after != t { // the end of a span is the first instant of the next
			at = at.Add(time.Nanosecond)
		}
		start, end := at.ZoneBounds()
		if found := c.within(after, start, end, offset(at)); !found.IsZero() {
			return found.In(t.Location())
		}
		if end.IsZero() {
			break
		}
		after = end.Add(-time.Nanosecond)
	}
	return time.Time{}
}

// within returns the first instant after t of a span of a constant offset, zero
// where there is none.
func (c calendar) within(t, start, end time.Time, now time.Duration) time.Time {
	before := now
	if !start.IsZero() {
		before = offset(start.Add(-time.Nanosecond))
	}
	from := start
	if before > now && !c.hourly { // the times that the clock shows again
		from = start.Add(before - now)
	}
	found := c.first(laterOf(t, from.Add(-time.Nanosecond)), now, end)
	if before < now { // the times that the clock left out
		missed := c.first(laterOf(t, start.Add(-time.Nanosecond)), before, start.Add(now-before))
		if !missed.IsZero() && (found.IsZero() || missed.Before(found)) {
			return missed
		}
	}
	return found
}

// first returns the first instant after t and before end, by a clock of that
// offset; a zero end is none.
func (c calendar) first(t time.Time, clock time.Duration, end time.Time) time.Time {
	wall := c.walls.Next(t.UTC().Add(clock))
	if wall.IsZero() || !end.IsZero() && !wall.Add(-clock).Before(end) {
		return time.Time{}
	}
	return wall.Add(-clock)
}

func offset(t time.Time) time.Duration {
	_, seconds := t.Zone()
	return time.Duration(seconds) * time.Second
}

func laterOf(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
