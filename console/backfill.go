package console

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/pipeline"
)

func askBackfill(ctx context.Context, c *Console, r *request) (*question, error) {
	p, store, err := c.changing(ctx, r)
	if err != nil {
		return nil, err
	}
	q := r.askPipeline(p, "backfill")
	inputs, given := r.paramInputs(p, pipeline.AsOfParam)
	by := r.value("by")
	if by == "" {
		by = "month"
	}
	q.Inputs = append([]input{{Name: "from", Label: r.say("backfill.from"), Type: "text", Value: r.value("from"), Required: true, Help: r.say("backfill.range")},
		{Name: "to", Label: r.say("backfill.to"), Type: "text", Value: r.value("to"), Required: true, Help: r.say("backfill.range")},
		{Name: "by", Label: r.say("backfill.by"), Type: "text", Value: by, Required: true, Choices: pipeline.BackfillSteps}}, inputs...)
	b, err := pipeline.NewBackfill(r.value("from"), r.value("to"), by, time.Now())
	if err != nil {
		return q, err
	}
	all, err := b.Values(p, given)
	if err != nil {
		return q, asof.Errorf(asof.CodeInvalid, "%w", err)
	}
	q.Will = []string{r.say("backfill.will", len(all), p.Name, all[0][pipeline.AsOfParam], all[len(all)-1][pipeline.AsOfParam]), r.say("backfill.first", assigned(all[0])), r.say("backfill.again")}
	if !c.o.Pipelines.Works {
		q.Will = append(q.Will, r.say("run.waits"))
	}
	lacks, err := c.lackingIn(ctx, r, store, p, all)
	q.Will = append(q.Will, lacks...)
	return q, err
}

// mostLacking is how many runs of a range that find no files are told one by one.
const mostLacking = 10

// lackingIn returns what lacking does of each run of a range, but of those that
// stay as they are.
func (c *Console) lackingIn(ctx context.Context, r *request, store asof.RunStore, p *pipeline.Pipeline, all []pipeline.Values) (warnings []string, err error) {
	stays, err := c.staying(ctx, store, p)
	if err != nil {
		return nil, err
	}
	var fail []string
	for _, values := range all {
		if stays[p.NewRun(c.o.Project, values).Key] {
			continue
		}
		if err := ctx.Err(); err != nil { // of a thousand runs, on a slow disk
			return nil, asof.Errorf(asof.CodeUnavailable, "the files of %d runs are not all looked for in time; take a shorter range: %w", len(all), err)
		}
		day := values[pipeline.AsOfParam]
		lacks, err := c.lacking(r, p, values)
		if err != nil {
			fail = append(fail, fmt.Sprintf("%s (%s)", day, err))
		} else if len(lacks) > 0 {
			warnings = append(warnings, day+r.say("colon")+" "+strings.Join(lacks, " "))
		}
	}
	if n := len(warnings) - mostLacking; n > 0 {
		warnings = append(warnings[:mostLacking], r.say("backfill.more", n))
	}
	n := len(fail)
	if n == 0 {
		return warnings, nil
	}
	if n > mostLacking {
		fail = append(fail[:mostLacking], fmt.Sprintf("and %d more", n-mostLacking))
	}
	return nil, asof.Errorf(asof.CodeInvalid, "%d of %d runs find no files: %s; bring the files, or take a shorter range", n, len(all), strings.Join(fail, ", "))
}

// staying returns the keys of runs that a back-fill leaves as they are.
func (c *Console) staying(ctx context.Context, store asof.RunStore, p *pipeline.Pipeline) (map[string]bool, error) {
	runs, err := store.Runs(ctx, asof.RunQuery{Project: c.o.Project, Pipeline: p.Name, Limit: 10 * pipeline.MostBackfill, Brief: true})
	stays := map[string]bool{}
	for _, run := range runs { // the newest of a key decides
		if _, newer := stays[run.Key]; !newer {
			stays[run.Key] = asof.AgainUnlessDone.Returns(run)
		}
	}
	return stays, err
}

func doBackfill(ctx context.Context, c *Console, r *request, _ *question) (done, error) {
	p, store, err := c.changing(ctx, r)
	if err != nil {
		return done{}, err
	}
	b, err := pipeline.NewBackfill(r.value("from"), r.value("to"), r.value("by"), time.Now())
	if err != nil {
		return done{}, err
	}
	_, given := r.paramInputs(p, pipeline.AsOfParam)
	runs, err := b.Submit(ctx, store, p, c.o.Project, given)
	if err != nil {
		return done{}, err
	}
	return done{to: runsPath(p.Name, "", ""), said: r.say("backfill.done", len(runs), p.Name), outcome: fmt.Sprintf("%d runs from %s to %s", len(runs), runs[0].ID, runs[len(runs)-1].ID)}, nil
}
