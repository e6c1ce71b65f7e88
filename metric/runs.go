package metric

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/asof-dev/asof"
)

// What other processes did, as registry and ledger tell it.
var (
	feastFreshness = desc("feast_feature_freshness_seconds", "Time since the end of what was materialized without a gap", "feature_view", "project")
	feastRuns      = desc("feast_materialization_result_total", "Finished materializations in the ledger", "feature_view", "status")
	feastDuration  = desc("feast_materialization_duration_seconds", "Time that finished materializations took", "feature_view")
	ourNewest      = desc("asof_newest_event_timestamp_seconds", "Newest event time that was materialized, in seconds since 1970", "feature_view")
	ourWritten     = desc("asof_materialized_rows_total", "Rows that materializations wrote to the online store", "feature_view")
	ourRunning     = desc("asof_materializations_unfinished", "Materializations that began and have not ended, since the last that succeeded: they run, or were killed", "feature_view")
	ourStale       = desc("asof_feature_view_stale", "1 where the months that are due by the view's calendar are not there and their grace is over, otherwise 0", "feature_view")
	ourLate        = desc("asof_feature_view_lateness_seconds", "Time since the month that is missing was due by the view's calendar; 0 for none", "feature_view")
	ourErrors      = desc("asof_collect_errors_total", "Times that registry, ledger, run store or statistics could not be asked for metrics", "source")
)

// runs is what registry and ledger said last.
type runs struct {
	pace
	last          atomic.Pointer[[]viewRuns]
	registryFails atomic.Uint64
	ledgerFails   atomic.Uint64
	views         map[string]viewSum // of the ledger; for who asks
}

// viewSum is what the entries of a view come to, which holds as long as its
// leading ones have ended and are the same.
type viewSum struct {
	leading []asof.Materialization
	known   bool // there was a finished run
	viewRuns
}

// viewRuns are the materializations of a view.
type viewRuns struct {
	view                          string
	until                         time.Time // the end of what was materialized without a gap; zero for never
	newest                        time.Time
	succeeded, failed, unfinished uint64
	written                       int64
	took                          reading
}

// collect sends the series. Where nothing can be asked it sends what was known,
// and counts that.
func (r *runs) collect(m *Metrics, to chan<- prometheus.Metric) {
	r.ask(m.Now, func() { r.read(m) })
	to <- counter(ourErrors, r.registryFails.Load(), "registry")
	to <- counter(ourErrors, r.ledgerFails.Load(), "ledger")
	last := r.last.Load()
	if last == nil {
		return
	}
	for i := range *last {
		(*last)[i].collect(m, to)
	}
}

func (v *viewRuns) collect(m *Metrics, to chan<- prometheus.Metric) {
	if !v.until.IsZero() {
		to <- gauge(feastFreshness, m.Now().Sub(v.until).Seconds(), v.view, m.Project)
	}
	if !v.newest.IsZero() {
		to <- gauge(ourNewest, seconds(v.newest), v.view)
	}
	v.punctuality(m, to)
	to <- counter(feastRuns, v.succeeded, v.view, "success")
	to <- counter(feastRuns, v.failed, v.view, "failure")
	to <- v.took.metric(feastDuration, v.view)
	to <- counter(ourWritten, uint64(v.written), v.view)
	to <- gauge(ourRunning, float64(v.unfinished), v.view)
}

// punctuality sends how a view stands to its calendar, if it has one.
func (v *viewRuns) punctuality(m *Metrics, to chan<- prometheus.Metric) {
	calendar := m.Calendars.Of(v.view)
	if calendar == nil {
		return
	}
	due, stale, late := calendar.At(m.Now(), v.newest), 0.0, 0.0
	if due.State == asof.Stale {
		stale = 1
	}
	if due.State != asof.Fresh && !due.Late.IsZero() {
		late = m.Now().Sub(due.Late).Seconds()
	}
	to <- gauge(ourStale, stale, v.view)
	to <- gauge(ourLate, late, v.view)
}

// read reads registry and ledger within the time that a scrape may take.
func (r *runs) read(m *Metrics) {
	if m.Registry == nil || m.Ledger == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	views, err := registered(ctx, m)
	if err != nil {
		r.registryFails.Add(1)
		m.Log.Warn("metrics: the registry could not be asked", "error", err)
		return
	}
	if err := r.sum(ctx, m); err != nil {
		r.ledgerFails.Add(1)
		m.Log.Warn("metrics: the ledger could not be asked", "error", err)
		return
	}
	list := make([]viewRuns, 0, len(views))
	for _, v := range views {
		if v.Online {
			sum, ok := r.views[v.Name]
			if !ok {
				sum = summed(nil, nil)
			}
			list = append(list, sum.of(v))
		}
	}
	r.last.Store(&list)
}

func registered(ctx context.Context, m *Metrics) ([]*asof.FeatureView, error) {
	registry, err := m.Registry(ctx)
	if err != nil {
		return nil, err
	}
	snapshot, err := registry.Snapshot(ctx, m.Project)
	if err != nil {
		return nil, err
	}
	return snapshot.Views(), nil
}

// sum sums up the entries of the views, and reads those of views where something
// has changed.
func (r *runs) sum(ctx context.Context, m *Metrics) error {
	ledger, err := m.Ledger(ctx)
	if err != nil {
		return err
	}
	leading, err := entered(ctx, ledger, asof.MaterializationQuery{Project: m.Project, Leading: true})
	if err != nil {
		return err
	}
	var changed []string
	for view, list := range leading {
		open := slices.ContainsFunc(list, func(e asof.Materialization) bool { return e.Finished.IsZero() })
		if open || !slices.Equal(list, r.views[view].leading) {
			changed = append(changed, view)
		}
	}
	var entries map[string][]asof.Materialization
	if len(changed) > 0 {
		if entries, err = entered(ctx, ledger, asof.MaterializationQuery{Project: m.Project, Views: changed}); err != nil {
			return err
		}
	}
	views := make(map[string]viewSum, len(leading))
	for view := range leading { // others have been forgotten
		views[view] = r.views[view]
	}
	for _, view := range changed {
		views[view] = summed(leading[view], entries[view])
	}
	r.views = views
	return nil
}

// entered returns entries of the ledger by view.
func entered(ctx context.Context, ledger asof.Ledger, q asof.MaterializationQuery) (map[string][]asof.Materialization, error) {
	all, err := ledger.Materializations(ctx, q)
	return asof.ByView(all), err
}

// of returns the sum for a view. What Feast says that it materialized is
// believed where the ledger knows of no run.
func (s viewSum) of(v *asof.FeatureView) viewRuns {
	s.view = v.Name
	if !s.known {
		for _, i := range v.Intervals {
			if i.To.After(s.until) {
				s.until = i.To
			}
		}
	}
	return s.viewRuns
}

// summed sums up the entries of a view.
func summed(leading, entries []asof.Materialization) viewSum {
	covered := asof.Covered(entries)
	s := viewSum{leading, covered.Known, viewRuns{until: covered.Watermark, newest: covered.Newest}}
	took := newHistogram(runBounds)
	for _, e := range entries { // newest first
		s.written += e.Written
		switch {
		case e.Finished.IsZero():
			if s.succeeded == 0 { // else it was killed, and made good
				s.unfinished++
			}
			continue
		case e.Error != "" && !e.Undone(): // one that was rolled back had succeeded
			s.failed++
		default:
			s.succeeded++
		}
		took.observe(e.Finished.Sub(e.Started).Seconds())
	}
	s.took = took.read()
	return s
}
