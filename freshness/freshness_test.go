package freshness_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/freshness"
	"github.com/asof-dev/asof/memory"
)

func day(month time.Month, day int) time.Time {
	return time.Date(2024, month, day, 0, 0, 0, 0, time.UTC)
}

func TestViewsStandToTheirCalendars(t *testing.T) {
	ctx := t.Context()
	now := day(3, 6)
	registry, ledger := memory.NewRegistry(func() time.Time { return now }), memory.NewLedger()
	put := []asof.Object{&asof.Project{Name: "p"}}
	for _, name := range []string{"usage", "profile", "labels", "free", "offline"} {
		put = append(put, &asof.FeatureView{Name: name, Kind: asof.ViewPlain, Online: name != "offline", Enabled: true})
	}
	if _, err := registry.Apply(ctx, "p", asof.Change{Put: put}); err != nil {
		t.Fatal(err)
	}
	ran := func(view string, newest time.Time) asof.Materialization {
		t.Helper()
		m := asof.Materialization{Project: "p", View: view, Span: asof.Interval{From: newest, To: newest}, Started: now, Cause: "pipeline ingest_month"}
		var err error
		if m.ID, err = ledger.Begin(ctx, m); err != nil {
			t.Fatal(err)
		}
		m.Finished, m.Written, m.Newest = now, 1, newest
		if err := ledger.Finish(ctx, m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	ran("usage", day(1, 31))
	ran("free", day(1, 31))
	february := ran("profile", day(2, 29))
	monthly := asof.Freshness{DueDay: 5, GraceDays: 10}
	failing := error(nil)
	w := &freshness.Watch{Project: "p", Calendars: asof.Calendars{Default: &monthly, Views: map[string]*asof.Freshness{"free": nil}},
		Registry: func(context.Context) (asof.Registry, error) { return registry, nil },
		Ledger:   func(context.Context) (asof.Ledger, error) { return ledger, failing },
		Now:      func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)}
	header := func(views ...string) string { return w.Header(slices.Values(views)) }
	is := func(want string, views ...string) {
		t.Helper()
		if got := header(views...); got != want {
			t.Errorf("header of %v: %q, want %q", views, got, want)
		}
	}
	is("", "usage")
	if err := w.Look(ctx); err != nil {
		t.Fatal(err)
	}
	views, err := w.Views(ctx)
	if err != nil || len(views) != 3 {
		t.Fatalf("views = %+v, %v", views, err)
	}
	for i, want := range []struct {
		name  string
		state asof.Punctuality
	}{{"labels", asof.Stale}, {"profile", asof.Fresh}, {"usage", asof.Late}} {
		slices.SortFunc(views, func(a, b freshness.View) int {
			if a.Name < b.Name {
				return -1
			}
			return 1
		})
		if views[i].Name != want.name || views[i].Due.State != want.state {
			t.Errorf("view %d: %+v, want %+v", i, views[i], want)
		}
	}
	is("usage=late; month=2024-02", "usage", "profile", "free")
	is("fresh", "profile")
	is("", "free", "unknown", "offline")
	is("labels=stale, usage=late; month=2024-02", "labels", "usage")
	now = day(3, 16) // no question is needed for what the clock says
	is("usage=stale; month=2024-02", "usage", "profile")
	now = day(4, 6)
	is("profile=late; month=2024-03", "profile")

	// February is rolled back.
	february.Error = asof.RolledBack + " with run r2"
	if err := ledger.Finish(ctx, february); err != nil {
		t.Fatal(err)
	}
	ran("usage", day(3, 31))
	if err := w.Look(ctx); err != nil {
		t.Fatal(err)
	}
	is("profile=stale", "profile", "usage")

	// What was known stays where the ledger can't be asked.
	failing = errors.New("down")
	if err := w.Look(ctx); err == nil {
		t.Error("a ledger that is down is no error")
	}
	is("profile=stale", "profile", "usage")
	ended, cancel := context.WithCancel(ctx)
	cancel()
	w.Keep(ended)
}
