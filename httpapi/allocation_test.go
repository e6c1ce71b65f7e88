//go:build !race

package httpapi_test

import (
	"io"
	"net/http"
	"net/http/httptest"
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
