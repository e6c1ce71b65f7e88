// Package metric counts what the servers do, and shows it to Prometheus: under
// Feast's names where Feast's server has them, under asof_… where it has not.
//
// A request costs one look-up and a few atomic additions, and leaves no
// garbage. Everything else is done when Prometheus asks: the series are made
// from the counts, and the ledger is read for what was materialized.
package metric

import (
	"context"
	"log/slog"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/answerlog"
	"github.com/asof-dev/asof/notify"
	"github.com/asof-dev/asof/serving"
)

// Options say what is shown. Registry, Ledger, Runs and Statistics are asked when
// Prometheus asks, at most every few seconds; nil for nothing of them.
type Options struct {
	Project    string
	Version    string
	Registry   func(context.Context) (asof.Registry, error)
	Ledger     func(context.Context) (asof.Ledger, error)
	Runs       func(context.Context) (asof.RunStore, error)
	Statistics func(context.Context) (asof.StatisticsStore, error)
	Told       func() []notify.Count   // who was told of runs; nil for nobody
	Logged     func() answerlog.Counts // rows of answers that were logged; nil for a server without such a log

	Calendars asof.Calendars // by which views' data comes

	FeatureCountBins []int            // bounds of the label feature_count, ascending; nil for Feast's 10, 50, 200
	Now              func() time.Time // nil is time.Now
	Log              *slog.Logger     // gets why something could not be asked; nil for nowhere
}

// Metrics is a [serving.Observer]. It may be used by several goroutines.
type Metrics struct {
	Options
	registry *prometheus.Registry

	growing  sync.Mutex // held by who adds to a map; the maps are never changed, only replaced
	kinds    atomic.Pointer[map[kind]*histogram]
	views    atomic.Pointer[map[string]*values]
	entities histogram // rows of a request
	store    histogram // seconds in the online store
	refused  atomic.Uint64

	runs      runs
	pipelines pipelines
	drifts    drifts

	sampling sync.Mutex
	samples  []sample // of the last minutes, the oldest first
}

var _ serving.Observer = (*Metrics)(nil)

// New makes metrics that have counted nothing yet.
func New(o Options) *Metrics {
	if o.FeatureCountBins == nil {
		o.FeatureCountBins = []int{10, 50, 200}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	m := &Metrics{Options: o, registry: prometheus.NewRegistry(), entities: newHistogram(entityBounds), store: newHistogram(storeBounds)}
	m.kinds.Store(&map[kind]*histogram{})
	m.views.Store(&map[string]*values{})
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "asof_build_info", Help: "1; the labels say what is running",
		ConstLabels: prometheus.Labels{"version": o.Version, "go": runtime.Version(), "project": o.Project}})
	build.Set(1)
	m.registry.MustRegister(m, build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler answers with the metrics in the format that the caller asks for.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, EnableOpenMetrics: true,
		ErrorLog: slog.NewLogLogger(m.Log.Handler(), slog.LevelWarn)})
}

// kind is what requests that are counted together have in common.
type kind struct {
	route, code, service string
	asked, failed        bool
	features             int8 // place of the feature_count label; unknown where nothing was read
	views                int32
}

// unknown is the count of features and views where nothing was read.
const unknown = -1

// values counts values of a view by status.
type values [asof.StatusOutsideMaxAge + 1]atomic.Uint64

// Answered counts a request.
func (m *Metrics) Answered(o *serving.Outcome) {
	k := kind{o.Route, o.Code, o.Service, o.Asked, o.Failed, unknown, unknown}
	if o.Read {
		k.features, k.views = m.bin(o.Features), int32(len(o.Views))
	}
	took := (*m.kinds.Load())[k]
	if took == nil {
		took = grow(m, &m.kinds, k, func() *histogram { h := newHistogram(requestBounds); return &h })
	}
	took.observe(o.Took.Seconds())
	if o.Refused {
		m.refused.Add(1)
	}
	if !o.Read {
		return
	}
	m.entities.observe(float64(o.Rows))
	if o.Store > 0 {
		m.store.observe(o.Store.Seconds())
	}
	for i := range o.Views {
		m.count(&o.Views[i])
	}
}

func (m *Metrics) count(v *serving.ViewValues) {
	counts := (*m.views.Load())[v.View]
	if counts == nil {
		counts = grow(m, &m.views, v.View, func() *values { return new(values) })
	}
	for status, n := range v.Statuses {
		if n > 0 {
			counts[status].Add(uint64(n))
		}
	}
}

// grow adds an entry to a map that others are reading, unless somebody else
// just has.
func grow[K comparable, V any](m *Metrics, into *atomic.Pointer[map[K]*V], key K, made func() *V) *V {
	m.growing.Lock()
	defer m.growing.Unlock()
	old := *into.Load()
	if v := old[key]; v != nil {
		return v
	}
	larger := make(map[K]*V, len(old)+1)
	for k, v := range old {
		larger[k] = v
	}
	larger[key] = made()
	into.Store(&larger)
	return larger[key]
}
