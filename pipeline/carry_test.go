package pipeline_test

import (
	"context"
	"slices"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/pipeline"
	"github.com/asof-dev/asof/run"
)

// settings are those of one run in a store of its own, step by step.
type settings struct {
	Pipeline    *pipeline.Pipeline
	Repo        string
	Warehouse   asof.Warehouse
	Materialize pipeline.Materialize
	Monitor     pipeline.Monitor
	TrainingSet pipeline.TrainingSet
	Notify      pipeline.Notify
	Params      map[string]string
	Progress    asof.Progress
	Log         func(step, line string)
	Now         time.Time     // when the run is asked for; zero: now
	Store       asof.RunStore // nil: a new one
	Again       asof.RunAgain // with a Store
	Steps       int           // at once; 0: 1
}

// monthReport is what a run did in this go.
type monthReport struct {
	Run   string
	Ended asof.Run
	Steps []pipeline.StepReport
}

func carryOut(ctx context.Context, s settings) (monthReport, error) {
	var report monthReport
	values, err := s.Pipeline.Values(s.Params, time.Now())
	if err != nil {
		return report, err
	}
	store := s.Store
	if store == nil {
		store = memory.NewRuns()
	}
	entered, _, err := store.Submit(ctx, s.Pipeline.NewRun("p", values), s.Again)
	if err != nil {
		return report, err
	}
	report.Run = entered.ID
	p := *s.Pipeline
	p.Concurrency.Steps = max(s.Steps, 1)
	o := pipeline.Options{Pipeline: &p, Repo: s.Repo, Warehouse: s.Warehouse, Materialize: s.Materialize, Monitor: s.Monitor, TrainingSet: s.TrainingSet, Notify: s.Notify,
		Told: func(step pipeline.StepReport) {
			report.Steps = append(slices.DeleteFunc(report.Steps, func(s pipeline.StepReport) bool { return s.Name == step.Name }), step) // the last attempt
		}}
	w := run.Worker{Store: store, Project: "p", Poll: time.Millisecond,
		Watch: run.Watch{Step: func(_ string, step asof.RunStep) { s.Progress.Report(step.Name, step.Rows, step.Total) },
			Line: func(_ string, line asof.RunLine) {
				if s.Log != nil && line.Step != "" {
					s.Log(line.Step, line.Text)
				}
			}},
		Job: func(_ context.Context, r asof.Run) (run.Job, error) {
			if !s.Now.IsZero() {
				r.Created = s.Now
			}
			return pipeline.Job(o, r)
		}}
	report.Ended, err = w.One(ctx, entered.ID, func(asof.Run) {})
	return report, err
}
