package check

import (
	"time"

	"github.com/asof-dev/asof"
)

// calendar returns that of a rule which Unfit has found fit.
func (r Rule) calendar() asof.Freshness {
	f, _ := asof.ParseFreshness(r.Value)
	return f
}

// daysLate counts the days, begun ones too, since the month of asOf was due.
func daysLate(f asof.Freshness, asOf, now time.Time) int {
	before := time.Date(asOf.Year(), asOf.Month(), 0, 0, 0, 0, 0, time.UTC) // the month that was the newest
	due := f.At(now, before).Late
	if now.Before(due) {
		return 0
	}
	return int(now.Sub(due)/(24*time.Hour)) + 1
}
