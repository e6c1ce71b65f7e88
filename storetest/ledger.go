package storetest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
)

// Ledger is the conformance suite of asof.Ledger. Each of its tests calls
// fresh for an empty place, and open for a ledger on it.
func Ledger(t *testing.T, fresh func(t *testing.T) (open func() asof.Ledger)) {
	for name, test := range map[string]func(*testing.T, func() asof.Ledger){
		"entries": ledgerEntries, "forget": ledgerForgets, "several processes": ledgerProcesses, "locks": ledgerLocks,
	} {
		t.Run(name, func(t *testing.T) {
			open := fresh(t)
			test(t, func() asof.Ledger {
				l := open()
				t.Cleanup(func() {
					if err := l.Close(); err != nil {
						t.Error(err)
					}
				})
				return l
			})
		})
	}
}

func list(t *testing.T, l asof.Ledger, project, view string) []asof.Materialization {
	t.Helper()
	all, err := l.Materializations(t.Context(), project, view)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func begin(t *testing.T, l asof.Ledger, m asof.Materialization) asof.Materialization {
	t.Helper()
	id, err := l.Begin(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	m.ID = id
	return m
}

func ledgerEntries(t *testing.T, open func() asof.Ledger) {
	l := open()
	if all := list(t, l, "p", ""); len(all) != 0 {
		t.Fatalf("an empty ledger lists %v", all)
	}
	at := time.Date(2024, 2, 1, 12, 0, 0, 123456000, time.UTC)
	first := begin(t, l, asof.Materialization{Project: "p", View: "v", Span: asof.Interval{To: at}, Started: at, Cause: "materialize"})
	second := begin(t, l, asof.Materialization{Project: "p", View: "naïve ★", Span: asof.Interval{From: at.AddDate(-90, 0, 0), To: at}, Started: at, Cause: "incremental"})
	begin(t, l, asof.Materialization{Project: "other", View: "v", Span: asof.Interval{To: at}, Started: at})

	l = open() // as another process sees it
	if diff := cmp.Diff([]asof.Materialization{second, first}, list(t, l, "p", "")); diff != "" {
		t.Errorf("unfinished entries: %s", diff)
	}
	first.Finished, first.Read, first.Written, first.Newest = at.Add(time.Second), 1<<40, 7043, at.Add(-time.Hour)
	second.Finished, second.Error = at.Add(time.Minute), "the source is gone"
	for _, m := range []asof.Materialization{first, second} {
		if err := l.Finish(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]asof.Materialization{second, first}, list(t, l, "p", "")); diff != "" {
		t.Errorf("finished entries: %s", diff)
	}
	if diff := cmp.Diff([]asof.Materialization{first}, list(t, l, "p", "v")); diff != "" {
		t.Errorf("the entries of a view: %s", diff)
	}
	// A rollback covers nothing by itself, and ends other entries again.
	rollback := begin(t, l, asof.Materialization{Project: "p", View: "v", Started: at, Cause: "rollback r"})
	first.Error = asof.RolledBack + " with run r"
	if err := l.Finish(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	rolled := list(t, l, "p", "v")
	if diff := cmp.Diff([]asof.Materialization{rollback, first}, rolled); diff != "" || !rolled[0].Span.To.IsZero() || !rolled[1].Undone() || rolled[1].Done() {
		t.Errorf("entries after a rollback: %s", diff)
	}
	if err := l.Finish(t.Context(), asof.Materialization{ID: 1 << 40}); asof.ErrorCode(err) != asof.CodeNotFound {
		t.Errorf("finishing an entry that is not there: %v", err)
	}
}

func ledgerForgets(t *testing.T, open func() asof.Ledger) {
	l := open()
	if err := l.Forget(t.Context(), "p", []string{"v"}); err != nil {
		t.Errorf("forgetting nothing: %v", err)
	}
	at := time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC)
	for _, view := range []string{"v", "w", "v"} {
		begin(t, l, asof.Materialization{Project: "p", View: view, Span: asof.Interval{To: at}, Started: at})
	}
	begin(t, l, asof.Materialization{Project: "q", View: "v", Span: asof.Interval{To: at}, Started: at})
	if err := l.Forget(t.Context(), "p", []string{"v", "unknown"}); err != nil {
		t.Fatal(err)
	}
	if all := list(t, l, "p", ""); len(all) != 1 || all[0].View != "w" {
		t.Errorf("after forgetting v the ledger lists %v", all)
	}
	if all := list(t, l, "q", ""); len(all) != 1 {
		t.Errorf("another project's entries are gone: %v", all)
	}
}

func ledgerProcesses(t *testing.T, open func() asof.Ledger) {
	const each = 20
	var group sync.WaitGroup
	for range 3 {
		l := open()
		group.Go(func() {
			for range each {
				id, err := l.Begin(t.Context(), asof.Materialization{Project: "p", View: "v", Span: asof.Interval{To: time.Unix(1, 0)}, Started: time.Unix(1, 0)})
				if err == nil {
					err = l.Finish(t.Context(), asof.Materialization{ID: id, Finished: time.Unix(2, 0), Read: id})
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	all := list(t, open(), "p", "v")
	for i, m := range all {
		if m.Read != m.ID || i > 0 && m.ID >= all[i-1].ID {
			t.Errorf("entry %d of %v is not as it was written", i, m)
		}
	}
	if len(all) != 3*each {
		t.Errorf("%d entries of %d are there", len(all), 3*each)
	}
}

// ledgerLocks checks that a view has one lock over all ledgers of a place, and
// that a wait ends with the lock's holder or with the caller's context.
func ledgerLocks(t *testing.T, open func() asof.Ledger) {
	first, second := open(), open()
	long := strings.Repeat("naïve ★ /", 40)
	for _, name := range [][2]string{{"p", "v"}, {"p", "w"}, {"q", "v"}, {"p", long}, {"p", long + "2"}} {
		unlock, err := first.Lock(t.Context(), name[0], name[1], false)
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		defer unlock()
	}
	for _, l := range []asof.Ledger{first, second} {
		if _, err := l.Lock(t.Context(), "p", "v", false); asof.ErrorCode(err) != asof.CodeConflict || !strings.Contains(err.Error(), `"v"`) {
			t.Errorf("a lock that is held: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if _, err := l.Lock(ctx, "p", "v", true); err == nil {
			t.Error("a lock that is held was given to one who waited")
		}
		cancel()
	}

	unlock, err := first.Lock(t.Context(), "p", "busy", true)
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	taken := make(chan struct{})
	go func() {
		defer close(taken)
		next, err := second.Lock(t.Context(), "p", "busy", true)
		if err != nil {
			t.Error(err)
			return
		}
		order = append(order, "taken")
		next()
	}()
	time.Sleep(100 * time.Millisecond)
	order = append(order, "given back")
	unlock()
	<-taken
	if fmt.Sprint(order) != "[given back taken]" {
		t.Errorf("the lock was %v", order)
	}
}
