package run

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/asof-dev/asof"
)

// errAsked is why the context of a run ends that was asked to.
var errAsked = errors.New("the run was cancelled")

// outcome is what became of a step in this go.
type outcome struct {
	step  *Step
	state asof.RunState
	err   error
}

// graph goes through the steps of a plan.
type graph struct {
	*plan
	h      *holder
	most   int // steps that go on at once
	state  map[string]asof.RunState
	byName map[string]*Step
	lanes  map[string]bool // that are taken
	going  int
	done   chan outcome
}

// run does what is to be done, and returns the failures in the order of the
// steps. When ctx ends, no further step begins.
func (g *graph) run(ctx context.Context) error {
	g.state, g.byName, g.lanes, g.done = map[string]asof.RunState{}, map[string]*Step{}, map[string]bool{}, make(chan outcome)
	failures := map[string]error{}
	var stand []string
	for i, s := range g.steps {
		g.byName[s.Name] = &g.steps[i]
		if !g.todo[s.Name] {
			g.state[s.Name] = asof.RunCompleted
			stand = append(stand, s.Name)
		}
	}
	if len(stand) > 0 {
		g.h.note("info", "", "done before, and not done again: "+strings.Join(stand, ", "))
	}
	for {
		if ctx.Err() == nil {
			g.begin(ctx)
		}
		if g.going == 0 {
			break
		}
		o := <-g.done
		g.going--
		g.state[o.step.Name] = o.state
		delete(g.lanes, o.step.Lane)
		if o.err != nil {
			failures[o.step.Name] = o.err
		}
	}
	var all []error
	whole := true
	for _, s := range g.steps {
		if err := failures[s.Name]; err != nil {
			all = append(all, err)
		}
		whole = whole && g.state[s.Name].Ended() && g.state[s.Name] != asof.RunCancelled
	}
	if !whole && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return joined(all)
}

// begin starts the steps that can be.
func (g *graph) begin(ctx context.Context) {
	for i := range g.steps {
		s := &g.steps[i]
		if g.state[s.Name] != "" || g.lanes[s.Lane] || g.going >= g.most || !g.ready(s) {
			continue
		}
		g.state[s.Name] = asof.RunRunning
		if s.Lane != "" {
			g.lanes[s.Lane] = true
		}
		g.going++
		go func() { g.done <- g.one(ctx, s) }()
	}
}

func (g *graph) ready(s *Step) bool {
	for _, need := range s.Needs {
		if state := g.state[need]; state != asof.RunCompleted && state != asof.RunSkipped {
			return false
		}
	}
	for _, earlier := range s.After {
		if !g.settled(earlier) {
			return false
		}
	}
	return true
}

// settled reports whether nothing more becomes of a step: it has ended, or what
// it needs has failed.
func (g *graph) settled(name string) bool {
	if state := g.state[name]; state != "" {
		return state.Ended()
	}
	s := g.byName[name]
	for _, need := range s.Needs {
		if state := g.state[need]; g.settled(need) && state != asof.RunCompleted && state != asof.RunSkipped {
			return true
		}
	}
	return false
}

// one brings a step to its end, through all its attempts.
func (g *graph) one(ctx context.Context, s *Step) outcome {
	first := g.h.attempts(s.Name) + 1
	wait := time.Duration(0)
	for n := 1; ; n++ {
		record := asof.RunStep{Name: s.Name, Attempt: first + n - 1, State: asof.RunRunning, Started: time.Now().UTC()}
		if n > 1 {
			record.State = asof.RunRetrying
			g.h.record(record)
			if !sleep(ctx, wait) {
				return outcome{s, asof.RunCancelled, nil}
			}
			record.State, record.Started = asof.RunRunning, time.Now().UTC()
		}
		g.h.record(record)
		a := &Attempt{Number: record.Attempt, h: g.h, step: s.Name}
		skipped, err := g.attempt(ctx, s, a)
		record = g.h.present(record) // with its rows
		record.Finished, record.Report = time.Now().UTC(), a.report
		switch {
		case err != nil && ctx.Err() != nil:
			return outcome{s, asof.RunCancelled, nil} // the end of the run ends the attempt
		case err != nil:
			record.State, record.Error = asof.RunFailed, err.Error()
		case skipped:
			record.State = asof.RunSkipped
		default:
			record.State = asof.RunCompleted
		}
		record.Input = g.keepInput(s, a.Input)
		g.h.record(record)
		g.h.noteStep(record)
		if s.Retry.over(n, err) {
			return outcome{s, record.State, err}
		}
		wait = s.Retry.wait(n + 1)
		g.h.log("warn", s.Name, again(record.Attempt, wait, err))
	}
}

// keepInput remembers what a step was made from.
func (g *graph) keepInput(s *Step, own string) string {
	g.h.mu.Lock() // steps end side by side
	defer g.h.mu.Unlock()
	g.inputs[s.Name] = g.input(*s, own)
	return g.inputs[s.Name]
}

// attempt does a step once. A panic is its failure.
func (g *graph) attempt(ctx context.Context, s *Step, a *Attempt) (skipped bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = asof.Errorf(asof.CodeInternal, "step %s: %v", s.Name, p)
			g.h.log("error", s.Name, fmt.Sprintf("panic: %v %s", p, debug.Stack()))
		}
	}()
	err = timed(ctx, s.Name, s.Timeout, func(ctx context.Context) error {
		if s.When != nil {
			if wanted, err := s.When(ctx); err != nil || !wanted {
				skipped = err == nil
				return err
			}
		}
		err := s.Do(ctx, a)
		if err == nil && s.Input != nil && a.Input == "" {
			a.Input, err = s.Input(ctx)
		}
		return err
	})
	return skipped, err
}

// joined makes one error of several, with the code of the first: a person reads
// all of them.
func joined(all []error) error {
	if len(all) < 2 {
		return errors.Join(all...)
	}
	texts := make([]string, len(all))
	for i, err := range all {
		texts[i] = err.Error()
	}
	return &asof.Error{Code: asof.ErrorCode(all[0]), Message: strings.Join(texts, "\n"), Cause: errors.Join(all...)}
}
