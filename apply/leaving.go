package apply

import (
	"context"
	"slices"
	"time"

	"github.com/asof-dev/asof"
)

// leaving is the cause of the ledger's entries of views that an apply is about
// to drop or to have filled anew. The registry forgets such a view before the
// online store can, so an apply that is killed in between leaves its entry,
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

// register changes the registry, by which views leave the online store: that
// is announced before, and ends with the next apply if it does not end here.
func register(ctx context.Context, stores Stores, project string, change asof.Change, leave []string) error {
	withdraw, err := announce(ctx, stores.Ledger, project, leave)
	if err != nil {
		return err
	}
	_, err = stores.Registry.Apply(ctx, project, change)
	if code := asof.ErrorCode(err); err != nil && code != asof.CodeUnavailable && code != asof.CodeInternal { // else it may have been made
		withdraw(err)
	}
	return err
}

// announced returns the views that a killed apply left on their way.
func announced(ctx context.Context, ledger asof.Ledger, project string) (views []string, err error) {
	if ledger == nil {
		return nil, nil
	}
	entries, err := ledger.Materializations(ctx, project, "")
	for _, m := range entries {
		if m.Cause == leaving && m.Finished.IsZero() && !slices.Contains(views, m.View) {
			views = append(views, m.View)
		}
	}
	return views, err
}
