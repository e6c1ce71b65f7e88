// Package freshness says how the views of a project stand to the calendars by
// which their data comes: from the newest row that was ever materialized, as
// the ledger has it, and the clock.
package freshness

import (
	"context"
	"iter"
	"log/slog"
	"maps"
	"strings"
	"sync/atomic"
	"time"

	"github.com/asof-dev/asof"
)

// Watch looks at the views of one project that have a calendar.
type Watch struct {
	Project   string
	Calendars asof.Calendars
	Registry  func(context.Context) (asof.Registry, error)
	Ledger    func(context.Context) (asof.Ledger, error)
	Now       func() time.Time // nil is time.Now
	Log       *slog.Logger     // gets why the ledger could not be asked

	kept atomic.Pointer[map[string]time.Time] // the newest row of each view, zero for none
}

// View is a view with its calendar.
type View struct {
	Name     string
	Calendar asof.Freshness
	Newest   time.Time // the newest row that was materialized; zero for none
	Due      asof.Due
}

func (w *Watch) now() time.Time {
	if w.Now != nil {
		return w.Now()
	}
	return time.Now()
}

// Views returns the views that are served online and have a calendar, in the
// registry's order.
func (w *Watch) Views(ctx context.Context) ([]View, error) {
	registry, err := w.Registry(ctx)
	if err != nil {
		return nil, err
	}
	snapshot, err := registry.Snapshot(ctx, w.Project)
	if err != nil {
		return nil, err
	}
	ledger, err := w.Ledger(ctx)
	if err != nil {
		return nil, err
	}
	entries, err := ledger.Materializations(ctx, asof.MaterializationQuery{Project: w.Project, Leading: true})
	if err != nil {
		return nil, err
	}
	runs := asof.ByView(entries)
	var views []View
	for _, v := range snapshot.Views() {
		if calendar := w.Calendars.Of(v.Name); calendar != nil && v.Online {
			newest := asof.Covered(runs[v.Name]).Newest
			views = append(views, View{v.Name, *calendar, newest, calendar.At(w.now(), newest)})
		}
	}
	return views, nil
}

const (
	every   = 5 * time.Second // how often Keep asks
	timeout = 5 * time.Second // how long it waits
)

// Keep asks the ledger again and again, for Header, until the context ends.
func (w *Watch) Keep(ctx context.Context) {
	for failed := false; ; {
		asked, cancel := context.WithTimeout(ctx, timeout)
		err := w.Look(asked)
		cancel()
		if err != nil && ctx.Err() == nil && !failed {
			w.Log.Warn("freshness: the ledger could not be asked", "error", err)
		}
		failed = err != nil
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
	}
}

// Look asks the ledger once.
func (w *Watch) Look(ctx context.Context) error {
	views, err := w.Views(ctx)
	if err != nil {
		return err
	}
	newest := map[string]time.Time{}
	for _, v := range views {
		newest[v.Name] = v.Newest
	}
	if last := w.kept.Load(); last == nil || !maps.Equal(*last, newest) {
		w.kept.Store(&newest)
	}
	return nil
}

// Header returns how the views of an answer stand, for the header Asof-Freshness: "fresh" where all do that
// have a calendar; otherwise those that do not, as "usage_fv=late; month=2024-02".
// It is "" where none has one, or before the ledger has been asked.
func (w *Watch) Header(views iter.Seq[string]) string {
	kept := w.kept.Load()
	if kept == nil {
		return ""
	}
	var text strings.Builder
	any, now := false, w.now()
	for view := range views {
		newest, ok := (*kept)[view]
		if !ok {
			continue
		}
		any = true
		due := w.Calendars.Of(view).At(now, newest)
		if due.State == asof.Fresh {
			continue
		}
		if text.Len() > 0 {
			text.WriteString(", ")
		}
		text.WriteString(view + "=" + string(due.State))
		if !due.Month.IsZero() {
			text.WriteString("; month=" + due.Month.Format("2006-01"))
		}
	}
	if any && text.Len() == 0 {
		return string(asof.Fresh)
	}
	return text.String()
}
