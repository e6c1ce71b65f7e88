package asof_test

import (
	"slices"
	"testing"
	"time"

	"github.com/asof-dev/asof"
)

func TestCover(t *testing.T) {
	span := func(from, to int) asof.Interval {
		return asof.Interval{From: time.Unix(int64(from), 0), To: time.Unix(int64(to), 0)}
	}
	spans := []asof.Interval{span(10, 20), span(40, 50)}
	for _, c := range []struct {
		add  asof.Interval
		want []asof.Interval
	}{
		{span(25, 30), []asof.Interval{span(10, 20), span(25, 30), span(40, 50)}},
		{span(20, 30), []asof.Interval{span(10, 30), span(40, 50)}},
		{span(15, 45), []asof.Interval{span(10, 50)}},
		{span(12, 15), []asof.Interval{span(10, 20), span(40, 50)}},
		{span(0, 5), []asof.Interval{span(0, 5), span(10, 20), span(40, 50)}},
		{span(0, 99), []asof.Interval{span(0, 99)}},
	} {
		if got := asof.Cover(spans, c.add); !slices.Equal(got, c.want) {
			t.Errorf("with %v: %v, want %v", c.add, got, c.want)
		}
	}
	if want := []asof.Interval{span(10, 20), span(40, 50)}; !slices.Equal(spans, want) {
		t.Errorf("the spans given have changed: %v", spans)
	}
}
