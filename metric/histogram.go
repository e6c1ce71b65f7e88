package metric

import (
	"math"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// The bounds of buckets, in seconds and in entity rows. Feast's are among them,
// so queries for them go on to work; the others tell apart what is faster.
var (
	requestBounds = []float64{.00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	storeBounds   = []float64{.0001, .00025, .0005, .001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	entityBounds  = []float64{1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000}
	runBounds     = []float64{1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600}
)

// histogram counts observations by bucket. Unlike Prometheus' own it can be
// read, so that series of Feast's and of ours come from one.
type histogram struct {
	bounds []float64
	counts []atomic.Uint64 // one more than bounds: what is above all of them
	sum    atomic.Uint64   // the bits of a float64
}

func newHistogram(bounds []float64) histogram {
	return histogram{bounds: bounds, counts: make([]atomic.Uint64, len(bounds)+1)}
}

func (h *histogram) observe(v float64) {
	i := 0
	for i < len(h.bounds) && v > h.bounds[i] {
		i++
	}
	h.counts[i].Add(1)
	for {
		old := h.sum.Load()
		if h.sum.CompareAndSwap(old, math.Float64bits(math.Float64frombits(old)+v)) {
			return
		}
	}
}

// reading is a histogram at one moment.
type reading struct {
	bounds []float64
	counts []uint64 // by bucket, as in histogram
	sum    float64
}

func (h *histogram) read() reading {
	r := reading{h.bounds, make([]uint64, len(h.counts)), math.Float64frombits(h.sum.Load())}
	for i := range h.counts {
		r.counts[i] = h.counts[i].Load()
	}
	return r
}

// add adds another one of the same bounds.
func (r *reading) add(other reading) {
	if r.counts == nil {
		r.bounds, r.counts = other.bounds, make([]uint64, len(other.counts))
	}
	for i, n := range other.counts {
		r.counts[i] += n
	}
	r.sum += other.sum
}

func (r *reading) total() uint64 {
	var n uint64
	for _, c := range r.counts {
		n += c
	}
	return n
}

func (r *reading) metric(d *prometheus.Desc, labels ...string) prometheus.Metric {
	buckets := make(map[float64]uint64, len(r.bounds))
	var below uint64
	for i, bound := range r.bounds {
		below += r.counts[i]
		buckets[bound] = below
	}
	return prometheus.MustNewConstHistogram(d, r.total(), r.sum, buckets, labels...)
}
