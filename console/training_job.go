package console

import (
	"context"
	"strings"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/historical"
)

// jobPage is the page of a set that is being made, or made again.
type jobPage struct {
	historical.Job
	Acts bool `json:"-"`
}

func (p *jobPage) title() string { return p.Name }

// Running reports whether it goes on.
func (p *jobPage) Running() bool { return p.State == historical.JobRunning }

// Settled reports whether nothing of it changes any more.
func (p *jobPage) Settled() bool { return !p.Running() }

// Failed reports whether it ended without a set.
func (p *jobPage) Failed() bool { return p.State == historical.JobFailed }

// Ended reports whether it has done what it was to do.
func (p *jobPage) Ended() bool { return p.State == historical.JobDone }

// Reproduced reports whether it made a set again.
func (p *jobPage) Reproduced() bool { return p.Kind == historical.JobReproduce }

// Path returns the address of the page, SetPath that of what was made.
func (p *jobPage) Path() string    { return "/training/job/" + p.ID }
func (p *jobPage) SetPath() string { return setPath(p.Set) }

// Without names the features that have no value.
func (p *jobPage) Without() string { return strings.Join(p.Empty, ", ") }

// At is the step that it is at.
func (p *jobPage) At() string {
	if p.Step == "" {
		return "begin"
	}
	return p.Step
}

// trainingJob shows how the making of a set stands.
func trainingJob(_ context.Context, c *Console, r *request) (any, error) {
	one, err := c.job(r)
	return &jobPage{one, c.orders(r)}, err
}

// job returns the job of a request, which the caller may know of.
func (c *Console) job(r *request) (historical.Job, error) {
	if c.o.Training == nil {
		return historical.Job{}, errNoTraining
	}
	one, err := c.o.Training.Jobs.Job(r.PathValue("id"))
	if err == nil && !c.ownJob(r, one) {
		return one, asof.Errorf(asof.CodeForbidden, "the making of %s is shown to who asked for it", one.Name)
	}
	return one, err
}

// ownJob reports whether the caller has asked for a job, where callers differ.
func (c *Console) ownJob(r *request, one historical.Job) bool {
	who, _ := c.who(r.Request)
	return c.o.Guard == nil || one.By == who
}

// jobs are those that the caller may know of, newest first.
func (c *Console) jobs(r *request) (list []historical.Job) {
	for _, one := range c.o.Training.Jobs.All() {
		if c.ownJob(r, one) {
			list = append(list, one)
		}
	}
	return list
}

func askCancelJob(_ context.Context, c *Console, r *request) (*question, error) {
	one, err := c.job(r)
	switch {
	case err != nil:
		return nil, err
	case one.State != historical.JobRunning:
		return nil, asof.Errorf(asof.CodeConflict, "the making of %s has ended already: it is %s", one.Name, one.State)
	}
	return &question{Title: r.say("act.cancel-set") + " – " + one.Name, On: "training set " + one.Name, Back: "/training/job/" + one.ID, Button: r.say("act.cancel-set"),
		Will: []string{r.say("make.cancel", one.Name)}}, nil
}

func doCancelJob(_ context.Context, c *Console, r *request, _ *question) (done, error) {
	one, err := c.job(r)
	if err == nil {
		err = c.o.Training.Jobs.Cancel(one.ID)
	}
	return done{to: "/training/job/" + one.ID, said: r.say("make.cancelled", one.Name), outcome: "was asked to end"}, err
}

func askReproduce(ctx context.Context, c *Console, r *request) (*question, error) {
	found, err := c.set(ctx, r)
	if err == nil {
		err = c.o.Training.Readable(ctx, found.Receipt)
	}
	if err != nil {
		return nil, err
	}
	name := nameOf(found)
	return &question{Title: r.say("set.reproduce") + " – " + name, On: "training set " + found.ID, Back: setPath(found.ID), Button: r.say("act.reproduce-set"),
		Will: []string{r.say("reproduce.will", name), r.say("reproduce.keeps")}}, nil
}

func doReproduce(ctx context.Context, c *Console, r *request, _ *question) (done, error) {
	found, err := c.set(ctx, r)
	if err != nil {
		return done{}, err
	}
	who, _ := c.who(r.Request)
	job, err := c.o.Training.Reproduce(ctx, found.Receipt, who)
	if err != nil {
		return done{}, err
	}
	return done{to: "/training/job/" + job.ID, said: r.say("reproduce.begun", nameOf(found)), outcome: "is being made again"}, nil
}
