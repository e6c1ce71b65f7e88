//go:build !race

package metric_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/asof-dev/asof/httpapi"
	"github.com/asof-dev/asof/metric"
)

// BenchmarkOnline is a request for ten features with and without metrics.
func BenchmarkOnline(b *testing.B) {
	s := newServer(b, metric.Options{}, httpapi.Options{})
	var users, plans, usages []string
	for i := range 100 {
		users = append(users, fmt.Sprintf(`"user%d"`, i))
		const row = `{"user_id":"user%[1]d","event_timestamp":"2024-01-31T12:00:00Z","%[2]s_0":1,"%[2]s_1":2,"%[2]s_2":3,"%[2]s_3":4,"%[2]s_4":5}`
		plans, usages = append(plans, fmt.Sprintf(row, i, "plan")), append(usages, fmt.Sprintf(row, i, "usage"))
	}
	write(b, s.store, plan, "["+strings.Join(plans, ",")+"]")
	write(b, s.store, usage, "["+strings.Join(usages, ",")+"]")
	for _, rows := range []int{1, 100} {
		body := `{"feature_service":"both","entities":{"user_id":[` + strings.Join(users[:rows], ",") + `]}}`
		for name, h := range map[string]http.Handler{"bare": httpapi.New(httpapi.Options{Reader: s.reader}), "observed": s} {
			b.Run(fmt.Sprintf("rows=%d/%s", rows, name), func(b *testing.B) {
				request := httptest.NewRequest("POST", "/get-online-features", http.NoBody)
				w := &discard{http.Header{}}
				b.ReportAllocs()
				for b.Loop() {
					request.Body = io.NopCloser(strings.NewReader(body))
					h.ServeHTTP(w, request)
				}
			})
		}
	}
}

// discard is a ResponseWriter that keeps nothing.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}

// TestNoGarbage holds requests with metrics to the garbage of those without. The
// race detector empties pools at random, so it is left out.
func TestNoGarbage(t *testing.T) {
	s := newServer(t, metric.Options{}, httpapi.Options{})
	bare := httpapi.New(httpapi.Options{Reader: s.reader})
	request := httptest.NewRequest("GET", "/features/ann?feature_service=both", http.NoBody)
	w := &discard{http.Header{}}
	if without, with := testing.AllocsPerRun(1000, func() { bare.ServeHTTP(w, request) }), testing.AllocsPerRun(1000, func() { s.ServeHTTP(w, request) }); with > without {
		t.Errorf("a request leaves %v pieces of garbage, with metrics %v", without, with)
	}
}
