package metric

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/asof-dev/asof"
)

// What runs of pipelines do, in whichever process, as the run store tells it.
var (
	runsNow        = desc("asof_pipeline_runs_open", "Runs that have not ended, by state: late ones wait for a worker for too long, the worker of crashed ones died", "pipeline", "state")
	runsEnded      = desc("asof_pipeline_runs_total", "Runs that ended since the server started", "pipeline", "state")
	runsTook       = desc("asof_pipeline_run_duration_seconds", "Time from the start of a run to its end", "pipeline")
	runsDelay      = desc("asof_pipeline_run_delay_seconds", "Time from when a run was due to its start", "pipeline")
	runsRows       = desc("asof_pipeline_rows_total", "Rows that steps worked on, since the server started", "pipeline", "step")
	runsFailures   = desc("asof_pipeline_step_failures_total", "Attempts at steps that failed or crashed, since the server started", "pipeline", "step")
	runsFailed     = desc("asof_pipeline_failed", "1 where the run that ended last failed or crashed", "pipeline")
	runsCompleted  = desc("asof_pipeline_completed_timestamp_seconds", "When a run completed last, in seconds since 1970", "pipeline")
	runsAsOf       = desc("asof_pipeline_as_of_timestamp_seconds", "The newest as_of of a completed run, in seconds since 1970", "pipeline")
	scheduleFired  = desc("asof_schedule_fired_timestamp_seconds", "The newest time for which a schedule fired, in seconds since 1970", "schedule")
	schedulePaused = desc("asof_schedule_paused", "1 where a schedule is paused", "schedule")
)

// The states of runs that have ended, and of those that have not.
var (
	endStates  = []asof.RunState{asof.RunCompleted, asof.RunFailed, asof.RunCrashed, asof.RunCancelled}
	openStates = []asof.RunState{asof.RunScheduled, asof.RunPending, asof.RunLate, asof.RunRunning, asof.RunRetrying, asof.RunCrashed}
)

// delayBounds are those of a run's delay. A schedule is to fire within 0.1 s.
var delayBounds = []float64{.01, .05, .1, .25, .5, 1, 5, 10, 60, 600, 3600}

// How many runs are read at a time: more do not end between two questions.
const (
	mostEnded = 100
	mostOpen  = 1000
)

// pipelines is what the run store said.
type pipelines struct {
	pace
	fails atomic.Uint64
	shown atomic.Pointer[[]prometheus.Metric]

	// The rest belongs to who asks.

	primed bool
	seen   map[string]endedRun // of the runs that were read last
	named  map[string]*pipelineRuns
}

// endedRun is what was counted of a run. One that is resumed ends again.
type endedRun struct {
	epoch int64
	at    time.Time // the store's
}

// pipelineRuns are the runs of a pipeline.
type pipelineRuns struct {
	open, ended     map[asof.RunState]uint64
	took, delay     histogram
	rows, failures  map[string]uint64 // by step
	last            asof.Run          // that ended
	completed, asOf time.Time         // the newest
}

// collect sends the series.
func (p *pipelines) collect(m *Metrics, to chan<- prometheus.Metric) {
	p.ask(m.Now, func() {
		if m.Runs == nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
		defer cancel()
		shown, err := p.read(ctx, m)
		if err != nil {
			p.fails.Add(1)
			m.Log.Warn("metrics: the run store could not be asked", "error", err)
			return
		}
		p.shown.Store(&shown)
	})
	to <- counter(ourErrors, p.fails.Load(), "runs")
	if shown := p.shown.Load(); shown != nil {
		for _, one := range *shown {
			to <- one
		}
	}
}

// read asks the store, and returns what is to be shown.
func (p *pipelines) read(ctx context.Context, m *Metrics) ([]prometheus.Metric, error) {
	store, err := m.Runs(ctx)
	if err != nil {
		return nil, err
	}
	schedules, err := store.Schedules(ctx, m.Project)
	if err != nil {
		return nil, err
	}
	open, err := store.Runs(ctx, asof.RunQuery{Project: m.Project, States: openStates, Limit: mostOpen})
	if err != nil {
		return nil, err
	}
	ended, err := store.Runs(ctx, asof.RunQuery{Project: m.Project, States: endStates, Limit: mostEnded})
	if err != nil {
		return nil, err
	}
	if p.named == nil {
		p.named, p.seen = map[string]*pipelineRuns{}, map[string]endedRun{}
	}
	if err := p.count(ctx, store, ended); err != nil {
		return nil, err
	}
	for _, r := range p.named {
		r.open = map[asof.RunState]uint64{}
	}
	for _, run := range open {
		if run.Finished.IsZero() { // crashed ones have ended, or not
			p.of(run.Pipeline).open[run.State]++
		}
	}
	var shown []prometheus.Metric
	for name, r := range p.named {
		shown = append(shown, r.metrics(name)...)
	}
	for name, s := range byName(schedules) {
		if !s.Last.IsZero() {
			shown = append(shown, gauge(scheduleFired, seconds(s.Last), name))
		}
		shown = append(shown, gauge(schedulePaused, truth(s.Paused), name))
	}
	return shown, nil
}

// byName joins what is remembered of each folder of a schedule, under NAME =
// FOLDER, with the schedule: a series for each folder would be too many.
func byName(schedules []asof.RunSchedule) map[string]asof.RunSchedule {
	all := map[string]asof.RunSchedule{}
	for _, s := range schedules {
		name, _, _ := strings.Cut(s.Name, " = ")
		if known := all[name]; known.Last.After(s.Last) {
			s.Last = known.Last
		}
		s.Paused = s.Paused || all[name].Paused
		all[name] = s
	}
	return all
}

// of returns the runs of a pipeline.
func (p *pipelines) of(name string) *pipelineRuns {
	r := p.named[name]
	if r == nil {
		r = &pipelineRuns{open: map[asof.RunState]uint64{}, ended: map[asof.RunState]uint64{}, took: newHistogram(runBounds), delay: newHistogram(delayBounds),
			rows: map[string]uint64{}, failures: map[string]uint64{}}
		p.named[name] = r
	}
	return r
}

// count counts the runs that have ended since it was called last. The first
// time it counts none: what ended before the server started is no increase.
func (p *pipelines) count(ctx context.Context, store asof.RunHistory, ended []asof.Run) error {
	listed := make(map[string]bool, len(ended))
	for _, run := range slices.Backward(ended) { // in the order in which they were submitted
		if run.Finished.IsZero() {
			continue
		}
		r, before, now := p.of(run.Pipeline), p.seen[run.ID], endedRun{run.Epoch, run.Finished}
		listed[run.ID] = true
		r.remember(run)
		if p.primed && before != now {
			steps, err := store.Steps(ctx, run.ID)
			if err != nil && asof.ErrorCode(err) != asof.CodeNotFound { // pruned by now
				return err
			}
			r.add(run, steps, before.at)
		}
		p.seen[run.ID] = now
	}
	maps.DeleteFunc(p.seen, func(id string, _ endedRun) bool { return !listed[id] })
	p.primed = true
	return nil
}

// remember keeps what is newest of a run that has ended.
func (r *pipelineRuns) remember(run asof.Run) {
	if !run.Finished.Before(r.last.Finished) {
		r.last = run
	}
	if run.State != asof.RunCompleted {
		return
	}
	if run.Finished.After(r.completed) {
		r.completed = run.Finished
	}
	if day, err := time.Parse(time.DateOnly, run.Params["as_of"]); err == nil && day.After(r.asOf) {
		r.asOf = day
	}
}

// add counts a run that has ended, and its attempts since it ended before.
func (r *pipelineRuns) add(run asof.Run, steps []asof.RunStep, since time.Time) {
	r.ended[run.State]++
	if !run.Started.IsZero() {
		r.took.observe(run.Finished.Sub(run.Started).Seconds())
		if !run.Started.Before(since) { // of a run that was resumed, once
			r.delay.observe(max(run.Started.Sub(run.Due).Seconds(), 0))
		}
	}
	for _, s := range steps {
		switch {
		case s.Started.Before(since):
		case s.State == asof.RunFailed || s.State == asof.RunCrashed:
			r.failures[s.Name]++
		case s.State == asof.RunCompleted:
			r.rows[s.Name] += uint64(max(0, s.Rows))
		}
	}
}

func (r *pipelineRuns) metrics(name string) []prometheus.Metric {
	list := []prometheus.Metric{}
	for _, state := range openStates {
		list = append(list, gauge(runsNow, float64(r.open[state]), name, string(state)))
	}
	for _, state := range endStates {
		list = append(list, counter(runsEnded, r.ended[state], name, string(state)))
	}
	took, delay := r.took.read(), r.delay.read()
	list = append(list, took.metric(runsTook, name), delay.metric(runsDelay, name),
		gauge(runsFailed, truth(r.last.State == asof.RunFailed || r.last.State == asof.RunCrashed), name))
	if !r.completed.IsZero() {
		list = append(list, gauge(runsCompleted, seconds(r.completed), name))
	}
	if !r.asOf.IsZero() {
		list = append(list, gauge(runsAsOf, seconds(r.asOf), name))
	}
	for _, step := range slices.Sorted(maps.Keys(r.rows)) {
		list = append(list, counter(runsRows, r.rows[step], name, step))
	}
	for _, step := range slices.Sorted(maps.Keys(r.failures)) {
		list = append(list, counter(runsFailures, r.failures[step], name, step))
	}
	return list
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
