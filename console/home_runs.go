package console

import (
	"context"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/check"
	"github.com/asof-dev/asof/permission"
	"github.com/asof-dev/asof/pipeline"
)

// runsPart is what the last runs of pipelines did.
type runsPart struct {
	Error  string        `json:"error,omitempty"`
	Last   []lastRun     `json:"last"`
	Open   []lastRun     `json:"open"`   // they go on, or wait
	Failed []lastRun     `json:"failed"` // and nothing later has done their month
	Broken []brokenCheck `json:"broken"` // of those, and of the newest run of each pipeline
	Held   int           `json:"held"`   // checks that hold
	More   int           `json:"more"`   // broken checks that are left out
}

// lastRun is a run of a pipeline.
type lastRun struct {
	ID       string        `json:"run"`
	Pipeline string        `json:"pipeline"`
	Day      string        `json:"day,omitempty"` // of its files, as 2024-01-31
	State    asof.RunState `json:"state"`
	Cause    string        `json:"cause"`
	Started  time.Time     `json:"started,omitzero"`
	Finished time.Time     `json:"finished,omitzero"`
	Error    string        `json:"error,omitempty"`

	RolledBack time.Time `json:"rolled_back,omitzero"` // where it was asked for
}

// brokenCheck is a rule that did not hold.
type brokenCheck struct {
	Run      string `json:"run"`
	Pipeline string `json:"pipeline"`
	Day      string `json:"day"`
	Table    string `json:"table"`
	check.Kept
}

const (
	runsLooked   = 60 // of the newest runs, for what failed and what goes on
	runsShown    = 10
	checksShown  = 20
	failureShown = 10
)

// lastRuns looks at the newest runs of the project.
func (c *Console) lastRuns(ctx context.Context) runsPart {
	p := runsPart{Last: []lastRun{}, Open: []lastRun{}, Failed: []lastRun{}, Broken: []brokenCheck{}}
	if c.o.Runs == nil {
		return p
	}
	runs, err := part(ctx, func(ctx context.Context) ([]asof.Run, error) {
		if err := c.may(ctx, permission.Describe); err != nil {
			return nil, err
		}
		store, err := c.o.Runs(ctx)
		if err != nil {
			return nil, err
		}
		return store.Runs(ctx, asof.RunQuery{Project: c.o.Project, Limit: runsLooked})
	})
	if err != nil {
		p.Error = err.Error()
		return p
	}
	for i, run := range runs {
		shown := shownRun(run, pipeline.DayOf(run))
		if i < runsShown {
			p.Last = append(p.Last, shown)
		}
		if run.Finished.IsZero() {
			p.Open = append(p.Open, shown)
		}
	}
	seen := map[string]bool{}
	for _, month := range pipeline.NewestOf(runs) {
		failed := month.Run.State == asof.RunFailed || month.Run.State == asof.RunCrashed
		if failed {
			p.Failed = append(p.Failed, shownRun(month.Run, month.Day))
		}
		if failed || !seen[month.Run.Pipeline] {
			p.check(month)
		}
		seen[month.Run.Pipeline] = true
	}
	return p
}

// check counts what the checks of a run found.
func (p *runsPart) check(m pipeline.KeptMonth) {
	steps, err := pipeline.KeptChecks(m.Run)
	if err != nil {
		p.Error = err.Error()
	}
	for _, step := range steps {
		for _, kept := range step.Checks {
			switch {
			case kept.Holds:
				p.Held++
			case len(p.Broken) < checksShown:
				p.Broken = append(p.Broken, brokenCheck{m.Run.ID, m.Run.Pipeline, m.Day, step.Table, kept})
			default:
				p.More++
			}
		}
	}
}

func shownRun(run asof.Run, day string) lastRun {
	return lastRun{ID: run.ID, Pipeline: run.Pipeline, Day: day, State: run.State, Cause: run.Cause, Started: run.Started, Finished: run.Finished, Error: run.Error}
}

// name is the run as a need names it.
func (r lastRun) name() string {
	if r.Day == "" {
		return r.Pipeline
	}
	return r.Pipeline + " (" + r.Day + ")"
}

// needs lists runs that go on no more without somebody.
func (p *runsPart) needs() (list []need) {
	for _, run := range p.Failed[:min(len(p.Failed), failureShown)] {
		list = append(list, need{Kind: "run-" + string(run.State), Subject: run.name(), Detail: run.Error, Page: run.Path(), Command: "asof pipeline resume " + run.ID})
	}
	for _, run := range p.Open {
		if run.State == asof.RunLate {
			list = append(list, need{Kind: "run-late", Subject: run.name(), Page: "#runs", Command: "asof pipeline work"})
			break // a worker takes them all
		}
	}
	return list
}
