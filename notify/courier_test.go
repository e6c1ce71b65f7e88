package notify_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/notify"
)

// TestSign holds a signature against the one in the documents of Standard
// Webhooks' first implementation.
func TestSign(t *testing.T) {
	header := http.Header{}
	notify.Sign(header, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if got := header.Get("webhook-signature"); got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Errorf("signature %q", got)
	}
}

// TestAttempts tries again where that may help, and only there.
func TestAttempts(t *testing.T) {
	answers := func(statuses ...int) func(int, http.ResponseWriter, *http.Request) {
		return func(n int, w http.ResponseWriter, _ *http.Request) {
			if n <= len(statuses) {
				if statuses[n-1] == http.StatusTooManyRequests {
					w.Header().Set("Retry-After", "1")
				}
				if statuses[n-1] == http.StatusTemporaryRedirect {
					w.Header().Set("Location", "/elsewhere")
				}
				w.WriteHeader(statuses[n-1])
			}
		}
	}
	for name, c := range map[string]struct {
		statuses  []int
		requests  int
		delivered bool
		says      string
	}{
		"at once":        {nil, 1, true, ""},
		"away for a bit": {[]int{503, 500}, 3, true, ""},
		"too many":       {[]int{429}, 2, true, ""},
		"away":           {[]int{503, 503, 503, 503, 503, 503}, 5, false, "5 attempts: it answers 503 Service Unavailable"},
		"refused":        {[]int{403}, 1, false, "it answers 403 Forbidden"},
		"moved":          {[]int{307}, 1, false, "write the address that it leads to"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := receive(t, answers(c.statuses...))
			w := watch(t, notify.Options{Targets: []notify.Target{{Name: "hook", URL: r.URL}}})
			w.finish(t, w.claim(t, w.submit(t), time.Minute), asof.RunCompleted, "")
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			sent := r.got()
			if len(sent) != c.requests {
				t.Errorf("%d requests, want %d", len(sent), c.requests)
			}
			for _, s := range sent {
				if s.header.Get("webhook-id") != "" || !bytes.Equal(s.body, sent[0].body) {
					t.Errorf("unsigned and the same each time: %v %s", s.header, s.body)
				}
			}
			if name == "too many" && sent[1].at.Sub(sent[0].at) < time.Second {
				t.Errorf("it asked for a second's rest and had %v", sent[1].at.Sub(sent[0].at))
			}
			want := notify.Count{Target: "hook", Failed: 1}
			if c.delivered {
				want = notify.Count{Target: "hook", Delivered: 1}
			}
			if got := w.Counts()[0]; got != want || !strings.Contains(w.log.String(), c.says) || c.delivered != (w.log.Len() == 0) {
				t.Errorf("%+v, logged %q", got, w.log.String())
			}
		})
	}
}

// TestSecretsAreNotLogged makes every kind of delivery fail.
func TestSecretsAreNotLogged(t *testing.T) {
	refusing := receive(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "/hidden/"+r.Header.Get("X-Token"))
		http.Error(w, "no such token: "+r.Header.Get("X-Token"), http.StatusForbidden)
	})
	gone := httptest.NewServer(nil)
	gone.Close()
	targets := []notify.Target{{Name: "refusing", URL: refusing.URL + "/hidden"}, {Name: "gone", URL: gone.URL + "/hidden?key=hidden"},
		{Name: "user", URL: strings.Replace(gone.URL, "://", "://me:hidden@", 1)}, {Name: "bad", URL: "http://hidden\x7f/"}, {Name: "none", URL: "hidden"}}
	for i := range targets {
		targets[i].Secret, targets[i].Headers = "hidden", map[string]string{"X-Token": "hidden"}
	}
	w := watch(t, notify.Options{Targets: targets})
	w.finish(t, w.claim(t, w.submit(t), time.Minute), asof.RunFailed, "no")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, target := range targets {
		if !strings.Contains(w.log.String(), "target="+target.Name+" ") {
			t.Errorf("the failure of %s is not logged", target.Name)
		}
	}
	if strings.Contains(w.log.String(), "hidden") {
		t.Errorf("the log has a secret:\n%s", w.log.String())
	}
	err := notify.Send(t.Context(), targets[0], notify.Event{Message: "hello"})
	if err == nil || strings.Contains(err.Error(), "hidden") || asof.ErrorCode(err) != asof.CodeUnavailable {
		t.Errorf("the error is %v", err)
	}
}

// TestFile appends from several processes' worth of writers, behind a line that
// a full disk has cut off.
func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.jsonl")
	if err := os.WriteFile(path, []byte(`{"torn":`), 0o600); err != nil {
		t.Fatal(err)
	}
	var writing sync.WaitGroup
	for i := range 4 {
		writing.Go(func() {
			for range 25 {
				if err := notify.Send(t.Context(), notify.Target{Name: "file", File: path}, notify.Event{Message: strings.Repeat("m", 10_000*(i+1))}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
	whole := 0
	for _, line := range lines {
		if json.Valid(line) {
			whole++
		}
	}
	if whole != 100 || string(lines[0]) != `{"torn":` {
		t.Errorf("%d whole lines of %d", whole, len(lines))
	}
	err = notify.Send(t.Context(), notify.Target{Name: "file", File: filepath.Join(path, "below")}, notify.Event{Message: "m"})
	if err == nil || !strings.Contains(err.Error(), "file was not told") {
		t.Errorf("the error is %v", err)
	}
}
