package httpapi_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/httpapi"
	"github.com/asof-dev/asof/materialize"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/server"
)

// stuck is an online store that holds each write up.
type stuck struct {
	asof.OnlineStore
	entered, leave chan struct{}
}

func (s *stuck) Write(ctx context.Context, project string, v *asof.FeatureView, rows arrow.RecordBatch) (int64, error) {
	select {
	case s.entered <- struct{}{}:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	select {
	case <-s.leave:
		return s.OnlineStore.Write(ctx, project, v, rows)
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// filling are the options of a server that materializes clicks from a table.
func filling(t *testing.T) (httpapi.Options, *stuck) {
	t.Helper()
	o := writing(t)
	store := &stuck{OnlineStore: o.Pusher.Online, entered: make(chan struct{}), leave: make(chan struct{})}
	if err := store.Update(t.Context(), project, []*asof.FeatureView{clicks}, nil); err != nil {
		t.Fatal(err)
	}
	offline := memory.NewOffline()
	rows := batch(t, clicks, `[{"user_id": "ann", "event_timestamp": "2024-05-01T00:00:00Z", "clicks": 3, "share": 0.5},
		{"user_id": "bob", "event_timestamp": "2024-05-02T00:00:00Z", "clicks": 4, "share": 0.5}]`)
	defer rows.Release()
	offline.Put("clicks", rows)
	m := &materialize.Materializer{Project: project, Registry: o.Pusher.Registry, Offline: offline, Online: store, Ledger: memory.NewLedger()}
	o.Jobs = &materialize.Jobs{}
	t.Cleanup(o.Jobs.Close)
	o.Materializer = func(context.Context) (*materialize.Materializer, error) { return m, nil }
	return o, store
}

func TestMaterializeRoutes(t *testing.T) {
	o, store := filling(t)
	close(store.leave)
	go func() {
		for range store.entered {
		}
	}()
	defer close(store.entered)
	h := httpapi.New(o)
	for _, c := range []struct {
		target, body string
		status       int
		want         []string // of the answer
	}{
		{"/materialize", `{"start_ts":"2024-04-01T00:00:00","end_ts":"2024-05-01T00:00:00","feature_views":null,"disable_event_timestamp":false,"full_feature_names":false}`,
			200, []string{`"status":"done","feature_views":["clicks"]`, `"from":"2024-04-01T00:00:00Z","to":"2024-05-01T00:00:00Z","rows_read":1,"keys_written":1,"newest_event":"2024-05-01T00:00:00Z"`}},
		{"/materialize-incremental", `{"end_ts":"2024-05-03","feature_views":["clicks"]}`, 200, []string{`"from":"2024-05-01T00:00:00Z","to":"2024-05-03T00:00:00Z","rows_read":2,"keys_written":2`}},
		{"/materialize-incremental", `{"end_ts":"2024-05-03"}`, 200, []string{`"rows_read":0,"keys_written":0,"newest_event":null`, `source clicks_source has rows from 2024-05-01T00:00:00Z to 2024-05-02T00:00:00Z`}},
		{"/materialize", `{"disable_event_timestamp":true}`, 200, []string{`"from":"1970-01-01T00:00:00Z"`, `"rows_read":2`}},
		{"/materialize", `{"start_ts":"2024-04-01"}`, 400, []string{`FeastError: end_ts is missing`}},
		{"/materialize", `{"start_ts":"2024-04-01","end_ts":"soon"}`, 400, []string{`FeastError: end_ts "soon" is no time; write 2024-01-31T12:00:00`}},
		{"/materialize", `{"start_ts":"2024-04-02","end_ts":"2024-04-01"}`, 400, []string{`start_ts 2024-04-02 is after end_ts 2024-04-01`}},
		{"/materialize", `{"disable_event_timestamp":true,"feature_views":["klicks"]}`, 404, []string{`FeatureViewNotFoundException: feature view "klicks" does not exist in this project; did you mean "clicks"?`}},
		{"/materialize", `{"disable_event_timestamp":true,"version":"v1","feature_views":["clicks"]}`, 400, []string{`feature view "clicks" is at version v0, and only that one is materialized`}},
		{"/materialize-incremental", `{"end_ts":"2024-05-03","version":"v0"}`, 200, []string{`"status":"done"`}},
		{"/materialize", `{"feature_views":"clicks"}`, 422, []string{`{"detail":[{"type":"list_type","loc":["body","feature_views"]`}},
		{"/materialize", `{"feature_views":[1]}`, 422, []string{`{"detail":[{"type":"string_type","loc":["body","feature_views",0]`}},
		{"/materialize", `{"start_ts":5}`, 422, []string{`"loc":["body","start_ts"]`}},
		{"/materialize-incremental", `{}`, 400, []string{`end_ts is missing`}},
	} {
		status, got := ask(t, h, "POST", c.target, c.body)
		for _, want := range c.want {
			if got := problem(t, got); status != c.status || !strings.Contains(got, want) {
				t.Errorf("%s %s: got %d %s, want %d %s", c.target, c.body, status, got, c.status, want)
			}
		}
	}
	if status, got := ask(t, h, "GET", "/features/bob?features=clicks:clicks", ""); status != 200 || !strings.Contains(got, `"clicks":4`) {
		t.Errorf("%d %s", status, got)
	}
	if status, got := ask(t, h, "GET", "/materialize/jobs", ""); status != 200 || strings.Count(got, `"status":"done"`) != 5 {
		t.Errorf("the jobs: %d %s", status, got)
	}
	if status, got := ask(t, h, "GET", "/materialize/jobs/nope", ""); status != 404 || !strings.Contains(got, "asof materializations") {
		t.Errorf("a job that there is not: %d %s", status, got)
	}
}

// TestMaterializeInTheBackground asks for a job while another one runs.
func TestMaterializeInTheBackground(t *testing.T) {
	o, store := filling(t)
	h := httpapi.New(o)
	body := `{"disable_event_timestamp":true,"feature_views":["clicks"]}`
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", "/materialize?async=true", strings.NewReader(body)))
	var accepted struct {
		Status, Job string
		Views       []string `json:"feature_views"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &accepted); err != nil || w.Code != 202 || accepted.Status != "accepted" || len(accepted.Views) != 1 || accepted.Views[0] != "clicks" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	at := "/materialize/jobs/" + accepted.Job
	if w.Header().Get("Location") != at {
		t.Errorf("the job is at %q, want %q", w.Header().Get("Location"), at)
	}
	if status, got := ask(t, h, "POST", "/materialize-incremental?async=true", `{"end_ts":"2024-06-01"}`); status != 409 || !strings.HasPrefix(got, `{"error":"being materialized already: clicks; `) || !strings.HasSuffix(got, `"feature_views":["clicks"]}`) {
		t.Errorf("a second job: %d %s", status, got)
	}
	<-store.entered
	if _, got := ask(t, h, "GET", at, ""); !strings.Contains(got, `"status":"running"`) || !strings.Contains(got, `"finished":null`) {
		t.Errorf("while it runs: %s", got)
	}
	status, got := ask(t, h, "POST", "/materialize-incremental?async=true&force=true", `{"end_ts":"2024-06-01"}`)
	if status != 202 {
		t.Errorf("a forced job: %d %s", status, got)
	}
	store.leave <- struct{}{}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		_, got := ask(t, h, "GET", "/materialize/jobs", "")
		if strings.Count(got, `"status":"done"`) == 2 {
			if !strings.Contains(got, `"from":"2024-05-02T00:00:00.000001Z"`) { // where the first one ended
				t.Errorf("the forced job did not wait: %s", got)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the jobs do not end: %s", got)
		}
	}
}

// TestMaterializeOutlivesItsClient has a run that takes longer than the server
// lets an answer take, and than its client waits; and one that the server's end
// interrupts.
func TestMaterializeOutlivesItsClient(t *testing.T) {
	o, store := filling(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error)
	const limit = 300 * time.Millisecond
	go func() {
		served <- server.HTTP(ctx, l, httpapi.New(o), server.HTTPOptions{ReadTimeout: limit, WriteTimeout: limit})
	}()
	post := func(ctx context.Context) (*http.Response, error) {
		r, err := http.NewRequestWithContext(ctx, "POST", "http://"+l.Addr().String()+"/materialize", strings.NewReader(`{"disable_event_timestamp":true}`))
		if err != nil {
			t.Fatal(err)
		}
		return http.DefaultClient.Do(r)
	}
	go func() {
		<-store.entered
		time.Sleep(limit * 3 / 2)
		store.leave <- struct{}{}
	}()
	answer, err := post(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != 200 {
		t.Errorf("an answer that comes late: %s", answer.Status)
	}
	impatient, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if answer, err = post(impatient); err == nil {
		t.Fatal(answer.Status)
	}
	<-store.entered
	store.leave <- struct{}{}
	waiting := make(chan int)
	go func() {
		answer, err := post(t.Context())
		if err != nil {
			t.Error(err)
			waiting <- 0
			return
		}
		answer.Body.Close()
		waiting <- answer.StatusCode
	}()
	<-store.entered
	o.Jobs.Close()
	if status := <-waiting; status != 503 {
		t.Errorf("a run that the end interrupts: %d", status)
	}
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
	states := ""
	for _, job := range o.Jobs.All() {
		states += string(asof.ErrorCode(job.Err)) + "|"
	}
	if states != "unavailable|||" {
		t.Errorf("the jobs, newest first, ended with %q", states)
	}
}

// refusing is an online store that takes no writes of the server's user.
type refusing struct{ asof.OnlineStore }

func (refusing) Write(context.Context, string, *asof.FeatureView, arrow.RecordBatch) (int64, error) {
	return 0, asof.Errorf(asof.CodeForbidden, "permission denied for table clicks")
}

// TestMaterializeWhereTheStoreRefuses is no 403: the caller has every right.
func TestMaterializeWhereTheStoreRefuses(t *testing.T) {
	o, store := filling(t)
	m, err := o.Materializer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m.Online = refusing{store}
	status, body := ask(t, httpapi.New(o), "POST", "/materialize-incremental", `{"end_ts": "2024-06-01T00:00:00"}`)
	if status != http.StatusServiceUnavailable || !strings.Contains(body, "permission denied for table clicks") {
		t.Errorf("%d %s", status, body)
	}
}
