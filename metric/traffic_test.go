package metric_test

import (
	"context"
	"testing"
	"time"

	"github.com/asof-dev/asof/metric"
	"github.com/asof-dev/asof/serving"
)

// TestTrafficIsOfTheLastMinutes: what was counted before the oldest sample is no
// traffic any more.
func TestTrafficIsOfTheLastMinutes(t *testing.T) {
	at := now
	m := metric.New(metric.Options{Now: func() time.Time { return at }})
	if list, span := m.Traffic(); len(list) != 0 || span != 0 {
		t.Errorf("before the first sample: %+v in %s", list, span)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	sample := func() {
		if err := m.KeepTraffic(ended); err != nil {
			t.Fatal(err)
		}
	}
	answer := func(route, code string, n int, took time.Duration) {
		for range n {
			m.Answered(&serving.Outcome{Route: route, Code: code, Took: took})
		}
	}
	answer("/features", "200", 1000, time.Second) // before the samples
	sample()
	at = at.Add(10 * time.Second)
	answer("/features", "200", 98, 2*time.Millisecond)
	answer("/features", "503", 1, 40*time.Millisecond)
	answer("/features", "404", 1, 40*time.Millisecond)
	answer("/get-online-features", "200", 1, time.Minute)
	answer("/health", "200", 1000, time.Millisecond)
	list, span := m.Traffic()
	if len(list) != 2 || span != 10*time.Second {
		t.Fatalf("%+v in %s", list, span)
	}
	if f := list[0]; f.Route != "/features" || f.Requests != 100 || f.Failed != 1 || f.Rate != 10 ||
		f.P50 < time.Millisecond || f.P50 > 2500*time.Microsecond || f.P95 > 2500*time.Microsecond || f.P99 < 25*time.Millisecond || f.P99 > 50*time.Millisecond {
		t.Errorf("%+v", f)
	}
	if slow := list[1]; slow.P50 != 10*time.Second {
		t.Errorf("above the last bound: %+v", slow)
	}
	for range 40 {
		sample()
		at = at.Add(10 * time.Second)
	}
	if list, span := m.Traffic(); len(list) != 0 || span != 310*time.Second {
		t.Errorf("after the samples were replaced: %+v in %s", list, span)
	}
}
