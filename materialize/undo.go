package materialize

import (
	"context"
	"regexp"
	"slices"
	"time"

	"github.com/asof-dev/asof"
)

// Undo is a publication that was rolled back, as the online store has to know
// it.
type Undo struct {
	Run    string    // that had published
	At     time.Time // when it did
	Tables []string  // those that it had changed, and whatever reads them, by the names that sources use
	Gone   []string  // of those, the ones that are no more
}

// cause is what the ledger says of the rollback.
func (u Undo) cause() string { return "rollback " + u.Run }

// Undo puts the online store back after a rollback. Every view that reads one
// of the tables, and that a run has filled since the publication, holds what
// its source says now: the newest row of each key up to where runs have come,
// older or newer than the row that it replaces, and no row where the source has
// none. Rows from after that, which somebody pushed, stay. Those runs count no
// more, and the next one begins where the runs before them ended.
//
// It may be repeated: a view that is put back already is not in the results.
func (m *Materializer) Undo(ctx context.Context, u Undo) ([]Result, error) {
	all, err := m.views(ctx, nil)
	if err != nil {
		return nil, err
	}
	var views []*asof.FeatureView
	for _, v := range all {
		reads, err := m.readsAny(ctx, v, u.Tables)
		if err != nil {
			return nil, err
		}
		runs, err := m.since(ctx, v, u)
		if err != nil {
			return nil, err
		}
		if reads && runs != nil {
			views = append(views, v)
		}
	}
	return m.each(ctx, views, func(ctx context.Context, v *asof.FeatureView, r *Result) error {
		runs, err := m.since(ctx, v, u) // another process may have put it back meanwhile
		if err != nil || runs == nil {
			return err
		}
		return m.undo(ctx, v, u, runs, r)
	})
}

// sinceRuns are the runs of a view that a rollback concerns.
type sinceRuns struct {
	undone []asof.Materialization // that count no more
	left   asof.Coverage          // of those before them
	until  time.Time              // how far all of them have come
}

// since returns the runs that may have filled a view since the publication; nil
// where there are none, or where the view has been put back.
//
// A run that was cut off ended at the latest when the next one began, for a
// view has one at a time.
func (m *Materializer) since(ctx context.Context, v *asof.FeatureView, u Undo) (*sinceRuns, error) {
	entries, err := m.entries(ctx, v)
	if err != nil {
		return nil, err
	}
	var s sinceRuns
	var before []asof.Materialization
	ended, counting, putBack := m.now(), false, false
	for _, e := range entries { // newest first
		if !e.Finished.IsZero() {
			ended = e.Finished
		}
		switch own := e.Cause == u.cause(); {
		case ended.Before(u.At):
			before = append(before, e)
		case own:
			putBack = putBack || e.Done() && !counting
		default:
			s.undone = append(s.undone, e)
			counting = counting || !e.Undone()
		}
		s.until = later(s.until, e.Span.To)
		ended = e.Started
	}
	if len(s.undone) == 0 || putBack {
		return nil, nil
	}
	s.left = asof.Covered(before)
	return &s, nil
}

// undo puts one view back. The runs stop to count before the rollback's own
// entry says that all is done.
func (m *Materializer) undo(ctx context.Context, v *asof.FeatureView, u Undo, runs *sinceRuns, r *Result) error {
	of, q, err := m.source(ctx, v)
	if err != nil {
		return err
	}
	r.Span = asof.Interval{From: runs.left.End, To: runs.left.End}
	return m.entered(ctx, u.cause(), r, func() error {
		gone, err := m.readsAny(ctx, v, u.Gone)
		if err != nil {
			return err
		}
		e, err := of.exactly(v, q, runs.until, r)
		if err != nil {
			return err
		}
		if err := e.rows(ctx); err != nil && (!gone || asof.ErrorCode(err) != asof.CodeInvalid) {
			return err
		}
		if err := e.others(ctx); err != nil {
			return err
		}
		for _, run := range runs.undone {
			if run.Undone() {
				continue
			}
			if run.Finished.IsZero() {
				run.Finished = m.now()
			}
			run.Error = asof.RolledBack + " with run " + u.Run
			if err := m.Ledger.Finish(ctx, run); err != nil {
				return err
			}
		}
		return nil
	})
}

// readsAny reports whether a view's sources read one of the tables: whether
// their text has its name.
func (m *Materializer) readsAny(ctx context.Context, v *asof.FeatureView, tables []string) (bool, error) {
	var sources []*asof.DataSource
	if v.Kind == asof.ViewOnDemand {
		c, err := m.computed(ctx, v)
		if err != nil {
			return false, err
		}
		for _, q := range c.read {
			sources = append(sources, q.Source)
		}
	} else {
		q, err := v.Query()
		if err != nil {
			return false, err
		}
		sources = []*asof.DataSource{q.Source}
	}
	return slices.ContainsFunc(tables, func(table string) bool {
		name := regexp.MustCompile(`(?i)(^|\W)` + regexp.QuoteMeta(table) + `($|\W)`)
		return slices.ContainsFunc(sources, func(s *asof.DataSource) bool { return name.MatchString(s.Table) || name.MatchString(s.Query) })
	}), nil
}
