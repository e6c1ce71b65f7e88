package console

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/pipeline"
)

// runList is the page of runs, by pipeline and state.
type runList struct {
	Pipeline  string    `json:"pipeline,omitempty"`
	State     string    `json:"state,omitempty"`
	Runs      []lastRun `json:"runs"`
	Older     string    `json:"older,omitempty"` // the address of the next page
	Unknown   string    `json:"rolled_back_error,omitempty"`
	Pipelines []string  `json:"-"`
	States    []string  `json:"-"`
}

// runStates are those by which runs can be chosen.
var runStates = []string{"scheduled", "pending", "late", "running", "retrying", "completed", "failed", "crashed", "cancelled"}

const runsAtOnce = 50

func runsPath(pipeline, state, before string) string {
	query := url.Values{}
	for name, value := range map[string]string{"pipeline": pipeline, "state": state, "before": before} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return "/runs?" + query.Encode()
}

// listRuns shows runs, the newest first.
func listRuns(ctx context.Context, c *Console, r *request) (any, error) {
	store, err := c.pipelineStore(ctx)
	if err != nil {
		return nil, err
	}
	asked := r.URL.Query()
	list := &runList{Pipeline: asked.Get("pipeline"), State: asked.Get("state"), Runs: []lastRun{}, States: runStates}
	if list.Pipelines, err = c.o.Pipelines.Names(); err != nil {
		return nil, err
	}
	if list.Pipeline != "" && !slices.Contains(list.Pipelines, list.Pipeline) {
		list.Pipelines = append(list.Pipelines, list.Pipeline) // of a file that is gone
	}
	q := asof.RunQuery{Project: c.o.Project, Pipeline: list.Pipeline, Before: asked.Get("before"), Limit: runsAtOnce + 1, Brief: true}
	if list.State != "" {
		if !slices.Contains(runStates, list.State) {
			return nil, asof.Errorf(asof.CodeInvalid, "there is no state %.60q; runs are %s%s", list.State, strings.Join(runStates, ", "), asof.DidYouMean(list.State, runStates))
		}
		q.States = []asof.RunState{asof.RunState(list.State)}
	}
	runs, err := store.Runs(ctx, q)
	if err != nil {
		return nil, err
	}
	if len(runs) > runsAtOnce {
		runs = runs[:runsAtOnce]
		list.Older = runsPath(list.Pipeline, list.State, runs[runsAtOnce-1].ID)
	}
	undone, err := c.undone(ctx)
	if err != nil {
		list.Unknown = err.Error()
	}
	for _, run := range runs {
		one := shownRun(run, pipeline.DayOf(run))
		one.RolledBack = undone[run.ID]
		list.Runs = append(list.Runs, one)
	}
	return list, nil
}

// undone returns when runs were rolled back, which the warehouse knows.
func (c *Console) undone(ctx context.Context) (map[string]time.Time, error) {
	all, err := part(ctx, c.o.Pipelines.Publications)
	return asof.RolledBackRuns(all), err
}

// Path is the address of the run's page.
func (r lastRun) Path() string { return "/runs/" + url.PathEscape(r.ID) }

// until is when the run ended, or now.
func (r lastRun) until() time.Time {
	if r.Finished.IsZero() {
		return time.Now()
	}
	return r.Finished
}

// Took is how long the run has gone on.
func (r lastRun) Took() string { return took(r.Started, r.until()) }
