package check

import (
	"testing"
	"time"

	"github.com/asof-dev/asof"
)

// A month is late from the day after its due day on, and the rule agrees with
// the calendar about when its grace is over.
func TestDaysLate(t *testing.T) {
	calendar := asof.Freshness{DueDay: 5, GraceDays: 10}
	asOf := time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)
	january := asOf.AddDate(0, 0, -29)
	for now, want := range map[string]int{
		"2024-02-10T00:00:00Z": 0, "2024-03-05T23:59:59Z": 0, "2024-03-06T00:00:00Z": 1, "2024-03-15T23:59:59Z": 10,
		"2024-03-16T00:00:00Z": 11, "2024-03-06T00:30:00+01:00": 0, "2025-03-06T00:00:00Z": 366,
	} {
		at, err := time.Parse(time.RFC3339, now)
		if err != nil {
			t.Fatal(err)
		}
		got := daysLate(calendar, asOf, at)
		if got != want {
			t.Errorf("at %s: %d days late, want %d", now, got, want)
		}
		if stale := calendar.At(at, january).State == asof.Stale; stale != (got > calendar.GraceDays) {
			t.Errorf("at %s: %d days late, and the calendar says stale %t", now, got, stale)
		}
	}
}
