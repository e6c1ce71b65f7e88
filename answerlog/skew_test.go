package answerlog_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	arrowmemory "github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/answerlog"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/monitor"
	"github.com/asof-dev/asof/serving"
)

// offline holds what the users of a view were like on the first of January:
// those that are served, and what a model was trained on.
func (s *shop) offline(users int, hours func(user int) float64) *memory.Offline {
	s.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "user_id", Type: arrow.BinaryTypes.String}, {Name: "event_timestamp", Type: asof.Timestamp},
		{Name: "hours", Type: arrow.PrimitiveTypes.Float64}, {Name: "visits", Type: arrow.PrimitiveTypes.Int32}}, nil)
	b := array.NewRecordBuilder(arrowmemory.DefaultAllocator, schema)
	defer b.Release()
	for user := range users {
		b.Field(0).(*array.StringBuilder).Append(fmt.Sprint(user))
		b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(now.UnixMicro()))
		b.Field(2).(*array.Float64Builder).Append(hours(user))
		b.Field(3).(*array.Int32Builder).Append(int32(user % 7))
	}
	rows := b.NewRecordBatch()
	defer rows.Release()
	store := memory.NewOffline()
	s.Cleanup(func() { _ = store.Close() })
	store.Put("usage", rows)
	return store
}

// serve writes the hours of users to the online store and asks for each of them.
func (s *shop) serve(users int, hours func(user int) float64) {
	s.Helper()
	var rows, keys []string
	for user := range users {
		rows = append(rows, fmt.Sprintf(`{"user_id": "%d", "event_timestamp": "2024-01-05T00:00:00Z", "hours": %g, "visits": %d}`, user, hours(user), user%7))
		keys = append(keys, fmt.Sprint(user))
	}
	s.write(usage, "["+strings.Join(rows, ",")+"]")
	s.ask(service("unlogged"), texts("user_id", keys...))
	if err := s.log.Close(); err != nil {
		s.Fatal(err)
	}
}

// Values that are not what the model was trained on are found, with how far they
// are off; the same values are stable, in whichever order they were asked for.
func TestSkew(t *testing.T) {
	const users = 600
	right := func(user int) float64 { return float64(user % 50) }
	for name, c := range map[string]struct {
		served  func(int) float64
		verdict asof.Verdict
		reason  string
	}{
		"agreement":   {right, asof.VerdictStable, ""},
		"other users": {func(user int) float64 { return right(users - user) }, asof.VerdictStable, ""},
		"minutes":     {func(user int) float64 { return 60 * right(user) }, asof.VerdictDrifted, "KS"},
		"moved":       {func(user int) float64 { return right(user) + 20 }, asof.VerdictDrifted, "mean"},
		"constant":    {func(int) float64 { return 0 }, asof.VerdictDrifted, "PSI"},
	} {
		s := open(t, answerlog.Options{Rate: 1})
		source := *usage.Source
		source.Kind, source.Table, source.Path = asof.SourcePostgres, "usage", ""
		trained := *usage
		trained.Source = &source
		s.apply(&asof.Project{Name: project}, &trained)
		s.serve(users, c.served)
		snapshot, err := s.registry.Snapshot(t.Context(), project)
		if err != nil {
			t.Fatal(err)
		}
		served := &answerlog.Served{Snapshot: snapshot, Dir: s.dir, Folder: filepath.Join(s.dir, "answers")}
		if r, err := served.Logged(t.Context(), "usage"); err != nil || r != (asof.SourceRange{Rows: users, Oldest: now, Newest: now}) {
			t.Errorf("logged %+v, %v", r, err)
		}
		m := monitor.Monitor{Project: project, Registry: s.registry, Offline: s.offline(users, right)}
		day := now.Truncate(24 * time.Hour)
		views, err := m.Drift(t.Context(), []string{"usage"}, nil, monitor.Rows(day, day.Add(24*time.Hour)), monitor.Side{DriftSide: asof.DriftSide{Source: asof.StatisticsLog, To: now},
			Describe: func(ctx context.Context, _ *asof.FeatureView, q *asof.ProfileQuery) ([]asof.Profile, error) {
				return served.Profile(ctx, q)
			}})
		if err != nil {
			t.Fatal(err)
		}
		hours, visits := views[0].Features[0], views[0].Features[1]
		if hours.Verdict != c.verdict || !strings.Contains(strings.Join(hours.Reasons, "; "), c.reason) || hours.Current.Rows != users {
			t.Errorf("%s: hours are %s of %d rows: %v", name, hours.Verdict, hours.Current.Rows, hours.Reasons)
		}
		if visits.Verdict != asof.VerdictStable {
			t.Errorf("%s: visits are %s: %v", name, visits.Verdict, visits.Reasons)
		}
	}
}

// Keys that the store does not have are nulls that training did not see.
func TestSkewOfMissingRows(t *testing.T) {
	s := open(t, answerlog.Options{Rate: 1})
	var keys []string
	for user := range 400 {
		keys = append(keys, []string{"ann", "nobody"}[user%2])
	}
	s.ask(serving.Selection{Features: []string{"usage:hours"}}, texts("user_id", keys...))
	if err := s.log.Close(); err != nil {
		t.Fatal(err)
	}
	if p := s.profiles(t.Context(), usage, asof.ProfileQuery{})["hours"]; p.Rows != 400 || p.Nulls != 200 {
		t.Errorf("%+v", p)
	}
}
