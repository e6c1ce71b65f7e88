package console

import (
	"context"

	"github.com/asof-dev/asof"
)

// run returns a run of the project, and the store that has it.
func (c *Console) run(ctx context.Context, id string) (asof.RunStore, asof.Run, error) {
	if c.o.Runs == nil {
		return nil, asof.Run{}, asof.Errorf(asof.CodeUnavailable, "this console shows no runs")
	}
	store, err := c.o.Runs(ctx)
	if err != nil {
		return nil, asof.Run{}, err
	}
	run, err := store.Run(ctx, id)
	if err == nil && run.Project != c.o.Project {
		err = asof.Errorf(asof.CodeNotFound, "there is no run %.60q", id)
	}
	return store, run, err
}

// askRun is the question about the run of a request.
func askRun(ctx context.Context, c *Console, r *request, verb string) (*question, asof.Run, error) {
	_, run, err := c.run(ctx, r.PathValue("id"))
	if err != nil {
		return nil, run, err
	}
	name := r.say("act." + verb)
	return &question{Title: name + " " + run.ID, On: onRun(run), Back: shownRun(run, "").Path(), Button: name}, run, nil
}

func askCancel(ctx context.Context, c *Console, r *request) (*question, error) {
	q, run, err := askRun(ctx, c, r, "cancel")
	switch {
	case err != nil:
		return nil, err
	case !run.Finished.IsZero():
		return nil, asof.Errorf(asof.CodeConflict, "run %s has ended: it is %s", run.ID, run.State)
	case run.Waits():
		q.Will = []string{r.say("cancel.waits", run.ID, run.Pipeline)}
	default:
		q.Will = []string{r.say("cancel.runs", run.ID, run.Pipeline), r.say("cancel.staged")}
	}
	return q, nil
}

func doCancel(ctx context.Context, c *Console, r *request, _ *question) (done, error) {
	store, run, err := c.run(ctx, r.PathValue("id"))
	if err != nil {
		return done{}, err
	}
	if run, err = store.Cancel(ctx, run.ID); err != nil {
		return done{}, err
	}
	d := done{to: shownRun(run, "").Path(), said: r.say("cancel.done", run.ID), outcome: string(run.State)}
	if run.Finished.IsZero() {
		d.said, d.outcome = r.say("cancel.asked", run.ID), "was asked to end"
	}
	return d, nil
}

func askResume(ctx context.Context, c *Console, r *request) (*question, error) {
	q, run, err := askRun(ctx, c, r, "resume")
	switch {
	case err != nil:
		return nil, err
	case run.State == asof.RunCompleted || run.Finished.IsZero():
		return nil, asof.Errorf(asof.CodeConflict, "run %s is %s; there is nothing to resume", run.ID, run.State)
	}
	q.Will = []string{r.say("resume.will", run.ID, run.Pipeline), r.say("resume.files")}
	return q, nil
}

func doResume(ctx context.Context, c *Console, r *request, _ *question) (done, error) {
	store, run, err := c.run(ctx, r.PathValue("id"))
	if err != nil {
		return done{}, err
	}
	if run, err = store.Resume(ctx, run.ID); err != nil {
		return done{}, err
	}
	return done{to: shownRun(run, "").Path(), said: r.say("resume.done", run.ID), outcome: string(run.State)}, nil
}
