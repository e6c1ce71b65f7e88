package notify_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/notify"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// receiver is a server that takes what is sent, as answer says.
type receiver struct {
	*httptest.Server
	answer func(n int, w http.ResponseWriter, r *http.Request) // nil: 200
	mu     sync.Mutex
	sent   []request
}

type request struct {
	at     time.Time
	header http.Header
	body   []byte
}

func receive(t *testing.T, answer func(n int, w http.ResponseWriter, r *http.Request)) *receiver {
	t.Helper()
	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, got *http.Request) {
		body, _ := io.ReadAll(got.Body)
		r.mu.Lock()
		r.sent = append(r.sent, request{time.Now(), got.Header, body})
		n := len(r.sent)
		r.mu.Unlock()
		if r.answer != nil {
			r.answer(n, w, got)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// got returns the requests so far.
func (r *receiver) got() []request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.sent)
}

// types returns the types of what was sent.
func (r *receiver) types(t *testing.T) (types []string) {
	t.Helper()
	for _, g := range r.got() {
		var body struct{ Type string }
		if err := json.Unmarshal(g.body, &body); err != nil {
			t.Fatalf("%v in %s", err, g.body)
		}
		types = append(types, body.Type)
	}
	return types
}

// watched is a store in memory whose runs are told of.
type watched struct {
	asof.RunStore
	*notify.Notifier
	log bytes.Buffer
}

// Close ends the telling, and then the store.
func (w *watched) Close() error { return errors.Join(w.Notifier.Close(), w.RunStore.Close()) }

func watch(t *testing.T, o notify.Options) *watched {
	t.Helper()
	w := &watched{}
	o.Log = slog.New(slog.NewTextHandler(&w.log, nil))
	if o.Pause == 0 {
		o.Pause = time.Millisecond
	}
	w.Notifier = notify.New(o)
	w.RunStore = w.Notifier.Store(memory.NewRuns())
	t.Cleanup(func() { _ = w.Close() })
	return w
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// submit enters a run of the pipeline month.
func (w *watched) submit(t *testing.T) asof.Run {
	t.Helper()
	run, _, err := w.Submit(t.Context(), asof.Run{Project: "shop", Pipeline: "month", Cause: "command", Params: map[string]string{"as_of": "2024-01-31"}}, asof.AgainAlways)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// claim claims it.
func (w *watched) claim(t *testing.T, run asof.Run, ttl time.Duration) asof.RunLease {
	t.Helper()
	claimed := must[*asof.Run](t)(w.Claim(t.Context(), asof.RunClaim{Project: "shop", Run: run.ID, Worker: "w", TTL: ttl}))
	if claimed == nil {
		t.Fatal("the run cannot be claimed")
	}
	return asof.RunLease{Run: claimed.ID, Epoch: claimed.Epoch}
}

func (w *watched) finish(t *testing.T, l asof.RunLease, state asof.RunState, message string) {
	t.Helper()
	if err := w.Finish(t.Context(), l, state, message, nil); err != nil {
		t.Fatal(err)
	}
}

// TestWebhook tells of a run with a step that is tried again, signed.
func TestWebhook(t *testing.T) {
	r := receive(t, nil)
	w := watch(t, notify.Options{Targets: []notify.Target{{Name: "all", Format: notify.JSON, URL: r.URL, Secret: "whsec_c2VjcmV0", States: notify.States,
		Headers: map[string]string{"Authorization": "Bearer abc"}}}})
	run := w.submit(t)
	l := w.claim(t, run, time.Minute)
	began := time.Now().UTC().Truncate(time.Second)
	first := asof.RunStep{Name: "load users", Attempt: 1, State: asof.RunFailed, Started: began, Finished: began.Add(time.Second), Error: "the disk is full"}
	for range 3 { // told once, though it is recorded again and again
		if err := w.Record(t.Context(), l, asof.RunRetrying, first); err != nil {
			t.Fatal(err)
		}
	}
	second := asof.RunStep{Name: "load users", Attempt: 2, State: asof.RunCompleted, Started: began, Finished: began.Add(2 * time.Second), Rows: 7043}
	if err := w.Record(t.Context(), l, asof.RunRunning, second); err != nil {
		t.Fatal(err)
	}
	w.finish(t, l, asof.RunCompleted, "")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"run.running", "run.retrying", "run.completed"}, r.types(t)); d != "" {
		t.Fatalf("-want +got\n%s", d)
	}
	sent := r.got()
	ids := map[string]bool{}
	for _, s := range sent {
		at := must[time.Time](t)(http.ParseTime(time.Now().UTC().Format(http.TimeFormat)))
		want := http.Header{}
		var stamp int64
		if _, err := fmt.Sscan(s.header.Get("webhook-timestamp"), &stamp); err != nil || at.Unix()-stamp > 60 || at.Unix() < stamp-60 {
			t.Errorf("webhook-timestamp %q", s.header.Get("webhook-timestamp"))
		}
		notify.Sign(want, "secret", s.header.Get("webhook-id"), time.Unix(stamp, 0), s.body)
		if got := s.header.Get("webhook-signature"); got != want.Get("webhook-signature") || got == "" {
			t.Errorf("signature %q, want %q", got, want.Get("webhook-signature"))
		}
		if s.header.Get("Authorization") != "Bearer abc" || s.header.Get("Content-Type") != "application/json" {
			t.Errorf("headers %v", s.header)
		}
		ids[s.header.Get("webhook-id")] = true
	}
	if len(ids) != 3 {
		t.Errorf("the three events have the IDs %v", ids)
	}
	var retrying, completed struct {
		Data struct {
			Project, Pipeline, Run, State, Cause string
			Params                               map[string]string
			Attempt                              int
			Error                                *string
			Finished                             *time.Time
			Steps                                []struct {
				Name, State   string
				Attempt, Rows int
				Seconds       float64
				Error         *string
			}
		}
	}
	for body, into := range map[*request]any{&sent[1]: &retrying, &sent[2]: &completed} {
		if err := json.Unmarshal(body.body, into); err != nil {
			t.Fatal(err)
		}
	}
	if d := retrying.Data; d.Run != run.ID || d.Project != "shop" || d.Pipeline != "month" || d.Cause != "command" || d.Params["as_of"] != "2024-01-31" || d.Attempt != 1 || d.Finished != nil {
		t.Errorf("retrying: %s", sent[1].body)
	}
	if d := completed.Data; d.State != "completed" || d.Error != nil || d.Finished == nil || len(d.Steps) != 1 || d.Steps[0].Attempt != 2 || d.Steps[0].Rows != 7043 || d.Steps[0].Seconds != 2 || d.Steps[0].Error != nil {
		t.Errorf("completed: %s", sent[2].body)
	}
	if d := cmp.Diff([]notify.Count{{Target: "all", Delivered: 3}}, w.Counts()); d != "" {
		t.Errorf("counts: -want +got\n%s", d)
	}
}

// TestRunsDoNotWait has one target that never answers, and more runs than are
// queued for it.
func TestRunsDoNotWait(t *testing.T) {
	release := make(chan struct{})
	stuck := receive(t, func(int, http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	fine := receive(t, nil)
	w := watch(t, notify.Options{Grace: 500 * time.Millisecond,
		Targets: []notify.Target{{Name: "stuck", URL: stuck.URL}, {Name: "fine", URL: fine.URL, Format: notify.JSON}}})
	const runs = 400
	for n := 1; n <= runs; n++ {
		began := time.Now()
		w.finish(t, w.claim(t, w.submit(t), time.Minute), asof.RunCompleted, "")
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("run %d took %v", n, took)
		}
		for deadline := time.Now().Add(20 * time.Second); n%200 == 0 && len(fine.got()) < n && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		}
	}
	began := time.Now()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("closing took %v", took)
	}
	counts := w.Counts()
	if c := counts[0]; c.Delivered != 0 || c.Failed == 0 || c.Dropped == 0 || c.Failed+c.Dropped != runs {
		t.Errorf("the stuck target: %+v", c)
	}
	if c := counts[1]; c != (notify.Count{Target: "fine", Delivered: runs}) || len(fine.got()) != runs {
		t.Errorf("the other: %+v, %d requests", c, len(fine.got()))
	}
	l := w.claim(t, w.submit(t), time.Minute) // after Close nobody is told, and nothing breaks
	w.finish(t, l, asof.RunCompleted, "")
}

// TestWhoIsTold holds targets to the states and pipelines that they are told of.
func TestWhoIsTold(t *testing.T) {
	ended, failed, other := receive(t, nil), receive(t, nil), receive(t, nil)
	w := watch(t, notify.Options{Targets: []notify.Target{{Name: "ended", URL: ended.URL}, {Name: "failed", URL: failed.URL, States: []asof.RunState{asof.RunFailed}},
		{Name: "other", URL: other.URL, Pipelines: []string{"another"}, States: notify.States}}})
	w.finish(t, w.claim(t, w.submit(t), time.Minute), asof.RunCompleted, "")
	run := w.submit(t)
	w.finish(t, w.claim(t, run, time.Minute), asof.RunFailed, "no such file")
	must[asof.Run](t)(w.Resume(t.Context(), run.ID))
	w.finish(t, w.claim(t, run, time.Minute), asof.RunFailed, "no such file")
	waiting := w.submit(t)
	must[asof.Run](t)(w.Cancel(t.Context(), waiting.ID))
	must[asof.Run](t)(w.Cancel(t.Context(), waiting.ID)) // ended already: not told again
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"run.completed", "run.failed", "run.failed", "run.cancelled"}, ended.types(t)); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	if d := cmp.Diff([]string{"run.failed", "run.failed"}, failed.types(t)); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	if got := other.types(t); got != nil {
		t.Errorf("a target of another pipeline is told %v", got)
	}
}
