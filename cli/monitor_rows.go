package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/monitor"
	"github.com/asof-dev/asof/report"
)

// fewAnswers is below how many answers a verdict on them is worth a note.
const fewAnswers = 100

// noteFew says of which views there are few answers: a few keys decide then.
func (a *app) noteFew(current asof.DriftSide, views []monitor.View) {
	if current.Source != asof.StatisticsLog {
		return
	}
	var few []string
	for _, v := range views {
		var rows int64
		for _, f := range v.Features {
			rows = max(rows, f.Current.Rows)
		}
		if rows > 0 && rows < fewAnswers {
			few = append(few, v.View+": "+count(rows, "answer", "answers"))
		}
	}
	if len(few) > 0 {
		a.note("few answers are compared, and each key weighs by its requests (%s)", strings.Join(few, ", "))
	}
}

// nothingCompared is an error where no feature has rows on both sides: a gate
// with a wrong date must not pass.
func (r *repository) nothingCompared(ctx context.Context, views []monitor.View, reference, current asof.DriftSide) error {
	var before, now bool
	for _, v := range views {
		for _, f := range v.Features {
			if f.Verdict != asof.VerdictUnknown {
				return nil
			}
			before, now = before || f.Reference.Rows > 0, now || f.Current.Rows > 0
		}
	}
	then, these := "--reference, "+report.SideName(reference)+",", "--current, "+report.SideName(current)+","
	empty := then + " and " + these + " have no rows"
	switch {
	case before && now:
		empty = "no view has rows both in " + then + " and in " + strings.TrimSuffix(these, ",")
	case before:
		empty = these + " has no rows"
	case now:
		empty = then + " has no rows"
	}
	return asof.Errorf(asof.CodeNotFound, "nothing was compared: %s; %s", empty, r.whatIsThere(ctx, views))
}

// whatIsThere says of what time the sources of views have rows, as far as it can
// be found.
func (r *repository) whatIsThere(ctx context.Context, views []monitor.View) string {
	var oldest, newest time.Time
	snapshot, err := r.snapshot(ctx)
	for i := 0; err == nil && i < len(views); i++ {
		var there asof.SourceRange
		if there, err = r.sourceRange(ctx, snapshot, views[i].View); err != nil || there.Rows == 0 {
			continue
		}
		if oldest.IsZero() || there.Oldest.Before(oldest) {
			oldest = there.Oldest
		}
		if there.Newest.After(newest) {
			newest = there.Newest
		}
	}
	if err != nil || oldest.IsZero() {
		return fmt.Sprintf("`%s monitor list` says what statistics there are", r.app.name)
	}
	return fmt.Sprintf("the sources of these views have rows from %s to %s", oldest.UTC().Format(time.DateOnly), newest.UTC().Format(time.DateOnly))
}

func (r *repository) sourceRange(ctx context.Context, snapshot *asof.Snapshot, name string) (asof.SourceRange, error) {
	view, err := snapshot.View(name)
	if err != nil {
		return asof.SourceRange{}, err
	}
	q, err := view.Query()
	if err != nil {
		return asof.SourceRange{}, err
	}
	offline, err := r.Offline(ctx)
	if err != nil {
		return asof.SourceRange{}, err
	}
	return offline.Range(ctx, q.Source)
}
