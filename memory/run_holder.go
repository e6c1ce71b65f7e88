package memory

import (
	"context"
	"slices"
	"time"

	"github.com/asof-dev/asof"
)

// Renew lets the lease end ttl from now.
func (s *Runs) Renew(_ context.Context, l asof.RunLease, ttl time.Duration) (cancel bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.held(l)
	if err != nil {
		return false, err
	}
	r.LeaseEnds = s.now().Add(ttl)
	return r.Cancel, nil
}

// Break ends the lease.
func (s *Runs) Break(_ context.Context, l asof.RunLease) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.held(l)
	if err == nil {
		r.LeaseEnds = s.now()
	}
	return err
}

// Record writes how the run stands, and attempts at steps.
func (s *Runs) Record(_ context.Context, l asof.RunLease, state asof.RunState, steps ...asof.RunStep) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.held(l)
	if err != nil {
		return err
	}
	r.State = state
	for _, step := range steps {
		if step.State == asof.RunCompleted {
			r.Takeovers = 0
		}
		step.Report = slices.Clone(step.Report)
		at := slices.IndexFunc(r.steps, func(o asof.RunStep) bool { return o.Name == step.Name && o.Attempt == step.Attempt })
		if at >= 0 {
			r.steps[at] = step
		} else {
			r.steps = append(r.steps, step)
		}
	}
	return nil
}

// Log appends lines.
func (s *Runs) Log(_ context.Context, l asof.RunLease, lines ...asof.RunLine) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.held(l)
	if err != nil {
		return err
	}
	for _, line := range asof.FitRunLines(len(r.lines), lines) {
		line.Seq = int64(len(r.lines) + 1)
		r.lines = append(r.lines, line)
	}
	return nil
}

// Finish ends the run, or gives it back.
func (s *Runs) Finish(_ context.Context, l asof.RunLease, state asof.RunState, message string, report []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.held(l)
	if err != nil {
		return err
	}
	now := s.now()
	r.End(state, message, now)
	r.endSteps(now)
	r.Report = slices.Clone(report)
	return nil
}
