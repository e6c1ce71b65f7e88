package run

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/asof-dev/asof"
)

// plan says which steps of a job are still to be done.
type plan struct {
	steps    []Step
	last     map[string]asof.RunStep // the last attempt that was recorded
	attempts map[string]int          // how many there were
	inputs   map[string]string       // of steps that stand or are done, with those of what they need
	todo     map[string]bool
}

// check refuses a job whose graph cannot be gone through.
func (j Job) check() error {
	before := map[string]bool{}
	for _, s := range j.Steps {
		if before[s.Name] {
			return asof.Errorf(asof.CodeInvalid, "two steps have the name %q; give one another name", s.Name)
		}
		for _, earlier := range s.waitsFor() {
			if !before[earlier] {
				return asof.Errorf(asof.CodeInvalid, "step %q needs %q, which is no step before it", s.Name, earlier)
			}
		}
		before[s.Name] = true
	}
	return nil
}

// newPlan holds the steps against what was recorded of them.
func newPlan(ctx context.Context, steps []Step, recorded []asof.RunStep) (*plan, error) {
	p := &plan{steps: steps, last: map[string]asof.RunStep{}, attempts: map[string]int{}, inputs: map[string]string{}, todo: map[string]bool{}}
	for _, r := range recorded {
		if r.Attempt >= p.attempts[r.Name] {
			p.last[r.Name], p.attempts[r.Name] = r, r.Attempt
		}
	}
	sealed := p.sealed()
	for _, s := range steps {
		stands, err := p.unchanged(ctx, s, sealed[s.Name])
		if err != nil {
			return nil, err
		}
		p.todo[s.Name] = !stands
	}
	return p, p.restore(ctx)
}

// sealed returns the steps that a completed step has sealed.
func (p *plan) sealed() map[string]bool {
	sealed := map[string]bool{}
	for i := len(p.steps) - 1; i >= 0; i-- {
		s := p.steps[i]
		if sealed[s.Name] || s.Seals && p.last[s.Name].State == asof.RunCompleted {
			for _, earlier := range s.waitsFor() {
				sealed[earlier] = true
			}
		}
	}
	return sealed
}

// unchanged reports whether a step was completed, or skipped, from the same as
// now. A skipped step is asked again: its condition may be another.
func (p *plan) unchanged(ctx context.Context, s Step, sealed bool) (bool, error) {
	last := p.last[s.Name]
	if last.State != asof.RunCompleted {
		return last.State == asof.RunSkipped && sealed, nil
	}
	for _, earlier := range s.waitsFor() {
		if p.todo[earlier] {
			return false, nil
		}
	}
	own := ""
	if s.Input != nil {
		var err error
		if own, err = s.Input(ctx); err != nil {
			p.inputs[s.Name] = last.Input
			return sealed, ctx.Err()
		}
	}
	p.inputs[s.Name] = p.input(s, own)
	return p.inputs[s.Name] == last.Input, nil
}

// input joins a step's own input with those of the steps that it waits for.
func (p *plan) input(s Step, own string) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q", own)
	for _, earlier := range s.waitsFor() {
		fmt.Fprintf(h, " %q %q", earlier, p.inputs[earlier])
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// restore enters completed steps again whose work is gone, where a step that
// needs them is still to be done.
func (p *plan) restore(ctx context.Context) error {
	wanted := map[string]bool{} // by a step that is to be done
	for i := len(p.steps) - 1; i >= 0; i-- {
		s := p.steps[i]
		if !p.todo[s.Name] && wanted[s.Name] && s.Stands != nil {
			there, err := s.Stands(ctx)
			if err != nil {
				return err
			}
			p.todo[s.Name] = !there
		}
		if p.todo[s.Name] {
			for _, earlier := range s.waitsFor() {
				wanted[earlier] = true
			}
		}
	}
	return nil
}
