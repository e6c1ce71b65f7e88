package schedule

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func at(t testing.TB, text string) time.Time {
	t.Helper()
	instant, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return instant
}

func TestEvery(t *testing.T) {
	start := at(t, "2024-03-30T22:00:00Z")
	table, err := Every(6*time.Hour, start)
	if err != nil {
		t.Fatal(err)
	}
	for after, want := range map[string]string{
		"2020-01-01T00:00:00Z":           "2024-03-30T22:00:00Z",
		"2024-03-30T21:59:59.999Z":       "2024-03-30T22:00:00Z",
		"2024-03-30T22:00:00Z":           "2024-03-31T04:00:00Z",
		"2024-03-31T03:59:59.999999999Z": "2024-03-31T04:00:00Z", // a night in which Berlin's clock changes
		"2524-03-30T23:00:00Z":           "2524-03-31T04:00:00Z",
	} {
		if got := table.Next(at(t, after)); !got.Equal(at(t, want)) {
			t.Errorf("after %s: %s, want %s", after, got, want)
		}
	}
	for _, wrong := range []time.Duration{0, -time.Hour, 1500 * time.Millisecond} {
		if _, err := Every(wrong, start); err == nil || !strings.Contains(err.Error(), "whole seconds") {
			t.Errorf("Every(%s) = %v", wrong, err)
		}
	}
}

// TestDue: what each way of catching up makes of a server that was away.
func TestDue(t *testing.T) {
	table, err := Every(time.Hour, time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name       string
		catchUp    CatchUp
		after, now string
		want       []string
		until      string // "" is now
	}{
		{"nothing yet", CatchUpAll, "2024-01-01T00:00:00Z", "2024-01-01T00:59:59Z", nil, ""},
		{"on time", CatchUpNone, "2024-01-01T00:00:00Z", "2024-01-01T01:00:00Z", []string{"01:00"}, ""},
		{"a little late", CatchUpNone, "2024-01-01T00:00:00Z", "2024-01-01T01:00:59Z", []string{"01:00"}, ""},
		{"missed", CatchUpNone, "2024-01-01T00:00:00Z", "2024-01-01T03:30:00Z", nil, ""},
		{"missed, and one on time", CatchUpNone, "2024-01-01T00:00:00Z", "2024-01-01T03:00:00Z", []string{"03:00"}, ""},
		{"the last", CatchUpLast, "2024-01-01T00:00:00Z", "2024-01-01T03:30:00Z", []string{"03:00"}, ""},
		{"some are on time", CatchUpLast, "2023-12-31T20:00:00Z", "2024-01-01T03:00:59Z", []string{"03:00"}, ""},
		{"the last is on time", CatchUpLast, "2024-01-01T00:00:00Z", "2024-01-01T03:00:00Z", []string{"03:00"}, ""},
		{"all", CatchUpAll, "2024-01-01T00:00:00Z", "2024-01-01T03:30:00Z", []string{"01:00", "02:00", "03:00"}, ""},
		{"all, not at once", CatchUpAll, "2023-12-31T12:00:00Z", "2024-01-01T03:30:00Z", []string{"13:00", "14:00", "15:00"}, "2023-12-31T15:00:00Z"},
		{"the clock went back", CatchUpAll, "2024-01-01T05:00:00Z", "2024-01-01T03:30:00Z", nil, ""},
		{"the clock went back, none", CatchUpNone, "2024-01-01T05:00:00Z", "2024-01-01T03:00:00Z", nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			now, after := at(t, c.now), at(t, c.after)
			due, until := Due(table, after, now, c.catchUp, 3)
			var got []string
			for _, d := range due {
				got = append(got, d.UTC().Format("15:04"))
			}
			want := now
			if c.until != "" {
				want = at(t, c.until)
			}
			if want.Before(after) {
				want = after // time that was dealt with is never dealt with again
			}
			if !slices.Equal(got, c.want) || !until.Equal(want) {
				t.Errorf("due %v until %s, want %v until %s", got, until, c.want, want)
			}
		})
	}
}

// TestDueLast finds the newest time without passing over all of them.
func TestDueLast(t *testing.T) {
	asked := 0
	table, err := Every(time.Second, time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	now := at(t, "2024-01-01T00:00:00.5Z")
	late := counting{ending{table, now.Add(-time.Hour)}, &asked}
	due, _ := Due(late, now.AddDate(-10, 0, 0), now, CatchUpLast, 100)
	if len(due) != 1 || !due[0].Equal(at(t, "2023-12-31T23:00:00Z")) || asked > 10_000 {
		t.Errorf("due %v, asked %d times", due, asked)
	}
	rapid.Check(t, func(t *rapid.T) {
		zone, err := Zone("America/New_York")
		if err != nil {
			t.Fatal(err)
		}
		table, err := Cron(rapid.SampledFrom([]string{"*/13 * * * *", "@monthly", "0 6 L * *", "0 0 29 2 *", "30 1 * * SUN"}).Draw(t, "cron"), zone)
		if err != nil {
			t.Fatal(err)
		}
		now := time.Unix(rapid.Int64Range(1.7e9, 1.8e9).Draw(t, "now"), 0)
		after := now.Add(-time.Duration(rapid.Int64Range(0, 40*24*3600).Draw(t, "away")) * time.Second)
		all, _ := Due(table, after, now, CatchUpAll, 1<<20)
		last, _ := Due(table, after, now, CatchUpLast, 1)
		if !slices.Equal(last, all[max(len(all)-1, 0):]) {
			t.Fatalf("the last of %v is %v", all, last)
		}
	})
}

type counting struct {
	Timetable
	asked *int
}

func (c counting) Next(t time.Time) time.Time {
	*c.asked++
	return c.Timetable.Next(t)
}

// ending is a timetable that ends.
type ending struct {
	Timetable
	end time.Time
}

func (e ending) Next(t time.Time) time.Time {
	if next := e.Timetable.Next(t); !next.After(e.end) {
		return next
	}
	return time.Time{}
}
