package console

import (
	"context"
	"html/template"
	"net/url"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/chart"
	"github.com/asof-dev/asof/pipeline"
)

// pipelinePage is the page of a pipeline.
type pipelinePage struct {
	pipelineRow
	Parameters []pipeline.Param `json:"parameters"`
	Steps      []pipelineStep   `json:"steps"`
	Runs       []lastRun        `json:"runs"` // the newest
	Older      string           `json:"older,omitempty"`
	Definition string           `json:"definition,omitempty"` // its file
	Deeds      []deed           `json:"actions"`              // the newest that were done to it
	Acts       bool             `json:"-"`
	Paused     bool             `json:"paused"`
	Graph      template.HTML    `json:"-"`
	Line       template.HTML    `json:"-"`
}

func (page *pipelinePage) title() string { return page.Name }

// pipelineStep is a step of the graph that runs go through.
type pipelineStep struct {
	Name  string   `json:"name"`
	Kind  string   `json:"kind"`
	When  string   `json:"when,omitempty"`
	Needs []string `json:"needs,omitempty"`
	Line  int      `json:"line,omitempty"` // of the file
}

const (
	pipelineRuns  = 20
	deedsShown    = 10
	mostFileShown = 64 << 10
)

func pipelinePath(name string) string { return "/pipelines/" + url.PathEscape(name) }

// showPipeline shows a pipeline: its graph, its schedules, its file, its runs.
func showPipeline(ctx context.Context, c *Console, r *request) (any, error) {
	store, err := c.pipelineStore(ctx)
	if err != nil {
		return nil, err
	}
	name := r.PathValue("name")
	page := &pipelinePage{pipelineRow: pipelineRow{Name: name, Schedules: []scheduleRow{}}, Parameters: []pipeline.Param{}, Steps: []pipelineStep{}, Runs: []lastRun{}}
	p, err := c.pipeline(name)
	if asof.ErrorCode(err) == asof.CodeNotFound {
		return nil, err
	}
	runs, failed := store.Runs(ctx, asof.RunQuery{Project: c.o.Project, Pipeline: name, Limit: pipelineRuns + 1, Brief: true})
	if failed != nil {
		return nil, failed
	}
	if len(runs) > pipelineRuns {
		runs = runs[:pipelineRuns]
		page.Older = runsPath(name, "", runs[pipelineRuns-1].ID)
	}
	for _, run := range runs {
		page.Runs = append(page.Runs, shownRun(run, pipeline.DayOf(run)))
	}
	page.Line = runsInTime(r, page.Runs)
	if page.Deeds, failed = c.deeds(ctx, r, asof.ActionQuery{On: "pipeline " + name, Limit: deedsShown}); failed != nil {
		return nil, failed
	}
	if err != nil {
		page.Error = err.Error() // of its file
		return page, nil
	}
	known, err := store.Schedules(ctx, c.o.Project)
	if err != nil {
		return nil, err
	}
	page.Acts = c.acts(r)
	return page, page.describe(c, p, known)
}

// describe shows what a pipeline's file says.
func (page *pipelinePage) describe(c *Console, p *pipeline.Pipeline, known []asof.RunSchedule) error {
	page.Description, page.Schedules = p.Description, schedulesOf(p, known)
	for _, s := range page.Schedules {
		page.Paused = page.Paused || s.Paused
	}
	page.Parameters = append(page.Parameters, p.Params...)
	steps, err := p.Graph(time.Now())
	if err != nil {
		return err
	}
	lines := map[string]int{}
	for _, s := range p.Steps {
		lines[s.Name] = s.Place.Line
	}
	graph := chart.Graph{}
	for _, s := range steps {
		page.Steps = append(page.Steps, pipelineStep{s.Name, s.Kind, s.When, s.Needs, lines[s.Name]})
		node := chart.Node{ID: s.Name, Title: chart.Shortened(s.Name, nodeLetters), Class: "step " + s.Kind, Href: c.o.RootPath + page.Path() + "#steps"}
		if s.When != "" {
			node.Lines = []chart.NodeLine{{Text: chart.Shortened(s.When, nodeLetters), Href: node.Href}}
		}
		graph.Nodes = append(graph.Nodes, node)
		for _, need := range s.Needs {
			graph.Edges = append(graph.Edges, chart.Edge{From: need, To: s.Name})
		}
	}
	page.Graph = chart.Layered(graph).SVG()
	page.Definition = fileText(p.Path)
	return nil
}

// fileText returns a text file as far as a page shows it; "" where it is gone.
func fileText(path string) string {
	text, err := os.ReadFile(path)
	if err != nil || !utf8.Valid(text) {
		return ""
	}
	if len(text) > mostFileShown {
		return strings.ToValidUTF8(string(text[:mostFileShown]), "") + "…"
	}
	return string(text)
}

// runsInTime draws when runs went on, the newest at the top.
func runsInTime(r *request, runs []lastRun) template.HTML {
	line := chart.Timeline{Frame: chart.Frame{Title: r.say("pipeline.line"), Description: r.say("pipeline.line-why"), Width: 900}, Now: time.Now()}
	for _, run := range runs {
		row := chart.TimelineRow{Label: run.Day}
		if row.Label == "" {
			row.Label = run.ID
		}
		if !run.Started.IsZero() {
			row.Spans = []chart.Span{{From: run.Started, To: run.Finished, Class: "state-" + string(run.State), Says: run.ID + r.say("colon") + " " + r.say("state."+string(run.State)) + ", " + took(run.Started, run.until())}}
		}
		line.Rows = append(line.Rows, row)
	}
	return line.SVG()
}
