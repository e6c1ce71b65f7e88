package pipeline

import (
	"context"
	"strings"
	"time"

	"github.com/asof-dev/asof"
)

// Backfill is a range of days for which a pipeline is to be run, each run as if
// it had been made when its day had ended.
type Backfill struct {
	From, To time.Time // days, both included
	By       string    // one of BackfillSteps
}

// BackfillSteps are the days of a range that have a run: each, or the last of
// each month.
var BackfillSteps = []string{"day", "month"}

// MostBackfill is the greatest number of runs that one range has.
const MostBackfill = 1000

// NewBackfill reads a range: from and to are days (2024-01-31) or months
// (2024-01), by is one of BackfillSteps. A range ends before now.
func NewBackfill(from, to, by string, now time.Time) (Backfill, error) {
	first, _, err := dayOrMonth("from", from)
	if err != nil {
		return Backfill{}, err
	}
	_, last, err := dayOrMonth("to", to)
	if err != nil {
		return Backfill{}, err
	}
	switch {
	case by != "day" && by != "month":
		return Backfill{}, asof.Errorf(asof.CodeInvalid, "a range is gone through by %s, and not by %q", strings.Join(BackfillSteps, " or "), by)
	case last.Before(first):
		return Backfill{}, asof.Errorf(asof.CodeInvalid, "the range from %s to %s ends before it begins", from, to)
	case !last.Before(now):
		return Backfill{}, asof.Errorf(asof.CodeInvalid, "the range ends on %s, which has not come yet", last.Format(time.DateOnly))
	}
	b := Backfill{From: first, To: last, By: by}
	switch n := len(b.days(MostBackfill + 1)); {
	case n > MostBackfill:
		return b, asof.Errorf(asof.CodeInvalid, "the range from %s to %s is more than %d runs; take a shorter one", from, to, MostBackfill)
	case n == 0:
		return b, asof.Errorf(asof.CodeInvalid, "no month ends in the range from %s to %s; go through it by day, or take a longer one", from, to)
	}
	return b, nil
}

// dayOrMonth reads a day, or a month as its first and its last.
func dayOrMonth(what, text string) (first, last time.Time, err error) {
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day, day, nil
	}
	month, err := time.Parse("2006-01", text)
	if err != nil {
		return month, month, asof.Errorf(asof.CodeInvalid, "%s has to be a day like 2024-01-31 or a month like 2024-01, and not %q", what, text)
	}
	return month, month.AddDate(0, 1, -1), nil
}

// days returns the days that have a run, limit at most.
func (b Backfill) days(limit int) (days []time.Time) {
	for day := b.From; !day.After(b.To) && len(days) < limit; day = day.AddDate(0, 0, 1) {
		if b.By == "month" {
			day = time.Date(day.Year(), day.Month()+1, 0, 0, 0, 0, 0, time.UTC)
		}
		if !day.After(b.To) {
			days = append(days, day)
		}
	}
	return days
}

// Values are those of the runs, oldest first: as_of is each day of the range,
// and the defaults of the other parameters are as they are on the next.
func (b Backfill) Values(p *Pipeline, given map[string]string) ([]Values, error) {
	if _, ok := given[AsOfParam]; ok {
		return nil, asof.Errorf(asof.CodeInvalid, "as_of is each day of the range: leave it out")
	}
	zone := p.Zone
	if zone == nil {
		zone = time.UTC
	}
	var all []Values
	for _, day := range b.days(MostBackfill) {
		own := map[string]string{AsOfParam: day.Format(time.DateOnly)}
		for name, value := range given {
			own[name] = value
		}
		values, err := p.Values(own, time.Date(day.Year(), day.Month(), day.Day()+1, 12, 0, 0, 0, zone))
		if err != nil {
			return nil, err
		}
		all = append(all, values)
	}
	return all, nil
}

// Submit enters the runs of the range, oldest first, and returns them. Those that
// are completed stay as they are; others that have ended go on where they were.
func (b Backfill) Submit(ctx context.Context, store asof.RunQueue, p *Pipeline, project string, given map[string]string) ([]asof.Run, error) {
	all, err := b.Values(p, given)
	if err != nil {
		return nil, err
	}
	runs := make([]asof.Run, len(all))
	for i, values := range all {
		run := p.NewRun(project, values)
		run.Cause = "backfill"
		if runs[i], _, err = store.Submit(ctx, run, asof.AgainUnlessDone); err != nil {
			return nil, err
		}
	}
	return runs, nil
}
