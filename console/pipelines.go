package console

import (
	"context"
	"slices"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/permission"
	"github.com/asof-dev/asof/pipeline"
)

// Pipelines are what the pages of pipelines work with.
type Pipelines struct {
	Names        func() ([]string, error)
	Load         func(name string) (*pipeline.Pipeline, error) // of one of the names
	Publications func(context.Context) ([]asof.Publication, error)
	Rollback     func(ctx context.Context, run string) (asof.Rollback, error) // of a run of the project
	// Aside reads rows that a pipeline's run has put aside, limit at most.
	Aside func(ctx context.Context, p *pipeline.Pipeline, table, run string, limit int) (pipeline.Quarantined, error)
	// Correct takes corrected rows in, and returns the run that had put them aside.
	Correct func(context.Context, *pipeline.Pipeline, pipeline.Correction) (pipeline.Corrected, asof.Run, error)
	Repo    string // the folder that files of pipelines are in
	Works   bool   // this process carries runs out
}

// pipelineList is the page of all pipelines.
type pipelineList struct {
	Pipelines []pipelineRow `json:"pipelines"`
	Last      []lastRun     `json:"last"` // of all of them
	More      int           `json:"more"` // pipelines that are left off the page; JSON has all
}

// pipelineRow is a pipeline in the list.
type pipelineRow struct {
	Name        string        `json:"name"`
	Description string        `json:"description,omitempty"`
	Error       string        `json:"error,omitempty"` // what is wrong with its file
	Schedules   []scheduleRow `json:"schedules"`
	Last        *lastRun      `json:"last,omitempty"`
}

// scheduleRow is how a schedule stands.
type scheduleRow struct {
	Schedule string    `json:"schedule"`
	CatchUp  string    `json:"catch_up"`
	Folder   bool      `json:"folder"` // it fires when a folder is complete
	Paused   bool      `json:"paused"`
	Last     time.Time `json:"last,omitzero"`
	Next     time.Time `json:"next,omitzero"`
}

// Path is the address of the pipeline's page.
func (p pipelineRow) Path() string { return pipelinePath(p.Name) }

const (
	pipelinesShown = 100
	lastShown      = 15
	lastLooked     = 200 // runs among which the last of each pipeline is looked for first
)

// pipelineStore returns the store of runs to who may see them.
func (c *Console) pipelineStore(ctx context.Context) (asof.RunStore, error) {
	if c.o.Runs == nil || c.o.Pipelines == nil {
		return nil, asof.Errorf(asof.CodeUnavailable, "this console shows no pipelines")
	}
	if err := c.may(ctx, permission.Describe); err != nil {
		return nil, err
	}
	return c.o.Runs(ctx)
}

// listPipelines shows the pipelines with their schedules and last runs.
func listPipelines(ctx context.Context, c *Console, r *request) (any, error) {
	store, err := c.pipelineStore(ctx)
	if err != nil {
		return nil, err
	}
	names, err := c.o.Pipelines.Names()
	if err != nil {
		return nil, err
	}
	list := &pipelineList{Pipelines: []pipelineRow{}, Last: []lastRun{}}
	if n := len(names); n > pipelinesShown && !wantsJSON(r.Request) {
		names, list.More = names[:pipelinesShown], n-pipelinesShown
	}
	known, err := store.Schedules(ctx, c.o.Project)
	if err != nil {
		return nil, err
	}
	runs, err := store.Runs(ctx, asof.RunQuery{Project: c.o.Project, Limit: lastLooked, Brief: true})
	if err != nil {
		return nil, err
	}
	for _, run := range runs[:min(len(runs), lastShown)] {
		list.Last = append(list.Last, shownRun(run, pipeline.DayOf(run)))
	}
	for _, name := range names {
		row := pipelineRow{Name: name, Schedules: []scheduleRow{}}
		if row.Last, err = c.lastOf(ctx, store, runs, name); err != nil {
			return nil, err
		}
		if p, err := c.o.Pipelines.Load(name); err != nil {
			row.Error = err.Error()
		} else {
			row.Description, row.Schedules = p.Description, schedulesOf(p, known)
		}
		list.Pipelines = append(list.Pipelines, row)
	}
	return list, nil
}

// lastOf returns the last run of a pipeline; nil where it has none.
func (c *Console) lastOf(ctx context.Context, store asof.RunStore, among []asof.Run, name string) (*lastRun, error) {
	at := slices.IndexFunc(among, func(r asof.Run) bool { return r.Pipeline == name })
	if at < 0 && len(among) == lastLooked { // its last one is older
		runs, err := store.Runs(ctx, asof.RunQuery{Project: c.o.Project, Pipeline: name, Limit: 1, Brief: true})
		if err != nil || len(runs) == 0 {
			return nil, err
		}
		among, at = runs, 0
	}
	if at < 0 {
		return nil, nil
	}
	last := shownRun(among[at], pipeline.DayOf(among[at]))
	return &last, nil
}

func schedulesOf(p *pipeline.Pipeline, known []asof.RunSchedule) []scheduleRow {
	list := []scheduleRow{}
	for _, s := range p.Status(known, time.Now()) {
		list = append(list, scheduleRow{s.Text, string(s.CatchUp), s.Folder != nil, s.Paused, s.Last, s.Next})
	}
	return list
}

// pipeline returns one of the repository's pipelines. No other file is read.
func (c *Console) pipeline(name string) (*pipeline.Pipeline, error) {
	names, err := c.o.Pipelines.Names()
	if err != nil {
		return nil, err
	}
	if !slices.Contains(names, name) {
		return nil, asof.Errorf(asof.CodeNotFound, "there is no pipeline %.60q%s", name, asof.DidYouMean(name, names))
	}
	return c.o.Pipelines.Load(name)
}
