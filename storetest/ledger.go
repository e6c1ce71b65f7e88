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
		"entries": ledgerEntries, "queries": ledgerQueries, "forget": ledgerForgets, "several processes": ledgerProcesses, "locks": ledgerLocks,
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

func list(t *testing.T, l asof.Ledger, project string, views ...string) []asof.Materialization {
	t.Helper()
	return chosen(t, l, asof.MaterializationQuery{Project: project, Views: views})
}

func chosen(t *testing.T, l asof.Ledger, q asof.MaterializationQuery) []asof.Materialization {
	t.Helper()
	all, err := l.Materializations(t.Context(), q)
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
	if all := list(t, l, "p"); len(all) != 0 {
		t.Fatalf("an empty ledger lists %v", all)
	}
	at := time.Date(2024, 2, 1, 12, 0, 0, 123456000, time.UTC)
	first := begin(t, l, asof.Materialization{Project: "p", View: "v", Span: asof.Interval{To: at}, Started: at, Cause: "materialize"})
	second := begin(t, l, asof.Materialization{Project: "p", View: "naïve ★", Span: asof.Interval{From: at.AddDate(-90, 0, 0), To: at}, Started: at, Cause: "incremental"})
	begin(t, l, asof.Materialization{Project: "other", View: "v", Span: asof.Interval{To: at}, Started: at})

	l = open() // as another process sees it
	if diff := cmp.Diff([]asof.Materialization{second, first}, list(t, l, "p")); diff != "" {
		t.Errorf("unfinished entries: %s", diff)
	}
	first.Finished, first.Read, first.Written, first.Newest = at.Add(time.Second), 1<<40, 7043, at.Add(-time.Hour)
	second.Finished, second.Error = at.Add(time.Minute), "the source is gone"
	for _, m := range []asof.Materialization{first, second} {
		if err := l.Finish(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]asof.Materialization{second, first}, list(t, l, "p")); diff != "" {
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

// ledgerQueries checks what each field of a query chooses, alone and together.
func ledgerQueries(t *testing.T, open func() asof.Ledger) {
	l := open()
	for _, q := range []asof.MaterializationQuery{{Project: "p", Leading: true}, {Project: "p", Views: []string{"v"}, Leading: true, Limit: 1}} {
		if all := chosen(t, l, q); len(all) != 0 {
			t.Errorf("of an empty ledger %+v chooses %v", q, all)
		}
	}
	at := time.Date(2024, 2, 1, 12, 0, 0, 123456000, time.UTC)
	const unicode = `naïve ★ "'\,`
	var ids []int64
	for _, e := range []struct {
		view   string
		newest int // days after at; 0: nothing was written
		ends   bool
		fault  string
	}{
		0:  {"v", 3, true, ""},
		1:  {"v", 5, true, ""}, // of two with the newest row the first
		2:  {"v", 5, true, ""},
		3:  {"v", 9, true, asof.RolledBack + " with run r"},
		4:  {"v", 4, true, ""},
		5:  {"failing", 1, true, ""},
		6:  {"failing", 8, true, "full disk"},
		7:  {"only failed", 8, true, "full disk"},
		8:  {"under way", 0, false, ""},
		9:  {unicode, -40000, true, ""}, // before 1970
		10: {unicode, 0, true, ""},
		11: {unicode, 0, false, ""},
		12: {"Empty", 0, true, ""},
	} {
		m := begin(t, l, asof.Materialization{Project: "p", View: e.view, Span: asof.Interval{To: at}, Started: at, Cause: "c"})
		ids = append(ids, m.ID)
		if e.newest != 0 {
			m.Newest = at.AddDate(0, 0, e.newest)
		}
		if m.Error = e.fault; e.ends {
			m.Finished = at // all at one time
			if err := l.Finish(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
	}
	begin(t, l, asof.Materialization{Project: "q", View: "v", Span: asof.Interval{To: at}, Started: at})
	l = open()
	for name, c := range map[string]struct {
		q    asof.MaterializationQuery
		want []int // places in the list above
	}{
		"all":                 {asof.MaterializationQuery{}, []int{12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0}},
		"views":               {asof.MaterializationQuery{Views: []string{unicode, "unknown", "failing"}}, []int{11, 10, 9, 6, 5}},
		"no views":            {asof.MaterializationQuery{Views: []string{}, Limit: 1}, []int{12}},
		"unknown view":        {asof.MaterializationQuery{Views: []string{"V"}}, nil},
		"limit":               {asof.MaterializationQuery{Limit: 2}, []int{12, 11}},
		"more than there are": {asof.MaterializationQuery{Views: []string{"failing"}, Limit: 1000}, []int{6, 5}},
		"leading":             {asof.MaterializationQuery{Leading: true}, []int{12, 11, 10, 9, 8, 7, 6, 5, 4, 2}},
		"leading of views":    {asof.MaterializationQuery{Leading: true, Views: []string{"under way", "v"}}, []int{8, 4, 2}},
		"leading with limit":  {asof.MaterializationQuery{Leading: true, Limit: 4}, []int{12, 11, 10, 9}},
	} {
		var want, got []int64
		for _, i := range c.want {
			want = append(want, ids[i])
		}
		c.q.Project = "p"
		for _, m := range chosen(t, l, c.q) {
			got = append(got, m.ID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	// What leads says as much of how a view stands as all entries do.
	for _, view := range []string{"v", "failing", "only failed", "under way", unicode, "Empty"} {
		leading := chosen(t, l, asof.MaterializationQuery{Project: "p", Views: []string{view}, Leading: true})
		if want, got := asof.Covered(list(t, l, "p", view)).Newest, asof.Covered(leading).Newest; !got.Equal(want) {
			t.Errorf("the newest row of %q is of %s, by what leads of %s", view, want, got)
		}
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
	if all := list(t, l, "p"); len(all) != 1 || all[0].View != "w" {
		t.Errorf("after forgetting v the ledger lists %v", all)
	}
	if all := list(t, l, "q"); len(all) != 1 {
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
