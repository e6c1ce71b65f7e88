package metric_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	arrowmemory "github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/httpapi"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/metric"
	"github.com/asof-dev/asof/serving"
	"github.com/asof-dev/asof/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

const project = "shop"

var (
	now   = time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC)
	user  = &asof.Entity{Name: "user", JoinKey: "user_id", ValueType: asof.TypeString}
	plan  = view("plan", 24*time.Hour)
	usage = view("usage", 0)
	both  = &asof.FeatureService{Name: "both", Projections: []asof.Projection{{View: "plan", Features: plan.Features}, {View: "usage", Features: usage.Features}}}
)

func view(name string, ttl time.Duration) *asof.FeatureView {
	v := &asof.FeatureView{Name: name, Entities: []string{"user"}, Online: true, Enabled: true, TTL: &ttl,
		EntityColumns: []asof.Field{{Name: "user_id", Type: asof.Scalar(asof.TypeString)}}}
	for i := range 5 {
		v.Features = append(v.Features, asof.Field{Name: fmt.Sprintf("%s_%d", name, i), Type: asof.Scalar(asof.TypeInt64)})
	}
	return v
}

// server is a feature server with its metrics, over stores in memory.
type server struct {
	http.Handler
	registry asof.Registry
	ledger   asof.Ledger
	store    asof.OnlineStore
	reader   *serving.Reader
	now      time.Time
}

// newServer has ann in both views, in plan with a null and an old row, and
// eve in usage alone.
func newServer(tb testing.TB, o metric.Options, online httpapi.Options) *server {
	tb.Helper()
	s := &server{registry: memory.NewRegistry(nil), ledger: memory.NewLedger(), now: now}
	s.store = memory.NewOnline(3)
	if _, err := s.registry.Apply(tb.Context(), project, asof.Change{Put: []asof.Object{user, plan, usage, both}}); err != nil {
		tb.Fatal(err)
	}
	write(tb, s.store, plan, `[{"user_id":"ann","event_timestamp":"2024-01-31T12:00:00Z","plan_0":1,"plan_1":2,"plan_2":3,"plan_3":4},
		{"user_id":"bob","event_timestamp":"2024-01-01T00:00:00Z","plan_0":1,"plan_1":2,"plan_2":3,"plan_3":4,"plan_4":5}]`)
	write(tb, s.store, usage, `[{"user_id":"ann","event_timestamp":"2024-01-31T00:00:00Z","usage_0":1,"usage_1":2,"usage_2":3,"usage_3":4,"usage_4":5}]`)
	o.Project, o.Version, o.Now = project, "1.2.3", func() time.Time { return s.now }
	if o.Registry == nil {
		o.Registry = func(context.Context) (asof.Registry, error) { return s.registry, nil }
	}
	if o.Ledger == nil {
		o.Ledger = func(context.Context) (asof.Ledger, error) { return s.ledger, nil }
	}
	metrics := metric.New(o)
	var err error
	s.reader, err = serving.New(serving.Options{Registry: s.registry, Online: s.store, Project: project, Now: func() time.Time { return now }})
	if err != nil {
		tb.Fatal(err)
	}
	online.Reader, online.Observer, online.Metrics = s.reader, metrics, metrics.Handler()
	s.Handler = httpapi.New(online)
	return s
}

func write(tb testing.TB, store asof.OnlineStore, v *asof.FeatureView, rows string) {
	tb.Helper()
	fields := []arrow.Field{{Name: "user_id", Type: arrow.BinaryTypes.String}, {Name: asof.EventTimestamp, Type: asof.Timestamp},
		{Name: asof.CreatedTimestamp, Type: asof.Timestamp, Nullable: true}}
	for _, f := range v.Features {
		fields = append(fields, arrow.Field{Name: f.Name, Type: f.Type.Arrow(), Nullable: true})
	}
	b, _, err := array.RecordFromJSON(arrowmemory.DefaultAllocator, arrow.NewSchema(fields, nil), strings.NewReader(rows))
	if err != nil {
		tb.Fatal(err)
	}
	defer b.Release()
	if err := store.Update(tb.Context(), project, []*asof.FeatureView{v}, nil); err != nil {
		tb.Fatal(err)
	}
	if _, err := store.Write(tb.Context(), project, v, b); err != nil {
		tb.Fatal(err)
	}
}

// ask sends a request and wants the status.
func (s *server) ask(tb testing.TB, method, target, body string, status int) string {
	tb.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequestWithContext(tb.Context(), method, target, strings.NewReader(body)))
	if w.Code != status {
		tb.Errorf("%s %s: %d %s, want %d", method, target, w.Code, w.Body, status)
	}
	return w.Body.String()
}

// shows fails where the metrics lack one of the lines.
func (s *server) shows(tb testing.TB, lines ...string) {
	tb.Helper()
	got := s.ask(tb, "GET", "/metrics", "", 200)
	for _, line := range lines {
		if !strings.Contains("\n"+got, "\n"+line+"\n") {
			tb.Errorf("the metrics lack %s\n%s", line, ofProject(got))
		}
	}
}

// ofProject leaves the runtime's metrics out.
func ofProject(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "feast_") || strings.HasPrefix(line, "asof_") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func TestRequestsAreCounted(t *testing.T) {
	s := newServer(t, metric.Options{}, httpapi.Options{})
	s.ask(t, "POST", "/get-online-features", `{"feature_service":"both","entities":{"user_id":["ann","bob","eve"]}}`, 200)
	s.ask(t, "GET", "/features/ann?features=plan:plan_0", "", 200)
	s.ask(t, "GET", "/features?user_id=ann&user_id=bob&features=plan:plan_0", "", 200)
	s.ask(t, "GET", "/features?user_id=ann&features=nope:nope", "", 404)
	s.ask(t, "POST", "/get-online-features", `{"feature_service":"both","entities":{"user_id":[null]}}`, 400)
	s.ask(t, "POST", "/get-online-features", `{`, 422)
	s.ask(t, "GET", "/nowhere", "", 404)
	s.ask(t, "GET", "/health", "", 200)
	s.shows(t,
		`feast_feature_server_request_total{endpoint="/get-online-features",status="success"} 1`,
		`feast_feature_server_request_total{endpoint="/get-online-features",status="error"} 1`,
		`feast_feature_server_request_total{endpoint="/features",status="error"} 1`,
		`feast_feature_server_request_latency_seconds_count{endpoint="/get-online-features",feature_count="1-10",feature_view_count="2"} 1`,
		`feast_feature_server_request_latency_seconds_count{endpoint="/get-online-features",feature_count="",feature_view_count=""} 1`,
		`feast_feature_server_request_latency_seconds_count{endpoint="/features/{key}",feature_count="1-10",feature_view_count="1"} 1`,
		`feast_online_features_request_total 3`,
		`feast_online_features_entity_count_bucket{le="1"} 1`,
		`feast_online_features_entity_count_bucket{le="5"} 3`,
		`feast_online_features_entity_count_sum 6`,
		`feast_feature_server_online_store_read_duration_seconds_count 3`,
		// ann 4 and a null, bob 5 that are too old, eve 5 that are not there; then ann; then ann and bob
		`asof_online_values_total{feature_view="plan",status="present"} 6`,
		`asof_online_values_total{feature_view="plan",status="null_value"} 1`,
		`asof_online_values_total{feature_view="plan",status="outside_max_age"} 6`,
		`asof_online_values_total{feature_view="plan",status="not_found"} 5`,
		`feast_online_features_status_total{feature_view="plan",status="present"} 13`,
		`feast_online_features_status_total{feature_view="plan",status="not_found"} 5`,
		`feast_online_features_status_total{feature_view="usage",status="not_found"} 10`,
		`asof_request_duration_seconds_count{code="200",feature_service="both",route="/get-online-features"} 1`,
		`asof_request_duration_seconds_count{code="400",feature_service="both",route="/get-online-features"} 1`,
		`asof_request_duration_seconds_count{code="422",feature_service="",route="/get-online-features"} 1`,
		`asof_request_duration_seconds_count{code="404",feature_service="",route="other"} 1`,
		`asof_request_duration_seconds_count{code="200",feature_service="",route="/health"} 1`,
		`asof_requests_refused_total 0`)
}

// A caller who makes up names adds no series.
func TestSeriesAreBounded(t *testing.T) {
	s := newServer(t, metric.Options{}, httpapi.Options{})
	for i := range 50 {
		s.ask(t, "GET", fmt.Sprintf("/features/ann?feature_service=made_up_%d", i), "", 404)
		s.ask(t, "GET", fmt.Sprintf("/made/up/%d", i), "", 404)
	}
	s.shows(t, `asof_request_duration_seconds_count{code="404",feature_service="",route="/features/{key}"} 50`,
		`asof_request_duration_seconds_count{code="404",feature_service="",route="other"} 50`)
	if got := s.ask(t, "GET", "/metrics", "", 200); strings.Contains(got, "made") {
		t.Errorf("a caller's names are in the metrics:\n%s", ofProject(got))
	}
}

func TestFeatureCountBins(t *testing.T) {
	s := newServer(t, metric.Options{FeatureCountBins: []int{1, 9}}, httpapi.Options{})
	s.ask(t, "POST", "/get-online-features", `{"feature_service":"both","entities":{"user_id":["ann"]}}`, 200)
	s.ask(t, "POST", "/get-online-features", `{"features":["plan:plan_0"],"entities":{"user_id":["ann"]}}`, 200)
	s.ask(t, "POST", "/get-online-features", `{"features":["plan:plan_0","plan:plan_1"],"entities":{"user_id":["ann"]}}`, 200)
	const count = `feast_feature_server_request_latency_seconds_count{endpoint="/get-online-features",feature_count=`
	s.shows(t, count+`"1-1",feature_view_count="1"} 1`, count+`"2-9",feature_view_count="1"} 1`, count+`"10+",feature_view_count="2"} 1`)
}

// materialized enters a run of plan over days of January; one of no seconds
// was killed.
func (s *server) materialized(t *testing.T, from, to, seconds int, failure string, written int64) {
	t.Helper()
	day := func(n int) time.Time { return time.Date(2024, 1, n, 0, 0, 0, 0, time.UTC) }
	m := asof.Materialization{Project: project, View: "plan", Span: asof.Interval{From: day(from), To: day(to)}, Started: now, Cause: "materialize"}
	id, err := s.ledger.Begin(t.Context(), m)
	if err == nil && seconds > 0 {
		m.ID, m.Finished, m.Written, m.Newest, m.Error = id, now.Add(time.Duration(seconds)*time.Second), written, day(to), failure
		err = s.ledger.Finish(t.Context(), m)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestLedger(t *testing.T) {
	s := newServer(t, metric.Options{}, httpapi.Options{})
	enter := func(from, to, seconds int, failure string, written int64) {
		t.Helper()
		s.materialized(t, from, to, seconds, failure, written)
	}
	enter(1, 10, 0, "", 0) // killed, and run again
	enter(1, 10, 7, "", 100)
	enter(10, 20, 2, "", 50)
	enter(25, 31, 1, "", 5) // behind a gap
	enter(20, 25, 3, "no space", 0)
	enter(20, 25, 0, "", 0)
	s.shows(t,
		`feast_feature_freshness_seconds{feature_view="plan",project="shop"} 1.0368e+06`, // 12 days since 20 January
		`feast_materialization_result_total{feature_view="plan",status="success"} 3`,
		`feast_materialization_result_total{feature_view="plan",status="failure"} 1`,
		`feast_materialization_result_total{feature_view="usage",status="success"} 0`,
		`feast_materialization_duration_seconds_bucket{feature_view="plan",le="5"} 3`,
		`feast_materialization_duration_seconds_sum{feature_view="plan"} 13`,
		`asof_materialized_rows_total{feature_view="plan"} 155`,
		`asof_materializations_unfinished{feature_view="plan"} 1`,
		`asof_newest_event_timestamp_seconds{feature_view="plan"} 1.7066592e+09`,
		`asof_collect_errors_total{source="ledger"} 0`)
	if got := s.ask(t, "GET", "/metrics", "", 200); strings.Contains(got, `freshness_seconds{feature_view="usage"`) {
		t.Error("a view that was never materialized has a freshness")
	}
	// What was read is good for a while, then it is read again.
	enter(20, 26, 1, "", 1)
	s.shows(t, `asof_materialized_rows_total{feature_view="plan"} 155`)
	s.now = now.Add(time.Minute)
	s.shows(t, `asof_materialized_rows_total{feature_view="plan"} 156`, `feast_feature_freshness_seconds{feature_view="plan",project="shop"} 86460`)
}

// A view with a calendar is late from the day after its month was due, and stale
// once the grace is over.
func TestCalendars(t *testing.T) {
	s := newServer(t, metric.Options{Calendars: asof.Calendars{Views: map[string]*asof.Freshness{"plan": {DueDay: 5, GraceDays: 10}, "usage": {DueDay: 5}}}}, httpapi.Options{})
	s.materialized(t, 31, 31, 1, "", 5)
	const stale, late = `asof_feature_view_stale{feature_view="plan"} `, `asof_feature_view_lateness_seconds{feature_view="plan"} `
	s.now = time.Date(2024, 3, 5, 23, 59, 0, 0, time.UTC)
	s.shows(t, stale+"0", late+"0", `asof_feature_view_stale{feature_view="usage"} 1`, `asof_feature_view_lateness_seconds{feature_view="usage"} 0`)
	s.now = time.Date(2024, 3, 6, 0, 1, 0, 0, time.UTC)
	s.shows(t, stale+"0", late+"60")
	s.now = time.Date(2024, 3, 16, 0, 0, 0, 0, time.UTC)
	s.shows(t, stale+"1", late+"864000")
}

// A view that Feast filled is as fresh as Feast's registry says.
func TestFeastsIntervals(t *testing.T) {
	s := newServer(t, metric.Options{}, httpapi.Options{})
	if err := s.registry.RecordMaterialization(t.Context(), project, "usage", asof.Interval{From: now.AddDate(0, -1, 0), To: now.Add(-time.Hour)}); err != nil {
		t.Fatal(err)
	}
	s.shows(t, `feast_feature_freshness_seconds{feature_view="usage",project="shop"} 3600`)
}

// stalled is a ledger that does not answer.
type stalled struct{ asof.Ledger }

func (stalled) Materializations(ctx context.Context, _ asof.MaterializationQuery) ([]asof.Materialization, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// Metrics are shown whether registry and ledger answer or not.
func TestCollectErrors(t *testing.T) {
	refused := metric.Options{Registry: func(context.Context) (asof.Registry, error) { return nil, errors.New("connection refused") }}
	s := newServer(t, refused, httpapi.Options{})
	s.ask(t, "GET", "/features/ann?features=plan:plan_0", "", 200)
	s.shows(t, `asof_collect_errors_total{source="registry"} 1`, `feast_online_features_request_total 1`)

	s = newServer(t, metric.Options{Ledger: func(context.Context) (asof.Ledger, error) { return stalled{}, nil }}, httpapi.Options{})
	began := time.Now()
	s.shows(t, `asof_collect_errors_total{source="ledger"} 1`, `asof_collect_errors_total{source="registry"} 0`)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("a ledger that does not answer holds up the metrics for %s", took)
	}
}

// TestManyAtOnce counts requests from many goroutines while others look.
func TestManyAtOnce(t *testing.T) {
	s := newServer(t, metric.Options{}, httpapi.Options{})
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 50 {
				s.ask(t, "GET", fmt.Sprintf("/features/ann?features=%s:%s_%d", plan.Name, plan.Name, (i+j)%5), "", 200)
				if j%10 == 0 {
					s.ask(t, "GET", "/metrics", "", 200)
				}
			}
		})
	}
	all.Wait()
	s.shows(t, `feast_online_features_request_total 400`, `feast_feature_server_request_total{endpoint="/features/{key}",status="success"} 400`)
}
