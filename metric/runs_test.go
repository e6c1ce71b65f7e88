package metric_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/httpapi"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/metric"
)

// asked is a ledger that notes of which views all entries were read.
type asked struct {
	asof.Ledger
	views []string
}

func (l *asked) Materializations(ctx context.Context, q asof.MaterializationQuery) ([]asof.Materialization, error) {
	if !q.Leading {
		l.views = append(l.views, q.Views...)
	}
	return l.Ledger.Materializations(ctx, q)
}

// Only the entries of views where something has changed are read again, and the
// metrics are those of a server that has read all.
func TestChangesOfTheLedger(t *testing.T) {
	notes := &asked{Ledger: memory.NewLedger()}
	o := metric.Options{Ledger: func(context.Context) (asof.Ledger, error) { return notes, nil }}
	s := newServer(t, o, httpapi.Options{})
	began := map[string]asof.Materialization{}
	begin := func(name, view string) {
		m := asof.Materialization{Project: project, View: view, Span: asof.Interval{To: now}, Started: now, Cause: name}
		var err error
		if m.ID, err = notes.Begin(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		began[name] = m
	}
	end := func(name, failure string) {
		m := began[name]
		m.Finished, m.Newest, m.Written, m.Error = now.Add(2*time.Second), now.AddDate(0, 0, -int(m.ID)), 10, failure
		if err := notes.Finish(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	told := func(s *server) (lines []string) {
		for line := range strings.Lines(s.ask(t, "GET", "/metrics", "", 200)) {
			if strings.Contains(line, "materializ") || strings.Contains(line, "freshness") {
				lines = append(lines, line)
			}
		}
		return lines
	}
	for i, step := range []struct {
		do   func()
		read string // the views of which all entries are read
	}{
		{func() {}, ""},
		{func() { begin("a", "plan"); end("a", ""); begin("b", "usage"); end("b", "") }, "plan usage"},
		{func() {}, ""},
		{func() { begin("c", "plan") }, "plan"},
		{func() { begin("d", "plan"); end("d", "full disk") }, "plan"},
		{func() { end("c", "") }, "plan"}, // which is neither the last nor has the newest row
		{func() {}, ""},
		{func() { begin("rollback", "plan") }, "plan"},
		{func() { end("c", asof.RolledBack) }, "plan"},
		{func() { end("d", asof.RolledBack) }, "plan"},
		{func() { end("rollback", "") }, "plan"},
		{func() {}, ""},
		{func() { notes.Forget(t.Context(), project, []string{"plan"}) }, ""},
		{func() { begin("e", "plan"); end("e", "") }, "plan"},
	} {
		step.do()
		s.now, notes.views = s.now.Add(time.Minute), nil
		got := told(s)
		slices.Sort(notes.views)
		if read := strings.Join(notes.views, " "); read != step.read {
			t.Errorf("step %d: the entries of %q are read, want %q", i, read, step.read)
		}
		fresh := newServer(t, o, httpapi.Options{})
		fresh.now = s.now
		if diff := cmp.Diff(told(fresh), got); diff != "" {
			t.Errorf("step %d: %s", i, diff)
		}
	}
}
