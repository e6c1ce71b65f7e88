package metric_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/answerlog"
	"github.com/asof-dev/asof/httpapi"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/metric"
	"github.com/asof-dev/asof/notify"
)

// pipelineRun enters a run of the month and lets it end in a state: nothing for
// a run that goes on.
func pipelineRun(t *testing.T, runs asof.RunStore, run asof.Run, state asof.RunState, steps ...asof.RunStep) asof.Run {
	t.Helper()
	ctx := t.Context()
	if run.ID == "" {
		run.Project, run.Pipeline = project, "month"
		entered, _, err := runs.Submit(ctx, run, asof.AgainAlways)
		if err != nil {
			t.Fatal(err)
		}
		run = entered
	}
	claimed, err := runs.Claim(ctx, asof.RunClaim{Project: project, Run: run.ID, Worker: "w", TTL: time.Minute})
	if err != nil || claimed == nil {
		t.Fatal(claimed, err)
	}
	l := asof.RunLease{Run: claimed.ID, Epoch: claimed.Epoch}
	for i := range steps {
		steps[i].Started, steps[i].Finished = time.Now(), time.Now()
	}
	err = runs.Record(ctx, l, asof.RunRunning, steps...)
	if err == nil && state != "" {
		err = runs.Finish(ctx, l, state, "", nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return *claimed
}

func month(day string) asof.Run { return asof.Run{Params: map[string]string{"as_of": day}} }

// TestPipelines shows what the run store says, of runs that ended before the
// server started too, and counts those that end from then on, once.
func TestPipelines(t *testing.T) {
	runs := memory.NewRuns()
	s := newServer(t, metric.Options{Runs: func(context.Context) (asof.RunStore, error) { return runs, nil },
		Logged: func() answerlog.Counts { return answerlog.Counts{Written: 5, Dropped: 4, Failed: 1} },
		Told:   func() []notify.Count { return []notify.Count{{Target: "slack", Delivered: 3, Failed: 2, Dropped: 1}} }}, httpapi.Options{})
	load := func(rows int64) asof.RunStep {
		return asof.RunStep{Name: "load users", Attempt: 1, State: asof.RunCompleted, Rows: rows}
	}
	pipelineRun(t, runs, month("2024-01-31"), asof.RunCompleted, load(50))
	s.shows(t,
		`asof_pipeline_runs_total{pipeline="month",state="completed"} 0`,
		`asof_pipeline_runs_total{pipeline="month",state="failed"} 0`,
		`asof_pipeline_runs_open{pipeline="month",state="running"} 0`,
		`asof_pipeline_as_of_timestamp_seconds{pipeline="month"} 1.7066592e+09`,
		`asof_pipeline_failed{pipeline="month"} 0`,
		`asof_pipeline_run_duration_seconds_count{pipeline="month"} 0`,
		`asof_collect_errors_total{source="runs"} 0`,
		`asof_answers_logged_total{result="written"} 5`, `asof_answers_logged_total{result="dropped"} 4`, `asof_answers_logged_total{result="failed"} 1`,
		`asof_notifications_total{result="delivered",target="slack"} 3`,
		`asof_notifications_total{result="failed",target="slack"} 2`,
		`asof_notifications_total{result="dropped",target="slack"} 1`)

	failed := pipelineRun(t, runs, month("2024-02-29"), asof.RunFailed, load(40),
		asof.RunStep{Name: "check users", Attempt: 1, State: asof.RunFailed}, asof.RunStep{Name: "check users", Attempt: 2, State: asof.RunFailed})
	pipelineRun(t, runs, month("2024-03-31"), "") // goes on
	if _, _, err := runs.Submit(t.Context(), asof.Run{Project: project, Pipeline: "month", Due: time.Now().Add(time.Hour)}, asof.AgainAlways); err != nil {
		t.Fatal(err)
	}
	if _, _, err := runs.Submit(t.Context(), asof.Run{Project: project, Pipeline: "other", Due: time.Now().Add(-time.Hour)}, asof.AgainAlways); err != nil {
		t.Fatal(err)
	}
	for name, at := range map[string]int64{"nightly": 1700000000, "files": 1700000000, "files = in/1": 1750000000, "files = in/2": 1740000000} { // of folders, the newest
		if _, err := runs.Fire(t.Context(), project, name, time.Time{}, time.Unix(at, 0)); err != nil {
			t.Fatal(err)
		}
	}
	if err := runs.Pause(t.Context(), project, "hourly", true); err != nil {
		t.Fatal(err)
	}
	s.shows(t, `asof_pipeline_runs_total{pipeline="month",state="failed"} 0`) // good for a while
	s.now = s.now.Add(time.Minute)
	s.shows(t,
		`asof_pipeline_runs_total{pipeline="month",state="completed"} 0`,
		`asof_pipeline_runs_total{pipeline="month",state="failed"} 1`,
		`asof_pipeline_runs_open{pipeline="month",state="running"} 1`,
		`asof_pipeline_runs_open{pipeline="month",state="scheduled"} 1`,
		`asof_pipeline_runs_open{pipeline="other",state="late"} 1`,
		`asof_pipeline_failed{pipeline="month"} 1`,
		`asof_pipeline_failed{pipeline="other"} 0`,
		`asof_pipeline_as_of_timestamp_seconds{pipeline="month"} 1.7066592e+09`,
		`asof_pipeline_rows_total{pipeline="month",step="load users"} 40`,
		`asof_pipeline_step_failures_total{pipeline="month",step="check users"} 2`,
		`asof_pipeline_run_duration_seconds_count{pipeline="month"} 1`,
		`asof_pipeline_run_delay_seconds_bucket{pipeline="month",le="10"} 1`,
		`asof_schedule_fired_timestamp_seconds{schedule="nightly"} 1.7e+09`,
		`asof_schedule_paused{schedule="nightly"} 0`,
		`asof_schedule_fired_timestamp_seconds{schedule="files"} 1.75e+09`,
		`asof_schedule_paused{schedule="hourly"} 1`)
	s.now = s.now.Add(time.Minute)
	s.shows(t, `asof_pipeline_runs_total{pipeline="month",state="failed"} 1`) // the same run is counted once

	if _, err := runs.Resume(t.Context(), failed.ID); err != nil {
		t.Fatal(err)
	}
	pipelineRun(t, runs, failed, asof.RunCompleted, asof.RunStep{Name: "check users", Attempt: 3, State: asof.RunCompleted, Rows: 40})
	s.now = s.now.Add(time.Minute)
	s.shows(t,
		`asof_pipeline_runs_total{pipeline="month",state="completed"} 1`,
		`asof_pipeline_runs_total{pipeline="month",state="failed"} 1`,
		`asof_pipeline_failed{pipeline="month"} 0`,
		`asof_pipeline_as_of_timestamp_seconds{pipeline="month"} 1.7091648e+09`,
		`asof_pipeline_rows_total{pipeline="month",step="load users"} 40`, // what stood is not counted again
		`asof_pipeline_rows_total{pipeline="month",step="check users"} 40`,
		`asof_pipeline_step_failures_total{pipeline="month",step="check users"} 2`)
}

// torn is a run store whose steps cannot be read at first.
type torn struct {
	asof.RunStore
	broken bool
}

func (s *torn) Steps(ctx context.Context, run string) ([]asof.RunStep, error) {
	if s.broken {
		return nil, errors.New("connection reset")
	}
	return s.RunStore.Steps(ctx, run)
}

// A run store that fails costs nothing of what is counted, once it is back.
func TestRunStoreFails(t *testing.T) {
	runs := &torn{RunStore: memory.NewRuns()}
	s := newServer(t, metric.Options{Runs: func(context.Context) (asof.RunStore, error) { return runs, nil }}, httpapi.Options{})
	s.shows(t, `asof_collect_errors_total{source="runs"} 0`)
	runs.broken = true
	pipelineRun(t, runs, month("2024-01-31"), asof.RunCompleted)
	pipelineRun(t, runs, month("2024-02-29"), asof.RunCompleted)
	s.now = s.now.Add(time.Minute)
	s.shows(t, `asof_collect_errors_total{source="runs"} 1`)
	runs.broken = false
	s.now = s.now.Add(time.Minute)
	s.shows(t, `asof_pipeline_runs_total{pipeline="month",state="completed"} 2`, `asof_collect_errors_total{source="runs"} 1`)
	if got := s.ask(t, "GET", "/metrics", "", 200); strings.Contains(got, "error has occurred") {
		t.Errorf("the metrics are broken:\n%s", got)
	}
}
