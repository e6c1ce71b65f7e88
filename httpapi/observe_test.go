package httpapi_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asof-dev/asof/httpapi"
	"github.com/asof-dev/asof/serving"
)

// outcomes keeps what an Observer is told.
type outcomes []serving.Outcome

func (o *outcomes) Answered(a *serving.Outcome) { *o = append(*o, *a) }

// TestObserver asks a server whose store does not answer.
func TestObserver(t *testing.T) {
	registry, _ := streamflow(t)
	var seen outcomes
	h := httpapi.New(httpapi.Options{Reader: newReader(t, registry, hanging{}), Timeout: 20 * time.Millisecond, MaxBody: 100, Observer: &seen})
	away, cancel := context.WithCancel(t.Context())
	cancel()
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(away, "GET", "/features/ann", nil))
	ask(t, h, "GET", "/features/ann", "")
	ask(t, h, "DELETE", "/features/ann", "")
	ask(t, h, "POST", "/get-online-features", `{"entities":{"user_id":["`+strings.Repeat("x", 100)+`"]}}`)
	ask(t, h, "GET", "/metrics", "")
	want := []serving.Outcome{
		{Route: "/features/{key}", Code: "499", Asked: true, Failed: true},
		{Route: "/features/{key}", Code: "503", Asked: true, Failed: true},
		{Route: "/features/{key}", Code: "405", Failed: true},
		{Route: "/get-online-features", Code: "413", Failed: true},
		{Route: "/metrics", Code: "404", Failed: true},
	}
	if len(seen) != len(want) {
		t.Fatalf("the observer is told %+v", seen)
	}
	for i, w := range want {
		got := seen[i]
		if got.Route != w.Route || got.Code != w.Code || got.Asked != w.Asked || got.Failed != w.Failed || got.Read || got.Took <= 0 {
			t.Errorf("the observer is told %+v, want %+v", got, w)
		}
	}
}

// TestObserverOfRefusal fills a server that takes one request at once.
func TestObserverOfRefusal(t *testing.T) {
	registry, store := streamflow(t)
	held := &holding{OnlineStore: store, release: make(chan struct{})}
	var seen outcomes
	h := httpapi.New(httpapi.Options{Reader: newReader(t, registry, held), Load: serving.NewReadLoad(1), Observer: &seen})
	var first sync.WaitGroup
	first.Go(func() { ask(t, h, "GET", "/features/3413-BMNZE", "") })
	held.wait(1)
	ask(t, h, "GET", "/features/3413-BMNZE", "")
	close(held.release)
	first.Wait()
	if len(seen) != 2 || !seen[0].Refused || seen[0].Code != "503" || seen[1].Refused || !seen[1].Read {
		t.Errorf("the observer is told %+v", seen)
	}
}
