//go:build !race

package httpapi_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
)

// TestAllocationsDoNotGrow holds a request of a thousand entities against one of
// a single entity. The race detector empties pools at random, so it is left out.
func TestAllocationsDoNotGrow(t *testing.T) {
	allocations := func(rows int) float64 {
		h, _, body := tenFeatures(t, rows)
		request := httptest.NewRequest("POST", "/get-online-features", http.NoBody)
		w := &discard{http.Header{}}
		return testing.AllocsPerRun(100, func() {
			request.Body = io.NopCloser(strings.NewReader(body))
			h.ServeHTTP(w, request)
		})
	}
	// A garbage collection amid the runs empties the pools once.
	if one, many := allocations(1), allocations(1000); many > one+5 {
		t.Errorf("%v allocations for one entity, %v for a thousand", one, many)
	}
}

// TestLogAllocatesNothing holds requests of which a hundredth is logged against
// requests without a log.
func TestLogAllocatesNothing(t *testing.T) {
	allocations := func(rate float64) float64 {
		h, body := logged(t, 100, rate)
		request := httptest.NewRequest("POST", "/get-online-features", http.NoBody)
		w := &discard{http.Header{}}
		return testing.AllocsPerRun(2000, func() {
			request.Body = io.NopCloser(strings.NewReader(body))
			h.ServeHTTP(w, request)
		})
	}
	if without, with := allocations(0), allocations(0.01); with > without+1 {
		t.Errorf("%v allocations without a log, %v with one", without, with)
	}
}

// TestLargeRequestsAreNotKept looks at what stays in memory of a request of ten
// thousand entities, after the one collection that pools outlive.
func TestLargeRequestsAreNotKept(t *testing.T) {
	h, _, body := tenFeatures(t, 10_000)
	w := &discard{http.Header{}}
	held := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	runtime.GC() // what the test's own request left in the pools goes with two
	before := held()
	request := httptest.NewRequest("POST", "/get-online-features", strings.NewReader(body))
	h.ServeHTTP(w, request)
	if more := held() - before; more > 1<<20 {
		t.Errorf("%d KiB are kept of it", more>>10)
	}
	runtime.KeepAlive(h)
}
