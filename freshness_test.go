package asof_test

import (
	"testing"
	"time"

	"github.com/asof-dev/asof"
)

func TestFreshnessGoesByTheCalendar(t *testing.T) {
	at := func(text string) time.Time {
		t.Helper()
		if text == "" {
			return time.Time{}
		}
		moment, err := time.Parse("2006-01-02T15:04", text)
		if err != nil {
			t.Fatal(err)
		}
		return moment
	}
	for _, c := range []struct {
		calendar, now, newest string
		state                 asof.Punctuality
		month, late, stale    string
	}{
		{"monthly, due day 5, grace 10 days", "2024-02-29T12:00", "2024-01-31T00:00", asof.Fresh, "2024-02", "2024-03-06", "2024-03-16"},
		{"monthly, due day 5, grace 10 days", "2024-03-05T23:59", "2024-01-31T00:00", asof.Fresh, "2024-02", "2024-03-06", "2024-03-16"},
		{"monthly, due day 5, grace 10 days", "2024-03-06T00:00", "2024-01-31T00:00", asof.Late, "2024-02", "2024-03-06", "2024-03-16"},
		{"monthly, due day 5, grace 10 days", "2024-03-15T23:59", "2024-01-31T00:00", asof.Late, "2024-02", "2024-03-06", "2024-03-16"},
		{"monthly, due day 5, grace 10 days", "2024-03-16T00:00", "2024-01-31T00:00", asof.Stale, "2024-02", "2024-03-06", "2024-03-16"},
		{"monthly, due day 5, grace 10 days", "2026-01-01T00:00", "2024-01-31T00:00", asof.Stale, "2024-02", "2024-03-06", "2024-03-16"},
		{"monthly, due day 5, grace 10 days", "2024-03-16T00:00", "", asof.Stale, "", "", ""},
		{" monthly,due day 31 ", "2024-02-29T23:59", "2023-12-31T23:59", asof.Fresh, "2024-01", "2024-03-01", "2024-03-01"}, // February has 29 days
		{"monthly, due day 31", "2024-03-01T00:00", "2023-12-31T23:59", asof.Stale, "2024-01", "2024-03-01", "2024-03-01"},
		{"monthly, due day 30, grace 1 day", "2024-12-31T00:00", "2024-10-01T00:00", asof.Late, "2024-11", "2024-12-31", "2025-01-01"},
	} {
		f, err := asof.ParseFreshness(c.calendar)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := asof.ParseFreshness(f.String()); err != nil || again != f {
			t.Errorf("%s is written as %s, and read as %v, %v", c.calendar, f, again, err)
		}
		d := f.At(at(c.now), at(c.newest))
		day := func(moment time.Time, form string) string {
			if moment.IsZero() {
				return ""
			}
			return moment.Format(form)
		}
		if d.State != c.state || day(d.Month, "2006-01") != c.month || day(d.Late, time.DateOnly) != c.late || day(d.Stale, time.DateOnly) != c.stale {
			t.Errorf("%s, at %s after %s: %+v", c.calendar, c.now, c.newest, d)
		}
	}
	for _, text := range []string{"", "monthly", "weekly, due day 5", "monthly, due day 0", "monthly, due day 32", "monthly, due day 5, grace", "monthly, due day five"} {
		if f, err := asof.ParseFreshness(text); asof.ErrorCode(err) != asof.CodeInvalid {
			t.Errorf("%q is read as %v, %v", text, f, err)
		}
	}
}

func TestCalendarsOfViews(t *testing.T) {
	monthly, early := &asof.Freshness{DueDay: 5}, &asof.Freshness{DueDay: 1}
	c := asof.Calendars{Default: monthly, Views: map[string]*asof.Freshness{"early": early, "never": nil}}
	if c.Of("any") != monthly || c.Of("early") != early || c.Of("never") != nil || !c.Any() {
		t.Errorf("calendars: %v %v %v", c.Of("any"), c.Of("early"), c.Of("never"))
	}
	if (asof.Calendars{Views: map[string]*asof.Freshness{"never": nil}}).Any() {
		t.Error("there is a calendar where no view has one")
	}
}
