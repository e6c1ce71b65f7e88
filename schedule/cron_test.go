package schedule

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestCron lists the first instants of timetables, by the clock of their zone
// with its offset.
func TestCron(t *testing.T) {
	for _, c := range []struct {
		cron, zone, after string
		want              []string
	}{
		{"30 6 1 * *", "UTC", "2024-01-01T06:30:00Z", []string{"2024-02-01T06:30:00Z", "2024-03-01T06:30:00Z"}},
		{"@monthly", "UTC", "2024-01-31T10:00:30Z", []string{"2024-02-01T00:00:00Z"}},
		{"0 6 L * *", "UTC", "2024-01-31T07:00:00Z", []string{"2024-02-29T06:00:00Z", "2024-03-31T06:00:00Z"}},
		{"0 0 29 2 *", "UTC", "2096-02-29T00:00:00Z", []string{"2104-02-29T00:00:00Z"}},
		{"0 0 1 * MON", "UTC", "2024-01-01T00:00:00Z", []string{"2024-01-08T00:00:00Z", "2024-01-15T00:00:00Z"}}, // crontab's or
		{"*/20 * * * *", "UTC", "2024-01-31T23:40:00.5Z", []string{"2024-02-01T00:00:00Z", "2024-02-01T00:20:00Z"}},
		{"0 8 5 * *", "Asia/Kathmandu", "2024-01-01T00:00:00Z", []string{"2024-01-05T08:00:00+05:45"}},

		// Berlin: 2024-03-31 has no 02:00 to 02:59, 2024-10-27 has it twice.
		{"30 2 * * *", "Europe/Berlin", "2024-03-30T02:30:00+01:00", []string{"2024-03-31T03:30:00+02:00", "2024-04-01T02:30:00+02:00"}},
		{"0,30 2,3 * * *", "Europe/Berlin", "2024-03-30T22:00:00Z", []string{"2024-03-31T03:00:00+02:00", "2024-03-31T03:30:00+02:00", "2024-04-01T02:00:00+02:00"}},
		{"30 * * * *", "Europe/Berlin", "2024-03-31T00:00:00Z", []string{"2024-03-31T01:30:00+01:00", "2024-03-31T03:30:00+02:00", "2024-03-31T04:30:00+02:00"}},
		{"30 2 * * *", "Europe/Berlin", "2024-10-26T12:00:00Z", []string{"2024-10-27T02:30:00+02:00", "2024-10-28T02:30:00+01:00"}},
		{"30 2 * * *", "Europe/Berlin", "2024-10-27T02:30:00+02:00", []string{"2024-10-28T02:30:00+01:00"}},
		{"30 * * * *", "Europe/Berlin", "2024-10-26T23:00:00Z", []string{"2024-10-27T01:30:00+02:00", "2024-10-27T02:30:00+02:00", "2024-10-27T02:30:00+01:00", "2024-10-27T03:30:00+01:00"}},
		{"@hourly", "Europe/Berlin", "2024-10-26T23:30:00Z", []string{"2024-10-27T02:00:00+02:00", "2024-10-27T02:00:00+01:00", "2024-10-27T03:00:00+01:00"}},
		{"@daily", "Europe/Berlin", "2024-10-26T12:00:00Z", []string{"2024-10-27T00:00:00+02:00", "2024-10-28T00:00:00+01:00"}},
		{"0 3 * * *", "Europe/Berlin", "2024-10-26T12:00:00Z", []string{"2024-10-27T03:00:00+01:00"}}, // the instant at which 02:00 comes again is no 03:00

		{"0 0 * * *", "Africa/Cairo", "2024-04-25T12:00:00Z", []string{"2024-04-26T01:00:00+03:00", "2024-04-27T00:00:00+03:00"}},         // no midnight
		{"15 2 * * *", "Australia/Lord_Howe", "2024-10-05T12:00:00Z", []string{"2024-10-06T02:45:00+11:00", "2024-10-07T02:15:00+11:00"}}, // half an hour
		{"0 12 * * *", "Pacific/Apia", "2011-12-29T12:00:00-10:00", []string{"2011-12-31T12:00:00+14:00", "2012-01-01T12:00:00+14:00"}},   // a day left out: its noon is the next's
		{"0 0 31 12 *", "America/New_York", "2024-01-01T00:00:00Z", []string{"2024-12-31T00:00:00-05:00", "2025-12-31T00:00:00-05:00"}},
	} {
		zone, err := Zone(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		table, err := Cron(c.cron, zone)
		if err != nil {
			t.Fatal(err)
		}
		after, err := time.Parse(time.RFC3339Nano, c.after)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for at := after; len(got) < len(c.want); {
			at = table.Next(at)
			got = append(got, at.In(zone).Format(time.RFC3339Nano))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s in %s after %s:\n got %v\nwant %v", c.cron, c.zone, c.after, got, c.want)
		}
	}
}

// TestCronMistakes: each is one sentence that shows what was written.
func TestCronMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "write five fields",
		"* * * *":                 "write five fields",
		"0 6 1 * * 2026":          "write five fields",
		"@every 5m":               "write five fields",
		"@reboot":                 "write five fields",
		"TZ=Asia/Tokyo 0 0 * * *": "write five fields",
		"0 24 * * *":              "end of range (24) above maximum (23)",
		"0 0 31 2 *":              "a day that never comes",
		"0 x * * *":               `failed to parse int from "x"`,
		"*/0 * * * *":             "step of range must be a positive number",
	} {
		if _, err := Cron(text, time.UTC); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("Cron(%q) = %v, want %q in one line", text, err, want)
		}
	}
	for _, name := range []string{"Local", "Mars/Olympus", "../etc/passwd"} {
		if _, err := Zone(name); err == nil || !strings.Contains(err.Error(), "has to be a place") {
			t.Errorf("Zone(%q) = %v", name, err)
		}
	}
}

// TestCronNext holds Next against a walk over every minute: what it returns is
// on the clock, or was left out by it; nothing between was passed over; and it
// does not depend on where it is asked from.
func TestCronNext(t *testing.T) {
	expressions := []string{"30 2 * * *", "*/7 * * * *", "0 */3 * * *", "15 1-3 * * *", "0 0 L * *", "59 23 * * SUN", "@hourly", "5 2 30,31 3 *"}
	zones := []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "America/St_Johns", "Asia/Kathmandu"}
	rapid.Check(t, func(t *rapid.T) {
		zone, err := Zone(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		table, err := Cron(rapid.SampledFrom(expressions).Draw(t, "cron"), zone)
		if err != nil {
			t.Fatal(err)
		}
		c := table.(calendar)
		// About the changes of 2024 as often as anywhere.
		from := time.Date(2024, rapid.SampledFrom([]time.Month{3, 4, 10, 11, 7}).Draw(t, "month"), rapid.IntRange(1, 31).Draw(t, "day"),
			rapid.IntRange(0, 23).Draw(t, "hour"), rapid.IntRange(0, 59).Draw(t, "minute"), 0, 0, time.UTC)
		next := table.Next(from)
		on := func(at time.Time) bool { // whether a run is due, by the definition
			wall := at.UTC().Add(offset(at.In(zone)))
			fits := func(wall time.Time) bool { return c.walls.Next(wall.Add(-time.Second)).Equal(wall) }
			start, _ := at.In(zone).ZoneBounds()
			before := offset(start.Add(-1))
			skipped := at.UTC().Add(before)
			if since := at.Sub(start); before < offset(at.In(zone)) && since < offset(at.In(zone))-before && fits(skipped) {
				return true
			}
			repeated := before > offset(at.In(zone)) && at.Sub(start) < before-offset(at.In(zone))
			return fits(wall) && (c.hourly || !repeated)
		}
		for at := from.Add(time.Minute); at.Before(next) && at.Sub(from) < 4*24*time.Hour; at = at.Add(time.Minute) {
			if on(at) {
				t.Fatalf("%s is due and Next(%s) is %s", at.In(zone), from.In(zone), next.In(zone))
			}
		}
		if !on(next) {
			t.Fatalf("Next(%s) = %s is not due", from.In(zone), next.In(zone))
		}
		if again := table.Next(next.Add(-time.Nanosecond)); !again.Equal(next) {
			t.Fatalf("Next just before %s = %s", next.In(zone), again.In(zone))
		}
	})
}
