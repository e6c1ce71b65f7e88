package pipelineapi

import (
	"encoding/json"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/pipeline"
)

// What follows is the JSON of the answers. Times are in UTC, null where there
// are none.

type pipelineJSON struct {
	Name        string           `json:"name"`
	Description string           `json:"description,omitempty"`
	Parameters  []pipeline.Param `json:"parameters"`
	Schedules   []scheduleJSON   `json:"schedules"`
	Error       string           `json:"error,omitempty"` // what is wrong with its file
}

type scheduleJSON struct {
	Schedule string     `json:"schedule"`
	CatchUp  string     `json:"catch_up"`
	Paused   bool       `json:"paused"`
	Last     *time.Time `json:"last"`
	Next     *time.Time `json:"next"`
}

func formOfPipeline(p *pipeline.Pipeline, known []asof.RunSchedule, now time.Time) pipelineJSON {
	form := pipelineJSON{Name: p.Name, Description: p.Description, Parameters: append([]pipeline.Param{}, p.Params...), Schedules: []scheduleJSON{}}
	for _, s := range p.Status(known, now) {
		form.Schedules = append(form.Schedules, scheduleJSON{s.Text, string(s.CatchUp), s.Paused, instant(s.Last), instant(s.Next)})
	}
	return form
}

type runJSON struct {
	ID         string            `json:"id"`
	Pipeline   string            `json:"pipeline"`
	State      asof.RunState     `json:"state"`
	Parameters map[string]string `json:"parameters"`
	Key        string            `json:"key"`
	Cause      string            `json:"cause"`
	Due        *time.Time        `json:"due"`
	Created    *time.Time        `json:"created"`
	Started    *time.Time        `json:"started"`
	Finished   *time.Time        `json:"finished"`
	RolledBack *time.Time        `json:"rolled_back"`
	Worker     string            `json:"worker,omitempty"`
	Cancelling bool              `json:"cancelling"` // it was asked to end
	Error      string            `json:"error,omitempty"`
	Report     json.RawMessage   `json:"report,omitempty"`
}

func formOfRun(r asof.Run, undone map[string]time.Time) runJSON {
	params := r.Params
	if params == nil {
		params = map[string]string{}
	}
	return runJSON{r.ID, r.Pipeline, r.State, params, r.Key, r.Cause, instant(r.Due), instant(r.Created), instant(r.Started), instant(r.Finished),
		instant(undone[r.ID]), r.Worker, r.Cancel && r.Finished.IsZero(), r.Error, r.Report}
}

func formOfRuns(runs []asof.Run, undone map[string]time.Time) []runJSON {
	forms := make([]runJSON, len(runs))
	for i, r := range runs {
		forms[i] = formOfRun(r, undone)
	}
	return forms
}

type stepJSON struct {
	Name     string          `json:"name"`
	Attempt  int             `json:"attempt"`
	State    asof.RunState   `json:"state"`
	Started  *time.Time      `json:"started"`
	Finished *time.Time      `json:"finished"`
	Rows     int64           `json:"rows"`
	Total    int64           `json:"total,omitempty"`
	Error    string          `json:"error,omitempty"`
	Report   json.RawMessage `json:"report,omitempty"`
}

func formOfStep(s asof.RunStep) stepJSON {
	return stepJSON{s.Name, s.Attempt, s.State, instant(s.Started), instant(s.Finished), s.Rows, s.Total, s.Error, s.Report}
}

type lineJSON struct {
	Seq   int64     `json:"seq"`
	At    time.Time `json:"at"`
	Step  string    `json:"step,omitempty"`
	Level string    `json:"level"`
	Text  string    `json:"text"`
}

func formOfLine(l asof.RunLine) lineJSON { return lineJSON{l.Seq, l.At.UTC(), l.Step, l.Level, l.Text} }

func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
