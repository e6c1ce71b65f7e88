package statistics_test

import (
	"math"
	"testing"

	"github.com/asof-dev/asof/statistics"
)

func TestPSI(t *testing.T) {
	for name, c := range map[string]struct {
		expected, actual []int64
		want             float64
	}{
		"the same shares":  {[]int64{1, 2, 1}, []int64{100, 200, 100}, 0},
		"half to a fourth": {[]int64{50, 50}, []int64{25, 75}, 0.25*math.Log(2) + 0.25*math.Log(1.5)},
		"an empty bin":     {[]int64{10, 0}, []int64{5, 5}, 0.5*math.Log(2) + (0.5-1e-4)*math.Log(0.5/1e-4)},
	} {
		if got := statistics.PSI(c.expected, c.actual); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
		if there, back := statistics.PSI(c.expected, c.actual), statistics.PSI(c.actual, c.expected); math.Abs(there-back) > 1e-12 {
			t.Errorf("%s: %v one way and %v the other", name, there, back)
		}
	}
	if got := statistics.PSI([]int64{0, 0}, []int64{1, 2}); !math.IsNaN(got) {
		t.Errorf("of nothing: %v", got)
	}
}
