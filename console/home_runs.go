package console

import (
	"context"
	"slices"
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
	Failed []lastRun     `json:"failed"` // nothing later has done their month, and nobody dismissed them
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
	runsLooked   = 200 // of the newest runs, for what failed and what goes on
	runsChecked  = 20  // of them, for their checks
	runsShown    = 10
	checksShown  = 20
	failureShown = 10
)

// foundRuns are the newest runs, without reports, and with them those whose
// checks are shown.
type foundRuns struct {
	newest     []asof.Run
	checked    []pipeline.KeptMonth
	dismissals map[string]time.Time // by run, as the record of actions has it
}

// lastRuns looks at the newest runs of the project.
func (c *Console) lastRuns(ctx context.Context) runsPart {
	p := runsPart{Last: []lastRun{}, Open: []lastRun{}, Failed: []lastRun{}, Broken: []brokenCheck{}}
	if c.o.Runs == nil {
		return p
	}
	found, err := part(ctx, c.findRuns)
	if err != nil {
		p.Error = err.Error()
		return p
	}
	for i, run := range found.newest {
		shown := shownRun(run, pipeline.DayOf(run))
		if i < runsShown {
			p.Last = append(p.Last, shown)
		}
		if run.Finished.IsZero() {
			p.Open = append(p.Open, shown)
		}
	}
	for _, month := range pipeline.NewestOf(found.newest) {
		if failed(month.Run) && !needsNobody(month.Run, found.dismissals) {
			p.Failed = append(p.Failed, shownRun(month.Run, month.Day))
		}
	}
	for _, month := range found.checked {
		p.check(month)
	}
	return p
}

func failed(run asof.Run) bool { return run.State == asof.RunFailed || run.State == asof.RunCrashed }

// findRuns reads the reports of runs that failed, and of the newest of each
// pipeline.
func (c *Console) findRuns(ctx context.Context) (f foundRuns, err error) {
	if err := c.may(ctx, permission.Describe); err != nil {
		return f, err
	}
	store, err := c.o.Runs(ctx)
	if err != nil {
		return f, err
	}
	if f.newest, err = store.Runs(ctx, asof.RunQuery{Project: c.o.Project, Limit: runsLooked, Brief: true}); err != nil {
		return f, err
	}
	if slices.ContainsFunc(f.newest, failed) {
		if f.dismissals, err = c.dismissals(ctx, store); err != nil {
			return f, err
		}
	}
	seen := map[string]bool{}
	for _, month := range pipeline.NewestOf(f.newest) {
		if needsNobody(month.Run, f.dismissals) {
			continue
		}
		if (failed(month.Run) || !seen[month.Run.Pipeline]) && len(f.checked) < runsChecked {
			month.Run, err = store.Run(ctx, month.Run.ID)
			if err == nil {
				f.checked = append(f.checked, month)
			} else if asof.ErrorCode(err) != asof.CodeNotFound { // pruned by now
				return f, err
			}
		}
		seen[month.Run.Pipeline] = true
	}
	return f, nil
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

// Path is the address of the run's page.
func (b brokenCheck) Path() string { return lastRun{ID: b.Run}.Path() }
