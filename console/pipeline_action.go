package console

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/pipeline"
)

// paramPrefix stands before the names of parameters in forms.
const paramPrefix = "p."

// changing returns the pipeline of a request, and the store of runs.
func (c *Console) changing(ctx context.Context, r *request) (*pipeline.Pipeline, asof.RunStore, error) {
	store, err := c.pipelineStore(ctx)
	if err != nil {
		return nil, nil, err
	}
	p, err := c.pipeline(r.PathValue("name"))
	return p, store, err
}

// askPipeline is the question about a pipeline.
func (r *request) askPipeline(p *pipeline.Pipeline, verb string) *question {
	name := r.say("act." + verb)
	return &question{Title: name + r.say("colon") + " " + p.Name, On: "pipeline " + p.Name, Back: pipelinePath(p.Name), Button: name}
}

// paramInputs are the inputs of the parameters but those left out, and what was
// given for them.
func (r *request) paramInputs(p *pipeline.Pipeline, without ...string) (inputs []input, given map[string]string) {
	given = map[string]string{}
	for _, param := range p.Params {
		if slices.Contains(without, param.Name) {
			continue
		}
		in := input{Name: paramPrefix + param.Name, Label: param.Name, Type: "text", Value: r.value(paramPrefix + param.Name), Required: param.Required, Choices: param.Values}
		if param.Type == pipeline.ParamBoolean {
			in.Choices = []string{"true", "false"}
		}
		help := []string{string(param.Type)}
		if !param.Required {
			help = append(help, r.say("input.default", param.Default))
		}
		if param.Description != "" {
			help = append(help, param.Description)
		}
		in.Help = strings.Join(help, " · ")
		if in.Value != "" {
			given[param.Name] = in.Value
		}
		inputs = append(inputs, in)
	}
	return inputs, given
}

// settle writes the values that parameters have been given by now into the
// inputs: what is done is what was shown.
func settle(inputs []input, values pipeline.Values) {
	for i := range inputs {
		if value, ok := values[strings.TrimPrefix(inputs[i].Name, paramPrefix)]; ok && strings.HasPrefix(inputs[i].Name, paramPrefix) {
			inputs[i].Value = value
		}
	}
}

func askRunPipeline(ctx context.Context, c *Console, r *request) (*question, error) {
	p, _, err := c.changing(ctx, r)
	if err != nil {
		return nil, err
	}
	q := r.askPipeline(p, "run")
	var given map[string]string
	q.Inputs, given = r.paramInputs(p)
	values, err := p.Values(given, time.Now())
	if err != nil {
		return q, asof.Errorf(asof.CodeInvalid, "%w", err)
	}
	settle(q.Inputs, values)
	q.Will = append([]string{r.say("run.will", p.Name, assigned(values))}, c.effects(r, p, values)...)
	q.Will = append(q.Will, r.say("run.same"))
	lacks, err := c.lacking(r, p, values)
	q.Will = append(q.Will, lacks...)
	return q, err
}

// lacking returns why a run would find no files: as warnings where an earlier
// step may make them, or a worker elsewhere may have them.
func (c *Console) lacking(r *request, p *pipeline.Pipeline, values pipeline.Values) (warnings []string, err error) {
	fail, later := p.MissingFiles(values, c.o.Pipelines.Repo)
	if len(fail) > 0 && c.o.Pipelines.Works {
		return nil, asof.Errorf(asof.CodeInvalid, "%w", andMore(fail))
	}
	if len(fail) > 0 {
		warnings = append(warnings, r.say("run.lacks", andMore(fail)))
	}
	if len(later) > 0 {
		warnings = append(warnings, r.say("run.lacks-yet", andMore(later)))
	}
	return warnings, nil
}

// andMore is the first of the reasons why loads find no files, and how many
// loads those are.
func andMore(all []error) error {
	if len(all) == 1 {
		return all[0]
	}
	return fmt.Errorf("%w; %d loads find no files", all[0], len(all))
}

// assigned writes parameters as the command line has them.
func assigned(values map[string]string) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		list = append(list, name+"="+values[name])
	}
	return strings.Join(list, ", ")
}

// effects says what a run reads and changes, and who carries it out.
func (c *Console) effects(r *request, p *pipeline.Pipeline, values pipeline.Values) (will []string) {
	lineage := p.Lineage(values, "", pipeline.KeptReport{})
	var files, tables []string
	for _, d := range lineage.Read {
		files = append(files, d.File)
	}
	for _, d := range lineage.Written {
		tables = append(tables, d.Table)
	}
	if len(files) > 0 {
		will = append(will, r.say("run.reads", strings.Join(files, ", ")))
	}
	if len(tables) > 0 {
		will = append(will, r.say("run.writes", strings.Join(tables, ", ")))
	}
	switch {
	case lineage.AllViews:
		will = append(will, r.say("run.all-online"))
	case len(lineage.Views) > 0:
		will = append(will, r.say("run.online", strings.Join(lineage.Views, ", ")))
	}
	if !c.o.Pipelines.Works {
		will = append(will, r.say("run.waits"))
	}
	return will
}

func doRunPipeline(ctx context.Context, c *Console, r *request, q *question) (done, error) {
	p, store, err := c.changing(ctx, r)
	if err != nil {
		return done{}, err
	}
	values := map[string]string{}
	for _, in := range q.Inputs {
		values[strings.TrimPrefix(in.Name, paramPrefix)] = in.Value
	}
	settled, err := p.Values(values, time.Now())
	if err != nil {
		return done{}, err
	}
	return c.enter(ctx, r, store, p, settled)
}

// enter enters a run, or finds the one of the same values that goes on.
func (c *Console) enter(ctx context.Context, r *request, store asof.RunStore, p *pipeline.Pipeline, values pipeline.Values) (done, error) {
	run := p.NewRun(c.o.Project, values)
	run.Cause = c.cause(r)
	entered, created, err := store.Submit(ctx, run, asof.AgainAlways)
	if err != nil {
		return done{}, err
	}
	said := r.say("run.entered", entered.ID)
	if !created {
		said = r.say("run.goes-on", entered.ID)
	}
	return done{to: shownRun(entered, "").Path(), said: said, outcome: "run " + entered.ID}, nil
}

// cause is what runs say of why they were entered.
func (c *Console) cause(r *request) string {
	who, _ := c.who(r.Request)
	return "console, by " + who
}

// askPause asks whether the schedules of a pipeline are to fire.
func askPause(verb string) func(context.Context, *Console, *request) (*question, error) {
	return func(ctx context.Context, c *Console, r *request) (*question, error) {
		p, _, err := c.changing(ctx, r)
		if err != nil {
			return nil, err
		}
		if len(p.Schedules) == 0 {
			return nil, asof.Errorf(asof.CodeInvalid, "pipeline %s has no schedule", p.Name)
		}
		var texts []string
		for _, s := range p.Schedules {
			texts = append(texts, s.Text)
		}
		q := r.askPipeline(p, verb)
		schedules := strings.Join(texts, "; ")
		if verb == "pause" {
			q.Will = []string{r.say("pause.will", p.Name, schedules), r.say("pause.else")}
		} else {
			q.Will = []string{r.say("unpause.will", p.Name, schedules), r.say("unpause.else")}
		}
		return q, nil
	}
}

func doPause(paused bool) func(context.Context, *Console, *request, *question) (done, error) {
	return func(ctx context.Context, c *Console, r *request, _ *question) (done, error) {
		p, store, err := c.changing(ctx, r)
		if err != nil {
			return done{}, err
		}
		if err := p.Pause(ctx, store, c.o.Project, paused); err != nil {
			return done{}, err
		}
		said := r.say("unpause.done", p.Name)
		if paused {
			said = r.say("pause.done", p.Name)
		}
		return done{to: pipelinePath(p.Name), said: said}, nil
	}
}
