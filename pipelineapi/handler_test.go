package pipelineapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/httpapi"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/pipeline"
	"github.com/asof-dev/asof/pipelineapi"
	"github.com/asof-dev/asof/serving"
)

const (
	project = "streamflow"
	month   = `name: month
description: A month.
params:
  as_of: {type: date, default: last day of last month}
  count: {type: integer, default: 1}
steps:
  - load: users
    file: "{{as_of}}.csv"
    key: id
    columns: {id: integer}
schedule:
  - cron: 0 6 5 * *
  - folder: "in/{as_of}"
    marker: DONE
`
)

// rig is a feature server of a repository with pipelines.
type rig struct {
	http.Handler
	store  *memory.Runs
	told   int // of new runs
	undone map[string]time.Time
}

func newRig(t testing.TB, change func(*pipelineapi.Options, *httpapi.Options)) *rig {
	t.Helper()
	folder := t.TempDir()
	for name, text := range map[string]string{"month": month, "wrong": "name: wrong\n", "plain": strings.Replace(strings.Split(month, "schedule:")[0], "name: month", "name: plain", 1)} {
		if err := os.WriteFile(filepath.Join(folder, name+".yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := &rig{store: memory.NewRuns(), undone: map[string]time.Time{}}
	o := pipelineapi.Options{Project: project, Store: keep(r.store), Entered: func() { r.told++ },
		Names: func() ([]string, error) { return []string{"month", "plain", "wrong"}, nil },
		Load: func(name string) (*pipeline.Pipeline, error) {
			return pipeline.Load(filepath.Join(folder, name+".yaml"))
		},
		RolledBack: func(context.Context) (map[string]time.Time, error) { return r.undone, nil },
		Rollback: func(_ context.Context, run string) (asof.Rollback, error) {
			if len(r.undone) > 0 && r.undone[run].IsZero() {
				return asof.Rollback{}, asof.Errorf(asof.CodeConflict, "roll back others first")
			}
			r.undone[run] = time.Now()
			return asof.Rollback{Publication: asof.Publication{ID: run, Undone: r.undone[run]}, Tables: []asof.TableChange{{Table: "users", Removed: 2}}}, nil
		}}
	reader, err := serving.New(serving.Options{Registry: memory.NewRegistry(nil), Online: memory.NewOnline(3), Project: project})
	if err != nil {
		t.Fatal(err)
	}
	served := httpapi.Options{Reader: reader}
	if change != nil {
		change(&o, &served)
	}
	served.Pipelines = pipelineapi.New(o)
	r.Handler = httpapi.New(served)
	return r
}

func keep(store asof.RunStore) func(context.Context) (asof.RunStore, error) {
	return func(context.Context) (asof.RunStore, error) { return store, nil }
}

// ask returns the status and the body of an answer.
func ask(t testing.TB, h http.Handler, method, target, body string, header ...string) (int, string) {
	t.Helper()
	request := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, request)
	return w.Code, w.Body.String()
}

// entered enters a run and returns its ID.
func (r *rig) entered(t testing.TB, body string, header ...string) string {
	t.Helper()
	status, text := ask(t, r, "POST", "/pipelines/month/runs", body, header...)
	var answer struct{ Run struct{ ID string } }
	if err := json.Unmarshal([]byte(text), &answer); err != nil || answer.Run.ID == "" {
		t.Fatalf("%d %s, %v", status, text, err)
	}
	return answer.Run.ID
}

// work claims a run as a worker does, and records that it goes on.
func (r *rig) work(t testing.TB, id string) asof.RunLease {
	t.Helper()
	run, err := r.store.Claim(t.Context(), asof.RunClaim{Project: project, Run: id, Worker: "w", TTL: time.Minute})
	if err != nil || run == nil {
		t.Fatalf("%v, %v", run, err)
	}
	lease := asof.RunLease{Run: id, Epoch: run.Epoch}
	now := time.Now()
	if err := r.store.Record(t.Context(), lease, asof.RunRunning, asof.RunStep{Name: "load users", Attempt: 1, State: asof.RunRunning, Started: now, Rows: 1, Total: 2}); err != nil {
		t.Fatal(err)
	}
	if err := r.store.Log(t.Context(), lease, asof.RunLine{At: now, Level: "info", Step: "load users", Text: "Zeile 1 ✓"}, asof.RunLine{At: now, Level: "warn", Text: "two"}); err != nil {
		t.Fatal(err)
	}
	return lease
}

func (r *rig) finish(t testing.TB, lease asof.RunLease, state asof.RunState, message string) {
	t.Helper()
	if err := r.store.Finish(t.Context(), lease, state, message, []byte(`{"rows": 2}`)); err != nil {
		t.Fatal(err)
	}
}

// TestRequestsAreIdempotent: what the same request does again, with a key and
// without one.
func TestRequestsAreIdempotent(t *testing.T) {
	r := newRig(t, nil)
	const january = `{"parameters": {"as_of": "2024-01-31", "count": 3}}`
	first := r.entered(t, january)
	if again := r.entered(t, january); again != first {
		t.Errorf("a run that waits is entered again")
	}
	run, err := r.store.Run(t.Context(), first)
	if err != nil || run.Params["count"] != "3" || run.Cause != "api" || r.told != 2 {
		t.Errorf("%+v, %v, told %d", run, err, r.told)
	}
	r.finish(t, r.work(t, first), asof.RunCompleted, "")
	if again := r.entered(t, january); again == first {
		t.Errorf("a run that is completed is answered, without a key")
	}
	keyed := r.entered(t, january, "Idempotency-Key", "k")
	if keyed == first {
		t.Fatal("a key is that of another run")
	}
	for _, state := range []asof.RunState{asof.RunFailed, asof.RunCompleted} {
		r.finish(t, r.work(t, keyed), state, "wrong")
		status, text := ask(t, r, "POST", "/pipelines/month/runs", january, "Idempotency-Key", "k")
		if status != http.StatusOK || !strings.Contains(text, `"created":false`) || !strings.Contains(text, keyed) || !strings.Contains(text, `"state":"`+string(state)+`"`) {
			t.Errorf("%s: %d %s", state, status, text)
		}
		if state == asof.RunFailed {
			if status, text := ask(t, r, "POST", "/runs/"+keyed+"/resume", ""); status != 202 || !strings.Contains(text, "pending") {
				t.Errorf("%d %s", status, text)
			}
		}
	}
	status, text := ask(t, r, "POST", "/pipelines/month/runs", `{"parameters": {"as_of": "2024-02-29"}}`, "Idempotency-Key", "k")
	if status != http.StatusConflict || !strings.Contains(text, "whose parameter as_of is") {
		t.Errorf("%d %s", status, text)
	}
	if status, _ := ask(t, r, "POST", "/pipelines/plain/runs", `{"parameters": {"as_of": "2024-02-29"}}`, "Idempotency-Key", "k"); status != 202 {
		t.Errorf("a key of another pipeline: %d", status)
	}
}

// TestBackfill enters a run for each month, and again only those that are not
// completed.
func TestBackfill(t *testing.T) {
	r := newRig(t, nil)
	const range4 = `{"from": "2023-11", "to": "2024-02", "parameters": {"count": 2}}`
	backfill := func() (ids, days []string) {
		status, text := ask(t, r, "POST", "/pipelines/month/backfill", range4)
		var answer struct {
			Runs []struct {
				ID         string
				Parameters map[string]string
			}
		}
		if err := json.Unmarshal([]byte(text), &answer); err != nil || status != 202 {
			t.Fatalf("%d %s", status, text)
		}
		for _, run := range answer.Runs {
			ids, days = append(ids, run.ID), append(days, run.Parameters["as_of"]+" "+run.Parameters["count"])
		}
		return ids, days
	}
	ids, days := backfill()
	if fmt.Sprint(days) != "[2023-11-30 2 2023-12-31 2 2024-01-31 2 2024-02-29 2]" {
		t.Errorf("%v", days)
	}
	r.finish(t, r.work(t, ids[0]), asof.RunCompleted, "")
	r.finish(t, r.work(t, ids[1]), asof.RunFailed, "x")
	again, _ := backfill()
	if fmt.Sprint(again) != fmt.Sprint(ids) {
		t.Errorf("%v, then %v", ids, again)
	}
	for i, want := range []asof.RunState{asof.RunCompleted, asof.RunPending, asof.RunPending, asof.RunPending} {
		if run, err := r.store.Run(t.Context(), ids[i]); err != nil || run.State != want {
			t.Errorf("%+v, %v, want %s", run, err, want)
		}
	}
}

// TestOpenAPIIsTrue holds answers of every route and status, and the sentences
// of the mistakes, against the document.
func TestOpenAPIIsTrue(t *testing.T) {
	r := newRig(t, nil)
	done := r.entered(t, `{"parameters": {"as_of": "2024-01-31"}}`, "Idempotency-Key", "one")
	r.finish(t, r.work(t, done), asof.RunCompleted, "")
	waits := r.entered(t, `{"parameters": {"as_of": "2023-01-31"}}`)
	if _, _, err := r.store.Submit(t.Context(), asof.Run{ID: "theirs", Project: "other", Pipeline: "month"}, asof.AgainNever); err != nil {
		t.Fatal(err)
	}
	down := newRig(t, func(o *pipelineapi.Options, _ *httpapi.Options) { o.Store = keep(away{memory.NewRuns()}) })
	loader := openapi3.NewLoader()
	_, text := ask(t, r, "GET", "/openapi.json", "")
	document, err := loader.LoadFromData([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := document.Validate(loader.Context); err != nil {
		t.Fatal(err)
	}
	router, err := gorillamux.NewRouter(document)
	if err != nil {
		t.Fatal(err)
	}
	openapi3filter.RegisterBodyDecoder("text/event-stream", func(body io.Reader, _ http.Header, _ *openapi3.SchemaRef, _ openapi3filter.EncodingFn) (any, error) {
		all, err := io.ReadAll(body)
		return string(all), err
	})
	seen := map[string]bool{}
	long := `{"parameters": {"x": "` + strings.Repeat("x", 1<<20) + `"}}`
	for _, c := range []struct {
		h                    http.Handler
		method, target, body string
		status               int
		want                 string // part of the answer
	}{
		{r, "GET", "/pipelines", "", 200, `"name":"wrong","parameters":[],"schedules":[],"error":"`},
		{r, "GET", "/pipelines/month", "", 200, `{"schedule":"cron 0 6 5 * *","catch_up":"last","paused":false,"last":null,"next":"2`},
		{r, "GET", "/pipelines/mont", "", 404, `did you mean \"month\"?`},
		{r, "GET", "/pipelines/..%2F..%2Fetc%2Fpasswd", "", 404, "there is no pipeline"},
		{r, "GET", "/pipelines/wrong", "", 400, "needs `steps`"},
		{r, "GET", "/pipelines/month/runs?state=pending,completed&limit=1", "", 200, waits},
		{r, "GET", "/pipelines/month/runs?before=" + waits, "", 200, done},
		{r, "GET", "/pipelines/plain/runs", "", 200, `{"runs":[]}`},
		{r, "GET", "/pipelines/month/runs?state=runing", "", 400, `did you mean \"running\"?`},
		{r, "GET", "/pipelines/nope/runs", "", 404, "there is no pipeline"},
		{r, "POST", "/pipelines/month/runs", `{"parameters": {"as_of": "2024-01-31"}}`, 202, `"created":true`},
		{r, "POST", "/pipelines/plain/runs", ``, 202, `"count":"1"`},
		{r, "POST", "/pipelines/month/runs", `{"parameters": {"as_of": "January", "cuont": 1}}`, 400, `has to be a date like 2024-01-31, and not \"January\"`},
		{r, "POST", "/pipelines/month/runs", `{"parameters": {"as_of": ["2024-01-31"]}}`, 400, "has to be a text, a number, true or false"},
		{r, "POST", "/pipelines/month/runs", `{"params": {}}`, 400, `unknown field \"params\"`},
		{r, "POST", "/pipelines/month/runs", `{"parameters": {`, 400, "is not the JSON that /openapi.json says"},
		{r, "POST", "/pipelines/month/runs", `{} {}`, 400, "goes on behind"},
		{r, "POST", "/pipelines/nope/runs", `{}`, 404, "there is no pipeline"},
		{r, "POST", "/pipelines/month/runs", long, 413, "larger than 1 MiB"},
		{down, "POST", "/pipelines/month/runs", `{}`, 503, "the store is away"},
		{r, "POST", "/pipelines/month/backfill", `{"from": "2024-01-30", "to": "2024-02-02", "by": "day"}`, 202, `2024-02-02`},
		{r, "POST", "/pipelines/month/backfill", `{"from": "2024-01"}`, 400, "to has to be a day like 2024-01-31 or a month like 2024-01"},
		{r, "POST", "/pipelines/month/backfill", `{"from": "2024-01", "to": "2024-02", "parameters": {"as_of": "2024-01-31"}}`, 400, "leave it out"},
		{r, "POST", "/pipelines/nope/backfill", `{}`, 404, "there is no pipeline"},
		{r, "POST", "/pipelines/month/backfill", long, 413, "larger than 1 MiB"},
		{r, "POST", "/pipelines/month/pause", "", 200, `"paused":true,"last":null,"next":null`},
		{r, "POST", "/pipelines/month/unpause", "", 200, `"paused":false`},
		{r, "POST", "/pipelines/plain/pause", "", 400, "has no schedule"},
		{r, "POST", "/pipelines/nope/pause", "", 404, "there is no pipeline"},
		{r, "POST", "/pipelines/nope/unpause", "", 404, "there is no pipeline"},
		{r, "GET", "/runs?pipeline=month&state=completed&limit=5", "", 200, done},
		{r, "GET", "/runs?limit=1001", "", 400, "limit is \\\"1001\\\"; it has to be a number from 1 to 1000"},
		{r, "GET", "/runs?stat=failed", "", 400, `did you mean \"state\"?`},
		{r, "GET", "/runs?before=nope", "", 404, "there is no run"},
		{down, "GET", "/runs", "", 503, "the store is away"},
		{r, "GET", "/runs/" + done, "", 200, `"report":{"rows":2},"steps":[{"name":"load users","attempt":1,"state":"completed"`},
		{r, "GET", "/runs/nope", "", 404, "there is no run"},
		{r, "GET", "/runs/theirs", "", 404, "there is no run"},
		{r, "GET", "/runs/" + done + "/logs?after=1", "", 200, `"level":"warn","text":"two"}],"next":2}`},
		{r, "GET", "/runs/" + done + "/logs?after=x", "", 400, "after is"},
		{r, "GET", "/runs/theirs/logs", "", 404, "there is no run"},
		{r, "GET", "/runs/" + done + "/events", "", 200, "event: run\ndata: {"},
		{r, "GET", "/runs/theirs/events", "", 404, "there is no run"},
		{r, "POST", "/runs/" + waits + "/cancel", "", 202, `"state":"cancelled"`},
		{r, "POST", "/runs/theirs/cancel", "", 404, "there is no run"},
		{r, "POST", "/runs/" + waits + "/resume", "", 202, `"state":"pending"`},
		{r, "POST", "/runs/" + done + "/resume", "", 409, "nothing to resume"},
		{r, "POST", "/runs/theirs/resume", "", 404, "there is no run"},
		{r, "GET", "/runs/" + done, "", 200, `"rolled_back":null`},
		{r, "POST", "/runs/" + done + "/rollback", "", 200, `"tables":[{"table":"users","added":0,"changed":0,"removed":2}]`},
		{r, "GET", "/runs/" + done, "", 200, `"rolled_back":"2`},
		{r, "GET", "/runs", "", 200, `"rolled_back":"2`},
		{r, "POST", "/runs/" + waits + "/rollback", "", 409, "others first"},
		{r, "POST", "/runs/theirs/rollback", "", 404, "there is no run"},
	} {
		request := httptest.NewRequest(c.method, c.target, strings.NewReader(c.body))
		request.Header.Set("Content-Type", "application/json")
		route, parameters, err := router.FindRoute(request)
		if err != nil {
			t.Errorf("%s: %v", c.target, err)
			continue
		}
		seen[c.method+" "+route.Path] = true
		w := httptest.NewRecorder()
		c.h.ServeHTTP(w, request)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s %s %.200s: %d %s, want %d %s", c.method, c.target, c.body, w.Code, w.Body, c.status, c.want)
		}
		if w.Code >= 400 && (!strings.HasPrefix(w.Body.String(), `{"detail":"`)) {
			t.Errorf("%s: %s", c.target, w.Body)
		}
		if route.Operation.Responses.Status(c.status) == nil {
			t.Errorf("%s: status %d is not in the document", c.target, c.status)
		}
		input := &openapi3filter.RequestValidationInput{Request: httptest.NewRequest(c.method, c.target, strings.NewReader(c.body)), PathParams: parameters, Route: route,
			Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
		input.Request.Header.Set("Content-Type", "application/json")
		if err := openapi3filter.ValidateRequest(context.Background(), input); c.status < 300 && err != nil {
			t.Errorf("%s %s: the document refuses the request: %v", c.target, c.body, err)
		}
		answer := &openapi3filter.ResponseValidationInput{RequestValidationInput: input, Status: w.Code, Header: w.Header(), Body: io.NopCloser(bytes.NewReader(w.Body.Bytes()))}
		if err := openapi3filter.ValidateResponse(context.Background(), answer); err != nil {
			t.Errorf("%s: the document has another answer than\n%s\n%v", c.target, w.Body, err)
		}
		if pipelineapi.Route(request.URL.Path) != route.Path && !strings.Contains(c.target, "%2F") {
			t.Errorf("the route of %s is %s", c.target, pipelineapi.Route(request.URL.Path))
		}
	}
	for path, item := range document.Paths.Map() {
		for method := range item.Operations() {
			if pipelineapi.Route(path) != "" && !seen[method+" "+path] {
				t.Errorf("%s %s is in the document, and was not asked", method, path)
			}
		}
	}
}

// away is a store that does not answer.
type away struct{ asof.RunStore }

var errAway = asof.Errorf(asof.CodeUnavailable, "the store is away")

func (away) Submit(context.Context, asof.Run, asof.RunAgain) (asof.Run, bool, error) {
	return asof.Run{}, false, errAway
}
func (away) Runs(context.Context, asof.RunQuery) ([]asof.Run, error) { return nil, errAway }

// TestRefusals: other methods, other routes, and a server without pipelines.
func TestRefusals(t *testing.T) {
	r := newRig(t, nil)
	for _, c := range []struct {
		method, target string
		status         int
	}{
		{"DELETE", "/runs/x", 405}, {"PUT", "/pipelines/month/runs", 405}, {"GET", "/pipelines/month/pause", 405}, {"POST", "/runs", 405}, {"POST", "/runs/x/events", 405},
		{"GET", "/runs/x/steps", 404}, {"GET", "/pipelines/month/runs/x", 404}, {"GET", "/runsx", 404}, {"HEAD", "/pipelines", 200},
	} {
		if status, text := ask(t, r, c.method, c.target, ""); status != c.status {
			t.Errorf("%s %s: %d %s", c.method, c.target, status, text)
		}
	}
	if status, _ := ask(t, r, "POST", "/pipelines/month/runs", "{}", "Idempotency-Key", strings.Repeat("k", 256)); status != 400 {
		t.Errorf("a long key: %d", status)
	}
	reader, err := serving.New(serving.Options{Registry: memory.NewRegistry(nil), Online: memory.NewOnline(3), Project: project})
	if err != nil {
		t.Fatal(err)
	}
	without := httpapi.New(httpapi.Options{Reader: reader})
	if status, _ := ask(t, without, "GET", "/pipelines", ""); status != 404 {
		t.Errorf("a server without pipelines: %d", status)
	}
}
