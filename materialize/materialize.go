// Package materialize copies the newest feature values from the offline store
// to the online store, and remembers in the ledger what it copied.
//
// A run works on windows of event time, both ends included. An incremental
// window starts at the view's watermark: the end of the gap-free prefix of what
// finished runs covered. Killed at any point and run again, a run leaves the
// same state: rows are written newest-wins, and the ledger is told last. A run
// records no part of itself: the newest row of each key comes from one query
// over the whole window, so a part that is done saves the next run nothing.
package materialize

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/ondemand"
)

// Materializer materializes the views of one project.
type Materializer struct {
	Project  string
	Registry asof.Registry
	Offline  asof.OfflineStore
	Online   asof.OnlineStore
	Ledger   asof.Ledger
	Programs *ondemand.Programs // of on-demand views that are stored; nil: their functions run without Python

	Parallel int           // views at once; 0 is 4
	Overlap  time.Duration // how far before its watermark an incremental window starts
	// FeastIntervals says that the online store holds what Feast itself
	// materialized, because it shares Feast's layout: then Feast's intervals
	// are the first watermark of a view that the ledger does not know. Without
	// it such a view starts at its oldest row, and says so.
	FeastIntervals bool
	NoWait         bool             // a view that another run materializes fails with CodeConflict; otherwise it is waited for
	DryRun         bool             // find out what a run would read, and write nothing
	Progress       asof.Progress    // may be nil
	Now            func() time.Time // nil is time.Now
}

// Result is what one run did for one view.
type Result struct {
	View     string
	Span     asof.Interval // From zero: from the oldest row
	Read     int64         // newest rows of keys that the source had in the span
	Written  int64         // keys that hold a row of this run
	Late     int64         // of those, keys written again because a row from before the span came late
	Restored int64         // keys that were dropped by a correction and hold the newest row left of them
	Removed  int64         // keys that were dropped by a correction and hold nothing now
	Newest   time.Time     // newest event that was read; zero where none was
	Took     time.Duration
	Notes    []string // what the user should know: an empty window, a clamped end
	Err      error    // why the view failed
}

// Materialize copies the span from start to end. Without names it takes every
// view that is online. The error says which views failed; the others are done.
func (m *Materializer) Materialize(ctx context.Context, start, end time.Time, names []string) ([]Result, error) {
	if start.After(end) {
		return nil, asof.Errorf(asof.CodeInvalid, "the start %s is after the end %s", stamp(start), stamp(end))
	}
	views, err := m.views(ctx, names)
	if err != nil {
		return nil, err
	}
	end, note := m.clamp(end)
	if start.After(end) {
		return nil, asof.Errorf(asof.CodeInvalid, "the start %s is in the future", stamp(start))
	}
	return m.each(ctx, views, func(ctx context.Context, v *asof.FeatureView, r *Result) error {
		r.note(note)
		r.Span = asof.Interval{From: start, To: end}
		return m.recorded(ctx, v, r, "materialize", func(m *Materializer, q asof.ViewQuery) error { return m.pullAsked(ctx, v, q, r) })
	})
}

// Incremental copies what came since the last run, up to end.
func (m *Materializer) Incremental(ctx context.Context, end time.Time, names []string) ([]Result, error) {
	views, err := m.views(ctx, names)
	if err != nil {
		return nil, err
	}
	end, note := m.clamp(end)
	return m.each(ctx, views, func(ctx context.Context, v *asof.FeatureView, r *Result) error {
		r.note(note)
		entries, err := m.entries(ctx, v)
		if err != nil {
			return err
		}
		from := m.start(v, asof.Covered(entries), r)
		r.Span = asof.Interval{From: from, To: end}
		if from.After(end) {
			r.note("it is materialized up to " + stamp(from) + " already")
			return nil
		}
		return m.recorded(ctx, v, r, "incremental", func(m *Materializer, q asof.ViewQuery) error {
			if err := m.pullAsked(ctx, v, q, r); err != nil {
				return err
			}
			return m.pullLate(ctx, v, q, lateSince(entries), r)
		})
	})
}

// entries lists the ledger's entries of a view, newest first.
func (m *Materializer) entries(ctx context.Context, v *asof.FeatureView) ([]asof.Materialization, error) {
	return m.Ledger.Materializations(ctx, asof.MaterializationQuery{Project: m.Project, Views: []string{v.Name}})
}

// clamp holds an end in the future down to now: rows that come later would lie
// before the watermark.
func (m *Materializer) clamp(end time.Time) (time.Time, string) {
	end = end.UTC().Truncate(time.Microsecond)
	if now := m.now(); end.After(now) {
		return now, "the end " + stamp(end) + " is in the future: now, " + stamp(now) + ", was taken"
	}
	return end, ""
}

func (m *Materializer) now() time.Time {
	now := time.Now
	if m.Now != nil {
		now = m.Now
	}
	return now().UTC().Truncate(time.Microsecond)
}

// each runs do for the views side by side.
func (m *Materializer) each(ctx context.Context, views []*asof.FeatureView, do func(context.Context, *asof.FeatureView, *Result) error) ([]Result, error) {
	results := make([]Result, len(views))
	var group errgroup.Group
	group.SetLimit(m.parallel())
	for i, v := range views {
		results[i].View = v.Name
		group.Go(func() error {
			started := m.now()
			results[i].Err = m.alone(ctx, v, &results[i], do)
			results[i].Took = m.now().Sub(started)
			return nil
		})
	}
	group.Wait() // the errors are in the results
	return results, failure(results)
}

// alone runs do while no other run materializes the view, in this process or
// another: the window of the second begins where the first one ends.
func (m *Materializer) alone(ctx context.Context, v *asof.FeatureView, r *Result, do func(context.Context, *asof.FeatureView, *Result) error) error {
	if m.DryRun {
		return do(ctx, v, r)
	}
	unlock, err := m.Ledger.Lock(ctx, m.Project, v.Name, false)
	if asof.ErrorCode(err) == asof.CodeConflict && !m.NoWait {
		m.Progress.Report("wait for another run of "+v.Name, 0, 0)
		unlock, err = m.Ledger.Lock(ctx, m.Project, v.Name, true)
		r.note("it waited for another run to end")
	}
	if err != nil {
		return err
	}
	defer unlock()
	return do(ctx, v, r)
}

func (m *Materializer) parallel() int {
	if m.Parallel > 0 {
		return m.Parallel
	}
	return 4
}

// failure is one error for all views that failed.
func failure(results []Result) error {
	var failed []Result
	for _, r := range results {
		if r.Err != nil {
			failed = append(failed, r)
		}
	}
	switch len(failed) {
	case 0:
		return nil
	case 1:
		return &asof.Error{Code: asof.ErrorCode(failed[0].Err), Cause: failed[0].Err,
			Message: fmt.Sprintf("feature view %q was not materialized: %s", failed[0].View, reason(failed[0]))}
	}
	errs, lines := make([]error, len(failed)), make([]string, len(failed))
	for i, r := range failed {
		errs[i] = r.Err
		lines[i] = fmt.Sprintf("  %s: %s", r.View, reason(r))
	}
	return &asof.Error{Code: asof.ErrorCode(errs[0]), Cause: errors.Join(errs...),
		Message: fmt.Sprintf("%d of %d feature views were not materialized:\n%s", len(failed), len(results), strings.Join(lines, "\n"))}
}

// reason is why a view failed, without its name where the error begins with it.
func reason(r Result) string {
	return strings.TrimPrefix(r.Err.Error(), fmt.Sprintf("feature view %q: ", r.View))
}

func (r *Result) note(text string) {
	if text != "" {
		r.Notes = append(r.Notes, text)
	}
}

// stamp is how times are told to people.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.999999Z07:00") }
