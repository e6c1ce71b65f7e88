package metric

import (
	"context"
	"slices"
	"strings"
	"time"
)

// The last minutes are told from samples of the counts: so many, taken at a
// distance, and no more are kept.
const (
	trafficSamples = 31
	trafficEvery   = 10 * time.Second
)

// sample is what was counted until a moment.
type sample struct {
	at    time.Time
	route map[string]*traffic
}

// traffic is what was counted of a route.
type traffic struct {
	took  reading
	wrong uint64 // answered with a code of the server's own failure
}

// Traffic is what came to a route in a span of time.
type Traffic struct {
	Route    string        `json:"route"`
	Requests uint64        `json:"requests"`
	Failed   uint64        `json:"failed"` // by the server's fault
	Rate     float64       `json:"rate"`   // requests per second
	P50      time.Duration `json:"p50"`    // latencies, in nanoseconds in JSON; as exact as the buckets are
	P95      time.Duration `json:"p95"`
	P99      time.Duration `json:"p99"`
}

// KeepTraffic takes samples until the context ends.
func (m *Metrics) KeepTraffic(ctx context.Context) error {
	ticks := time.NewTicker(trafficEvery)
	defer ticks.Stop()
	for {
		m.sampleTraffic()
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
	}
}

// sampleTraffic keeps what has been counted until now, and forgets the oldest.
func (m *Metrics) sampleTraffic() {
	now := m.trafficNow()
	m.sampling.Lock()
	defer m.sampling.Unlock()
	if len(m.samples) == trafficSamples {
		m.samples = slices.Delete(m.samples, 0, 1)
	}
	m.samples = append(m.samples, now)
}

// Traffic returns what came in the last minutes, five at most, the busiest route
// first, and how long that is: zero before the first sample.
func (m *Metrics) Traffic() (list []Traffic, span time.Duration) {
	now := m.trafficNow()
	m.sampling.Lock()
	defer m.sampling.Unlock()
	if len(m.samples) == 0 {
		return nil, 0
	}
	first := m.samples[0]
	span = now.at.Sub(first.at)
	for route, counted := range now.route {
		took, wrong := counted.took, counted.wrong
		if before := first.route[route]; before != nil {
			wrong -= before.wrong
			for i, n := range before.took.counts {
				took.counts[i] -= n
			}
		}
		total := took.total()
		if total == 0 {
			continue
		}
		list = append(list, Traffic{Route: route, Requests: total, Failed: wrong, Rate: float64(total) / max(span.Seconds(), 1),
			P50: took.quantile(.5), P95: took.quantile(.95), P99: took.quantile(.99)})
	}
	slices.SortFunc(list, func(a, b Traffic) int {
		if a.Requests != b.Requests {
			return int(b.Requests) - int(a.Requests)
		}
		return strings.Compare(a.Route, b.Route)
	})
	return list, span
}

// trafficNow sums up what was counted, by route.
func (m *Metrics) trafficNow() sample {
	s := sample{m.Now(), map[string]*traffic{}}
	for k, h := range *m.kinds.Load() {
		if k.route == "/health" || k.route == "/ready" || k.route == "/metrics" { // which supervisors ask all the time
			continue
		}
		if s.route[k.route] == nil {
			s.route[k.route] = new(traffic)
		}
		took := h.read()
		s.route[k.route].took.add(took)
		if serverFault(k.code) {
			s.route[k.route].wrong += took.total()
		}
	}
	return s
}

// serverFault reports whether a code of HTTP or gRPC says that the server
// failed, not its caller.
func serverFault(code string) bool {
	switch code {
	case "Unknown", "DeadlineExceeded", "ResourceExhausted", "Internal", "Unavailable", "DataLoss":
		return true
	}
	return len(code) == 3 && code[0] == '5'
}

// quantile returns the value below which that share of the observations is: a
// straight line within a bucket, and the last bound for what is above it.
func (r *reading) quantile(share float64) time.Duration {
	rank, below, from := share*float64(r.total()), 0.0, 0.0
	for i, bound := range r.bounds {
		n := float64(r.counts[i])
		if n > 0 && below+n >= rank {
			return time.Duration((from + (bound-from)*(rank-below)/n) * float64(time.Second))
		}
		below, from = below+n, bound
	}
	return time.Duration(from * float64(time.Second))
}
