package statistics_test

import (
	"math"
	"slices"
	"testing"

	"github.com/asof-dev/asof/statistics"
)

// A float32 is in the bin that its decimal is in, also of edges that were chosen
// just below it.
func TestEdges32(t *testing.T) {
	edges := []float64{-1e300, -18.85, math.Nextafter(0.1, 0), 0.1, 0.3, 18.85, 45.25, 3.4e38, 1e300}
	rounded := statistics.Edges32(edges)
	if !slices.IsSorted(rounded) {
		t.Errorf("%v", rounded)
	}
	for _, v := range []float64{-18.85, -0.1, 0, 0.1, 0.2, 0.3, 18.85, 18.86, 45.25, 100} {
		want, _ := slices.BinarySearch(edges, v)
		if got, _ := slices.BinarySearch(rounded, float64(float32(v))); got != want {
			t.Errorf("%v is in bin %d, want %d", v, got, want)
		}
	}
}
