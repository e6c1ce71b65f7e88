package asof

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Freshness is a calendar by which the data of a view comes. The rows of a
// month, in UTC, are due by the end of DueDay of the next one. Until GraceDays
// later they are late; after that what is there is stale.
type Freshness struct {
	DueDay    int // 1 to 31; a day that a month lacks is its last
	GraceDays int
}

// Calendars say which views have a calendar: those in Views, where nil is none,
// and with Default all others. The zero value has none.
type Calendars struct {
	Default *Freshness
	Views   map[string]*Freshness
}

// Of returns the calendar of a view, nil for none.
func (c Calendars) Of(view string) *Freshness {
	if f, ok := c.Views[view]; ok {
		return f
	}
	return c.Default
}

// Any reports whether any view has a calendar.
func (c Calendars) Any() bool {
	for _, f := range c.Views {
		if f != nil {
			return true
		}
	}
	return c.Default != nil
}

// Punctuality is how a view stands to its calendar.
type Punctuality string

// How views stand.
const (
	Fresh Punctuality = "fresh" // the months that are due are there
	Late  Punctuality = "late"  // one is not, and within its grace
	Stale Punctuality = "stale" // one is not, and its grace is over; or there never was one
)

// Due is what a calendar says of a view.
type Due struct {
	State Punctuality
	Month time.Time // the first day of the month that comes next; zero where there never was one
	Late  time.Time // from when that is late
	Stale time.Time // from when what is there is stale
}

// At returns how a view whose newest row is of a time stands now. newest zero
// is a view that has none.
func (f Freshness) At(now, newest time.Time) Due {
	if newest.IsZero() {
		return Due{State: Stale}
	}
	year, month, _ := newest.UTC().Date()
	d := Due{State: Fresh, Month: time.Date(year, month+1, 1, 0, 0, 0, 0, time.UTC)}
	last := time.Date(year, month+3, 0, 0, 0, 0, 0, time.UTC) // of the month in which it is due
	d.Late = time.Date(year, month+2, min(f.DueDay, last.Day())+1, 0, 0, 0, 0, time.UTC)
	d.Stale = d.Late.AddDate(0, 0, f.GraceDays)
	switch {
	case !now.Before(d.Stale):
		d.State = Stale
	case !now.Before(d.Late):
		d.State = Late
	}
	return d
}

// String returns the calendar as ParseFreshness reads it.
func (f Freshness) String() string {
	text := fmt.Sprintf("monthly, due day %d", f.DueDay)
	if f.GraceDays > 0 {
		text += fmt.Sprintf(", grace %d days", f.GraceDays)
	}
	return text
}

var freshnessForm = regexp.MustCompile(`^monthly\s*,\s*due\s+day\s+(\d{1,2})(?:\s*,\s*grace\s+(\d{1,3})\s+days?)?$`)

// ParseFreshness reads "monthly, due day 5, grace 10 days". The grace may be
// left out.
func ParseFreshness(text string) (Freshness, error) {
	m := freshnessForm.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return Freshness{}, Errorf(CodeInvalid, "%q is no calendar: write one like `monthly, due day 5, grace 10 days`", text)
	}
	var f Freshness
	f.DueDay, _ = strconv.Atoi(m[1]) // digits
	f.GraceDays, _ = strconv.Atoi(m[2])
	if f.DueDay < 1 || f.DueDay > 31 {
		return Freshness{}, Errorf(CodeInvalid, "the day %d of %q is no day of a month: write 1 to 31", f.DueDay, text)
	}
	return f, nil
}
