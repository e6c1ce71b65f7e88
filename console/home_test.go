package console

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/metric"
)

// TestHomeOfNothing: a repository that nobody has applied is told what comes
// next, not an error.
func TestHomeOfNothing(t *testing.T) {
	runs := memory.NewRuns()
	c := opened(t, 0, func(o *Options) {
		o.Registry, o.Runs = memory.NewRegistry(time.Now), func(context.Context) (asof.RunStore, error) { return runs, nil }
	})
	for language, want := range map[string][]string{
		"en": {"Nothing is defined yet", "asof apply", "No pipeline has run yet", "asof pipeline run NAME", "asof serve --all"},
		"fr": {"Rien n’est encore défini", "asof apply", "Aucun pipeline n’a encore été exécuté", "asof serve --all"}} {
		status, page := get(c, "/", "Accept-Language", language)
		for _, text := range want {
			if status != http.StatusOK || !strings.Contains(page, text) {
				t.Errorf("%s: %d without %q\n%s", language, status, text, page)
			}
		}
	}
	if status, page := get(c, "/catalog"); status != http.StatusServiceUnavailable || !strings.Contains(page, "Nothing is defined yet") || !strings.Contains(page, "<code>asof apply</code>") {
		t.Errorf("the catalog of nothing: %d\n%s", status, page)
	}
	if status, page := get(opened(t, 2, nil), "/"); status != http.StatusOK || !strings.Contains(page, "asof materialize-incremental") || !strings.Contains(page, "All is well") {
		t.Errorf("with nothing materialized: %d\n%s", status, page)
	}
}

// watchedConsole has views with a calendar of which one has come in time, one waits and
// one failed, and the runs of a pipeline.
func watchedConsole(t *testing.T, change func(*Options)) *Console {
	t.Helper()
	ctx, now := t.Context(), time.Now().UTC()
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	ledger, runs := memory.NewLedger(), memory.NewRuns()
	enter := func(view, failure string, newest time.Time) {
		m := asof.Materialization{Project: "p", View: view, Span: asof.Interval{From: newest, To: newest}, Started: now, Cause: "pipeline ingest month"}
		var err error
		if m.ID, err = ledger.Begin(ctx, m); err == nil {
			m.Finished, m.Newest, m.Error = now, newest, failure
			err = ledger.Finish(ctx, m)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	enter("view_0", "", month.AddDate(0, 0, -1))
	enter("view_1", "", month.AddDate(0, -4, -1))
	enter("view_2", "", month.AddDate(0, -4, -1))
	enter("view_3", "", month.AddDate(0, 0, -1))
	enter("view_3", evil, time.Time{})
	report := func(day, message string, holds bool) string {
		text, err := json.Marshal(map[string]any{"as_of": day, "steps": []any{map[string]any{"name": "check", "table": "users",
			"checks": []any{map[string]any{"rule": "not_null", "severity": "error", "holds": holds, "message": message}, map[string]any{"rule": "rows", "holds": true}}}}})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for _, one := range []struct {
		day, failure, report string
		state                asof.RunState
	}{{"2024-01-31", "was mended", report("2024-01-31", "an old message", false), asof.RunFailed}, {"2024-01-31", "", report("2024-01-31", "", true), asof.RunCompleted},
		{"2024-02-29", "february is bad", report("2024-02-29", evil, false), asof.RunFailed}, {"2024-03-31", "", report("2024-03-31", "", true), asof.RunCompleted}} {
		run, _, err := runs.Submit(ctx, asof.Run{Project: "p", Pipeline: "ingest", Params: map[string]string{"as_of": one.day}, Cause: "command"}, asof.AgainAlways)
		if err != nil {
			t.Fatal(err)
		}
		held, err := runs.Claim(ctx, asof.RunClaim{Project: "p", Run: run.ID, Worker: "w", TTL: time.Minute})
		if err == nil {
			err = runs.Finish(ctx, asof.RunLease{Run: run.ID, Epoch: held.Epoch}, one.state, one.failure, []byte(one.report))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	kept := memory.NewStatistics()
	january, february := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC)
	side := func(from time.Time) asof.DriftSide {
		return asof.DriftSide{Source: asof.StatisticsBatch, From: from, To: from.AddDate(0, 1, 0).Add(-time.Microsecond)}
	}
	if err := kept.KeepDrift(ctx, asof.ViewDrift{Project: "p", View: "view_0", Reference: side(january), Current: side(february), Verdict: asof.VerdictDrifted, Drifted: 1, Compared: 2,
		Features: []asof.FeatureDrift{{Feature: "fee", Verdict: asof.VerdictDrifted, Reasons: []string{evil}}, {Feature: "other", Verdict: asof.VerdictStable}}},
		asof.ViewDrift{Project: "p", View: "view_0", Reference: side(january.AddDate(0, -1, 0)), Current: side(january), Verdict: asof.VerdictStable},
		asof.ViewDrift{Project: "p", View: "view_1", Reference: side(january), Current: side(february), Verdict: asof.VerdictStable, Compared: 2},
		asof.ViewDrift{Project: "p", View: "gone", Reference: side(january), Current: side(february), Verdict: asof.VerdictDrifted}); err != nil {
		t.Fatal(err)
	}
	return opened(t, 5, func(o *Options) {
		o.Statistics = func(context.Context) (asof.StatisticsStore, error) { return kept, nil }
		o.Calendars = asof.Calendars{Default: &asof.Freshness{DueDay: 31, GraceDays: 1}, Views: map[string]*asof.Freshness{"view_4": nil}}
		o.Ledger = func(context.Context) (asof.Ledger, error) { return ledger, nil }
		o.Runs = func(context.Context) (asof.RunStore, error) { return runs, nil }
		o.Traffic = func() ([]metric.Traffic, time.Duration) {
			return []metric.Traffic{{Route: "/features", Requests: 1000, Failed: 10, Rate: 12.25, P50: 1500 * time.Microsecond},
				{Route: "/get-online-features", Requests: 100, Failed: 2}}, time.Minute
		}
		if change != nil {
			change(o)
		}
	})
}

// TestHomeSaysWhatNeedsSomebody: the failed run whose month nothing has done
// since, the view that was not loaded, the month that two views wait for, and a
// route that fails, each with its cause and what to do.
func TestHomeSaysWhatNeedsSomebody(t *testing.T) {
	c := watchedConsole(t, nil)
	o := dataOf[overview](t, c, "/")
	var kinds []string
	for _, n := range o.Needs {
		kinds = append(kinds, n.Kind+" "+n.Subject)
		if n.Page == "" || n.Command == "" {
			t.Errorf("%+v leads nowhere", n)
		}
	}
	if want := []string{"run-failed ingest (2024-02-29)", "failed-view view_3", "view-stale view_1, view_2", "drifted view_0", "failing-requests /get-online-features"}; !slices.Equal(kinds, want) {
		t.Fatalf("%q, want %q", kinds, want)
	}
	if n := o.Needs[2]; n.Command != "asof pipeline run 'ingest month'" || n.Month != time.Now().UTC().AddDate(0, 0, 1-time.Now().UTC().Day()).AddDate(0, -4, 0).Format("2006-01") {
		t.Errorf("%+v", n)
	}
	if len(o.Runs.Broken) != 1 || o.Runs.Broken[0].Message != evil || o.Runs.Held != 3 || len(o.Runs.Last) != 4 || len(o.Fresh.Views) != 5 {
		t.Errorf("%+v", o)
	}
	if d := o.Drift; o.Needs[3].Command != "asof monitor drift --current 2024-02 -v view_0" || len(d.Counts) != 2 || len(d.Drifted) != 1 || len(d.Drifted[0].Features) != 2 {
		t.Errorf("drift: %+v, %+v", o.Needs[3], d)
	}
	if status, _ := get(c, "/?until=2024-13"); status != http.StatusBadRequest {
		t.Errorf("a month that is none: %d", status)
	}
	if past := dataOf[overview](t, c, "/?until=2001-02"); past.Fresh.Until != "2001-02" || past.Fresh.Earlier != "2000-02" || past.Fresh.Later != "2002-02" || past.Fresh.Views[0].Months[11].Arrival != "" {
		t.Errorf("years ago: %+v", past.Fresh)
	}
	for language, want := range map[string]string{"en": "5 things need you", "fr": "5 points demandent votre attention"} {
		status, page := get(c, "/", "Accept-Language", language)
		if status != http.StatusOK || !strings.Contains(page, want) || strings.Contains(page, "<script>") || strings.Contains(page, "an old message") || !strings.Contains(page, `class="cell stale" role="img" aria-label="view_1, `) {
			t.Errorf("%s: %d\n%s", language, status, page)
		}
	}
}

// TestDismissing: a failed run that somebody has dismissed needs nobody, until it
// fails again; others can't be dismissed, nor can one be twice.
func TestDismissing(t *testing.T) {
	store := memory.NewRuns()
	c := acting(t, store, nil)
	fail := func(lease asof.RunLease) {
		must(t, store.Finish(t.Context(), lease, asof.RunFailed, "no such month", nil))
	}
	run, lease := begun(t, store, asof.Run{Pipeline: "month"})
	at := "/runs/" + run.ID + "/dismiss"
	if answer := post(c, at, sure()); answer.StatusCode != http.StatusConflict || len(recorded(t, store)) != 0 {
		t.Errorf("a run that goes on: %d", answer.StatusCode)
	}
	fail(lease)
	if answer := post(c, at, url.Values{}); answer.StatusCode != http.StatusOK || len(dataOf[overview](t, c, "/").Runs.Failed) != 1 {
		t.Errorf("asked for once: %d", answer.StatusCode)
	}
	if answer := post(c, at, sure()); answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/runs/"+run.ID {
		t.Fatalf("dismissed: %d\n%s", answer.StatusCode, text(answer))
	}
	if list := recorded(t, store); len(list) != 1 || list[0].What != "dismiss" || list[0].On != "run "+run.ID || list[0].Who != "Zoë" {
		t.Errorf("recorded: %+v", list)
	}
	if o := dataOf[overview](t, c, "/"); len(o.Runs.Failed) != 0 || len(o.Runs.Last) != 1 {
		t.Errorf("dismissed: %+v", o.Runs)
	}
	if answer := post(c, at, sure()); answer.StatusCode != http.StatusConflict {
		t.Errorf("dismissed twice: %d", answer.StatusCode)
	}
	if _, err := store.Resume(t.Context(), run.ID); err != nil {
		t.Fatal(err)
	}
	claimed, err := store.Claim(t.Context(), asof.RunClaim{Project: "p", Run: run.ID, Worker: "w", TTL: time.Minute})
	must(t, err)
	fail(asof.RunLease{Run: run.ID, Epoch: claimed.Epoch})
	if o := dataOf[overview](t, c, "/"); len(o.Runs.Failed) != 1 {
		t.Errorf("it has failed again: %+v", o.Runs)
	}
}

// TestHomeWithoutAStore: what cannot be asked takes nothing else off the page,
// even where it does not answer at all.
func TestHomeWithoutAStore(t *testing.T) {
	refused := errors.New("connection refused")
	for name, change := range map[string]func(*Options){
		"ledger": func(o *Options) { o.Ledger = func(context.Context) (asof.Ledger, error) { return nil, refused } },
		"runs":   func(o *Options) { o.Runs = func(context.Context) (asof.RunStore, error) { return nil, refused } },
		"statistics": func(o *Options) {
			o.Statistics = func(context.Context) (asof.StatisticsStore, error) { return nil, refused }
		},
		"registry": func(o *Options) { o.Registry = closedRegistry{o.Registry} },
		"slow": func(o *Options) {
			o.Timeout, o.Runs = 50*time.Millisecond, func(context.Context) (asof.RunStore, error) { select {} }
		}} {
		c := watchedConsole(t, change)
		o := dataOf[overview](t, c, "/")
		for part, said := range map[string]string{"ledger": o.Fresh.Error, "runs": o.Runs.Error, "statistics": o.Drift.Error, "registry": o.Registry} {
			if bad := part == name || part == "runs" && name == "slow"; bad != (said != "") {
				t.Errorf("without %s the part %s says %q", name, part, said)
			}
		}
		if o.Unknown != 1 || len(o.Needs) == 0 {
			t.Errorf("without %s: %d unknown, needs %+v", name, o.Unknown, o.Needs)
		}
		if status, page := get(c, "/"); status != http.StatusOK || !strings.Contains(page, "cannot be asked") && !strings.Contains(page, "This cannot be told now") {
			t.Errorf("without %s: %d\n%s", name, status, page)
		}
	}
}

type closedRegistry struct{ asof.Registry }

func (closedRegistry) Snapshot(context.Context, string) (*asof.Snapshot, error) {
	return nil, asof.Errorf(asof.CodeUnavailable, "the registry is not there")
}

// TestHomeIsFollowed: the parts of the page come again when they have changed,
// without a registry too.
func TestHomeIsFollowed(t *testing.T) {
	for want, change := range map[string]func(*Options){"february is bad": nil, "the registry is not there": func(o *Options) { o.Registry = closedRegistry{o.Registry} }} {
		c := watchedConsole(t, change)
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		w := httptest.NewRecorder()
		c.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/live/?lang=en", nil))
		for _, text := range []string{want, `{"html":`, `"id":"needs"`, `"id":"runs"`, `"id":"traffic"`} {
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), text) {
				t.Errorf("%d without %s\n%s", w.Code, text, w.Body)
			}
		}
	}
	if _, page := get(watchedConsole(t, nil), "/?until=2024-02"); !strings.Contains(page, `data-live="/live/?until=2024-02"`) || strings.Count(page, `id="needs"`) != 1 {
		t.Errorf("the page follows nothing:\n%s", page)
	}
}
