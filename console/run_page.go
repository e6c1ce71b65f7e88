package console

import (
	"context"
	"encoding/json"
	"html/template"
	"net/url"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/chart"
	"github.com/asof-dev/asof/pipeline"
)

// runPage is the page of a run.
type runPage struct {
	lastRun
	Parameters map[string]string     `json:"parameters"`
	Created    time.Time             `json:"created,omitzero"`
	Due        time.Time             `json:"due,omitzero"`
	Worker     string                `json:"worker,omitempty"`
	Cancelling bool                  `json:"cancelling"` // it was asked to end
	Unknown    string                `json:"rolled_back_error,omitempty"`
	Steps      []stepRow             `json:"steps"`
	Changes    []pipeline.KeptChange `json:"changes,omitempty"`
	Checks     []checkedTable        `json:"checks,omitempty"`
	Aside      []asideTable          `json:"aside,omitempty"`
	Log        runLog                `json:"log"`
	Deeds      []deed                `json:"actions"`
	Acts       bool                  `json:"-"`
	Works      bool                  `json:"-"` // a worker is in this process
	Bars       template.HTML         `json:"-"`
}

func (p *runPage) title() string { return p.Pipeline + " · " + p.ID }

// stepRow is one attempt at a step.
type stepRow struct {
	Name     string        `json:"name"`
	Attempt  int           `json:"attempt"`
	State    asof.RunState `json:"state"`
	Started  time.Time     `json:"started,omitzero"`
	Finished time.Time     `json:"finished,omitzero"`
	Rows     int64         `json:"rows"`
	Total    int64         `json:"total,omitempty"` // as far as it is known
	Error    string        `json:"error,omitempty"`
}

// Took is how long the attempt has gone on.
func (s stepRow) Took() string { return took(s.Started, s.until()) }

// Part reports whether it goes on, and how far is known.
func (s stepRow) Part() bool { return s.Finished.IsZero() && s.Total > 0 }

func (s stepRow) until() time.Time {
	if s.Finished.IsZero() {
		return time.Now()
	}
	return s.Finished
}

// Ended reports whether nothing of the run changes by itself any more.
func (p *runPage) Ended() bool { return !p.Finished.IsZero() }

// Settled reports the same: nothing of the page changes then.
func (p *runPage) Settled() bool { return p.Ended() }

// Waits reports whether the run waits for a worker.
func (p *runPage) Waits() bool {
	return p.State == asof.RunPending || p.State == asof.RunLate || p.State == asof.RunScheduled
}

// CanResume reports whether the run can go on.
func (p *runPage) CanResume() bool { return p.Ended() && p.State != asof.RunCompleted }

// CanDismiss reports whether Home names the run, unless another has done its
// month or somebody has dismissed it.
func (p *runPage) CanDismiss() bool {
	return p.Ended() && (p.State == asof.RunFailed || p.State == asof.RunCrashed)
}

// CanUndo reports whether the run has published, and still counts.
func (p *runPage) CanUndo() bool { return p.Ended() && len(p.Changes) > 0 && p.RolledBack.IsZero() }

// Again is the form to run the pipeline with the same parameters.
func (p *runPage) Again() string {
	query := url.Values{}
	for name, value := range p.Parameters {
		query.Set(paramPrefix+name, value)
	}
	return pipelinePath(p.Pipeline) + "/run?" + query.Encode()
}

// PipelinePath is the address of the pipeline's page.
func (p *runPage) PipelinePath() string { return pipelinePath(p.Pipeline) }

// showRun shows a run: its steps in time, its log, what its checks found.
func showRun(ctx context.Context, c *Console, r *request) (any, error) {
	if _, err := c.pipelineStore(ctx); err != nil {
		return nil, err
	}
	store, run, err := c.run(ctx, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	page := &runPage{lastRun: shownRun(run, pipeline.DayOf(run)), Parameters: run.Params, Created: run.Created, Due: run.Due, Worker: run.Worker,
		Cancelling: run.Cancel && run.Finished.IsZero(), Steps: []stepRow{}, Acts: c.acts(r), Works: c.o.Pipelines.Works}
	attempts, err := store.Steps(ctx, run.ID)
	if err != nil {
		return nil, err
	}
	if err := page.steps(attempts); err != nil {
		return nil, err
	}
	page.Bars = page.bars(r)
	if page.Ended() {
		undone, err := c.undone(ctx)
		if err != nil {
			page.Unknown = err.Error()
		}
		page.RolledBack = undone[run.ID]
	}
	if page.Log, err = tailOf(ctx, store, run.ID); err != nil {
		return nil, err
	}
	page.Deeds, err = c.deeds(ctx, r, asof.ActionQuery{On: onRun(run), Limit: deedsShown})
	return page, err
}

// steps takes attempts in, and what the last one of each step reports.
func (p *runPage) steps(attempts []asof.RunStep) error {
	last := map[string]int{}
	for i, a := range attempts {
		p.Steps = append(p.Steps, stepRow{a.Name, a.Attempt, a.State, a.Started, a.Finished, a.Rows, a.Total, a.Error})
		last[a.Name] = i
	}
	for i, a := range attempts {
		if last[a.Name] != i || len(a.Report) == 0 {
			continue
		}
		var kept pipeline.KeptStep
		if err := json.Unmarshal(a.Report, &kept); err != nil {
			return asof.Errorf(asof.CodeInternal, "the report of step %s of run %s cannot be read: %w", a.Name, p.ID, err)
		}
		p.Changes = append(p.Changes, kept.Changes...)
		if kept.Table != "" {
			p.Checks = append(p.Checks, checked(kept))
		}
		if kept.Aside > 0 {
			p.Aside = append(p.Aside, asideTable{kept.Table, kept.Aside, kept.Quarantine, p.Path() + "/aside/" + url.PathEscape(kept.Table)})
		}
	}
	return nil
}

// bars draws the attempts in time, those at a step in one row.
func (p *runPage) bars(r *request) template.HTML {
	line := chart.Timeline{Frame: chart.Frame{Title: r.say("run.bars"), Description: r.say("run.bars-why"), Empty: r.say("run.no-steps"), Width: 900}, Now: time.Now()}
	rows := map[string]int{}
	for _, s := range p.Steps {
		at, there := rows[s.Name]
		if !there {
			at = len(line.Rows)
			rows[s.Name] = at
			line.Rows = append(line.Rows, chart.TimelineRow{Label: s.Name})
		}
		if !s.Started.IsZero() {
			line.Rows[at].Spans = append(line.Rows[at].Spans, chart.Span{From: s.Started, To: s.Finished, Class: "state-" + string(s.State),
				Says: r.say("run.attempt", s.Name, s.Attempt) + r.say("colon") + " " + r.say("state."+string(s.State)) + ", " + s.Took()})
		}
	}
	return line.SVG()
}
