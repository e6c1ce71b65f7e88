package answerlog_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/answerlog"
	"github.com/asof-dev/asof/serving"
)

// The log by view and those of services are described together: a value counts
// where it is present, a row without one is a NULL, and a feature that was not
// asked for is no row.
func TestProfile(t *testing.T) {
	s := open(t, answerlog.Options{Services: true, Rate: 1})
	all := []string{"ann", "bob", "nobody"}
	s.ask(serving.Selection{Features: []string{"usage:hours"}}, texts("user_id", all...))
	s.ask(service("logged"), texts("user_id", all...), texts("friend_id", "ann", "ann", "bob"), texts("factor", "1", "1", "1"))
	s.ask(service("by_day"), texts("user_id", "ann"))
	if err := s.log.Close(); err != nil {
		t.Fatal(err)
	}
	got := s.profiles(t.Context(), usage, asof.ProfileQuery{Edges: map[string][]float64{"hours": {1, 2}}})
	hours := got["hours"]
	if hours.Rows != 3+3+1 || hours.Nulls != 2+1 || *hours.Mean != 1.5 || !cmp.Equal(hours.Bins, []int64{0, 4, 0}) {
		t.Errorf("hours: %+v", hours)
	}
	if visits := got["visits"]; visits.Rows != 0 || visits.Mean != nil {
		t.Errorf("visits, which nobody asked for: %+v", visits)
	}
	people := s.profiles(t.Context(), profile, asof.ProfileQuery{})
	for name, want := range map[string]asof.Profile{
		"plan": {Feature: "plan", Kind: asof.ProfileCategory, Rows: 3, Nulls: 1, Distinct: 2, Top: []asof.ValueCount{{Text: "Zoë", Count: 1}, {Text: "gold", Count: 1}}},
		"gold": {Feature: "gold", Kind: asof.ProfileCategory, Rows: 3, Nulls: 1, Distinct: 2, Top: []asof.ValueCount{{Text: "false", Count: 1}, {Text: "true", Count: 1}}},
	} {
		if !cmp.Equal(people[name], want) {
			t.Errorf("%s", cmp.Diff(want, people[name]))
		}
	}
	since := float64(time.Date(2020, 2, 29, 12, 0, 0, 0, time.UTC).Unix())
	for name, want := range map[string]float64{"age": 30, "since": since, "numbers": 2, "raw": 2, "days": 1} {
		if p := people[name]; p.Rows != 3 || p.Nulls != 2 || p.Max == nil || *p.Max != want {
			t.Errorf("%s: %+v, want %g at most", name, p, want)
		}
	}
}

// A span is one of the times at which answers were given; a log of more rows
// than asked to be exact is sampled.
func TestProfileSpan(t *testing.T) {
	s := open(t, answerlog.Options{Rate: 1})
	var keys []string
	for range 2000 {
		keys = append(keys, "ann")
	}
	s.ask(service("unlogged"), texts("user_id", keys...))
	if err := s.log.Close(); err != nil {
		t.Fatal(err)
	}
	for rows, span := range map[int64][2]time.Time{2000: {now, now}, 0: {now.Add(time.Microsecond), now.Add(time.Hour)}} {
		if p := s.profiles(t.Context(), usage, asof.ProfileQuery{From: span[0], To: span[1]})["hours"]; p.Rows != rows {
			t.Errorf("from %s to %s there are %d rows, want %d", span[0], span[1], p.Rows, rows)
		}
	}
	if p := s.profiles(t.Context(), usage, asof.ProfileQuery{Exact: 500})["hours"]; p.Rows != 2000 || p.Sampled < 300 || p.Sampled > 700 || *p.Mean != 1.5 {
		t.Errorf("of a sample: %+v", p)
	}
}

// Files of a time when the view had other features say nothing of the new ones,
// and what is no log is named.
func TestProfileOfOtherFiles(t *testing.T) {
	s := open(t, answerlog.Options{Rate: 1})
	s.ask(service("unlogged"), texts("user_id", "ann"))
	wider := *usage
	wider.Features = append([]asof.Field{field("late", asof.TypeFloat64)}, usage.Features...)
	s.apply(&wider)
	if err := s.store.Update(t.Context(), project, []*asof.FeatureView{profile, &wider}, nil); err != nil {
		t.Fatal(err)
	}
	s.reader.Changed()
	s.ask(serving.Selection{Features: []string{"usage:late", "usage:hours"}}, texts("user_id", "ann"))
	if err := s.log.Close(); err != nil {
		t.Fatal(err)
	}
	got := s.profiles(t.Context(), &wider, asof.ProfileQuery{})
	if files := s.files("answers/usage"); len(files) != 2 || got["hours"].Rows != 2 || got["late"].Rows != 1 || got["visits"].Rows != 1 {
		t.Errorf("%v: %+v", files, got)
	}
	stray := filepath.Join(s.dir, "answers", "usage", "stray.parquet")
	if err := os.WriteFile(stray, []byte("PAR1"), 0o600); err != nil {
		t.Fatal(err)
	}
	snapshot, err := s.registry.Snapshot(t.Context(), project)
	if err != nil {
		t.Fatal(err)
	}
	served := answerlog.Served{Snapshot: snapshot, Dir: s.dir, Folder: filepath.Join(s.dir, "answers")}
	if _, err := served.Profile(t.Context(), &asof.ProfileQuery{View: asof.ViewQuery{View: "usage"}}); err == nil || !strings.Contains(err.Error(), stray) {
		t.Errorf("a file that is no log: %v", err)
	}
}
