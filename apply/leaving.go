package apply

import (
	"context"
	"slices"
	"time"

	"github.com/asof-dev/asof"
)

// leaving is the cause of the ledger's entries of views that a change of the
// registry is about to drop or to have filled anew. The registry forgets such a view before the
// online store can, so one that is killed in between leaves its entry,
// unfinished, from which the next one goes on. It goes as the view is forgotten.
const leaving = "apply"

// announce records that the views leave, and returns what undoes that.
func announce(ctx context.Context, ledger asof.Ledger, project string, views []string) (withdraw func(why error), err error) {
	var entries []asof.Materialization
	withdraw = func(why error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		for _, m := range entries {
			m.Finished, m.Error = time.Now().UTC(), why.Error()
			_ = ledger.Finish(ctx, m) // one that stays open has a view filled again that need not be
		}
	}
	if ledger == nil {
		return withdraw, nil
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	for _, view := range views {
		m := asof.Materialization{Project: project, View: view, Span: asof.Interval{From: now, To: now}, Started: now, Cause: leaving}
		if m.ID, err = ledger.Begin(ctx, m); err != nil {
			withdraw(err)
			return nil, err
		}
		entries = append(entries, m)
	}
	return withdraw, nil
}

// Change carries the online store and the ledger through a change of the
// registry: the store is made ready for the views of keep, then change makes the
// change, then the views of leave lose their rows and ledger entries, but for the
// rows of those that the registry still has online, which are to be filled anew.
// Killed in between, the next Change of the project ends it.
func (s Stores) Change(ctx context.Context, project string, keep []*asof.FeatureView, leave []string, change func() error) error {
	if s.Online != nil && len(keep) > 0 {
		if err := s.Online.Update(ctx, project, keep, nil); err != nil {
			return err
		}
	}
	left, err := announced(ctx, s.Ledger, project)
	if err != nil {
		return err
	}
	withdraw, err := announce(ctx, s.Ledger, project, leave)
	if err != nil {
		return err
	}
	if err := change(); err != nil {
		if code := asof.ErrorCode(err); code != asof.CodeUnavailable && code != asof.CodeInternal { // else it may have been made
			withdraw(err)
		}
		return err
	}
	return s.forget(ctx, project, append(left, leave...))
}

// forget ends what was materialized of the views, and drops the rows of those
// that are online no more.
func (s Stores) forget(ctx context.Context, project string, views []string) error {
	if len(views) == 0 {
		return nil
	}
	if s.Online != nil {
		current, err := s.Registry.Snapshot(ctx, project)
		if err != nil {
			return err
		}
		kept := current.Kept()
		drop := slices.DeleteFunc(slices.Clone(views), func(view string) bool {
			return slices.ContainsFunc(kept, func(v *asof.FeatureView) bool { return v.Name == view })
		})
		if len(drop) > 0 {
			if err := s.Online.Update(ctx, project, nil, drop); err != nil {
				return err
			}
		}
	}
	if s.Ledger == nil {
		return nil
	}
	return s.Ledger.Forget(ctx, project, views)
}

// announced returns the views that a killed change left on their way.
func announced(ctx context.Context, ledger asof.Ledger, project string) (views []string, err error) {
	if ledger == nil {
		return nil, nil
	}
	entries, err := ledger.Materializations(ctx, asof.MaterializationQuery{Project: project, Leading: true})
	for _, m := range entries {
		if m.Cause == leaving && m.Finished.IsZero() && !slices.Contains(views, m.View) {
			views = append(views, m.View)
		}
	}
	return views, err
}
