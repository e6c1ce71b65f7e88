package memory

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/asof-dev/asof"
)

// Runs is an asof.RunStore in memory. Stores that share one place are the same
// one.
type Runs struct {
	mu        sync.Mutex
	runs      []*heldRun // in the order in which they were submitted
	schedules map[[2]string]asof.RunSchedule

	actions    []asof.Action // in the order in which they began
	lastAction int64
}

// heldRun is a run with what belongs to it.
type heldRun struct {
	asof.Run
	steps []asof.RunStep
	lines []asof.RunLine
}

var _ asof.RunStore = (*Runs)(nil)

// NewRuns returns an empty store.
func NewRuns() *Runs { return &Runs{schedules: map[[2]string]asof.RunSchedule{}} }

// now is in microseconds, as in the other stores.
func (s *Runs) now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

func (s *Runs) find(id string) (*heldRun, error) {
	for _, r := range s.runs {
		if r.ID == id {
			return r, nil
		}
	}
	return nil, asof.Errorf(asof.CodeNotFound, "there is no run %q", id)
}

// held returns the run of a lease that has not been lost.
func (s *Runs) held(l asof.RunLease) (*heldRun, error) {
	r, err := s.find(l.Run)
	if err == nil {
		err = r.Held(l)
	}
	return r, err
}

// copy returns the run as a caller may keep it.
func (r *heldRun) copy(now time.Time) asof.Run {
	c := r.At(now)
	c.Params, c.Uses, c.Report = maps.Clone(c.Params), slices.Clone(c.Uses), slices.Clone(c.Report)
	return c
}

// endSteps ends the attempts that go on, as the run stands.
func (r *heldRun) endSteps(now time.Time) {
	for i := range r.steps {
		if step := &r.steps[i]; !step.State.Ended() {
			step.State, step.Finished = r.StepsEnd(), now
		}
	}
}

// Submit enters a run, or returns an earlier one of its key.
func (s *Runs) Submit(_ context.Context, run asof.Run, again asof.RunAgain) (asof.Run, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.submit(run, again)
}

func (s *Runs) submit(run asof.Run, again asof.RunAgain) (asof.Run, bool, error) {
	now := s.now()
	if earlier := s.ofKey(run); earlier != nil {
		if again.Returns(earlier.Run) {
			return earlier.copy(now), false, nil
		}
		if earlier.Again(now) == nil {
			return earlier.copy(now), false, nil
		}
	}
	entered := &heldRun{Run: asof.NewRun(run, now)}
	if _, err := s.find(entered.ID); err == nil {
		return asof.Run{}, false, asof.Errorf(asof.CodeConflict, "there is a run %s already", entered.ID)
	}
	s.runs = append(s.runs, entered)
	entered.Run = entered.copy(now)
	return entered.copy(now), true, nil
}

// ofKey returns the newest run with the project, the pipeline and the key of
// run, nil where there is none.
func (s *Runs) ofKey(run asof.Run) *heldRun {
	for _, r := range slices.Backward(s.runs) {
		if run.Key != "" && r.Key == run.Key && r.Project == run.Project && r.Pipeline == run.Pipeline {
			return r
		}
	}
	return nil
}

// Cancel ends a run that waits, and asks the worker of another.
func (s *Runs) Cancel(_ context.Context, run string) (asof.Run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.find(run)
	if err != nil {
		return asof.Run{}, err
	}
	now := s.now()
	r.AskToEnd(now)
	if !r.Finished.IsZero() {
		r.endSteps(now)
	}
	return r.copy(now), nil
}

// Resume makes a run that ended without being completed wait again.
func (s *Runs) Resume(_ context.Context, run string) (asof.Run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.find(run)
	if err != nil {
		return asof.Run{}, err
	}
	now := s.now()
	if err := r.Again(now); err != nil {
		return asof.Run{}, err
	}
	return r.copy(now), nil
}

// Due returns the time, and when the next run can be claimed.
func (s *Runs) Due(_ context.Context, project string) (now, due time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.runs {
		if r.Project != project || !r.Finished.IsZero() {
			continue
		}
		if at := r.Claimable(); due.IsZero() || at.Before(due) {
			due = at
		}
	}
	return s.now(), due, nil
}

// Claim gives the caller a run.
func (s *Runs) Claim(_ context.Context, c asof.RunClaim) (*asof.Run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	var waiting []*heldRun
	using := map[string]int{}
	for _, r := range s.runs {
		switch {
		case r.Project != c.Project || !r.Finished.IsZero():
		case r.LeaseEnds.After(now):
			for _, use := range r.Uses {
				using[use.Name]++
			}
		case (c.Run == "" || r.ID == c.Run) && !r.Claimable().After(now):
			waiting = append(waiting, r)
		}
	}
	slices.SortStableFunc(waiting, func(a, b *heldRun) int { return a.Due.Compare(b.Due) })
	for _, r := range waiting {
		if !r.FreeFor(using) {
			continue
		}
		if r.Claim(c, now) {
			r.endSteps(now)
		}
		if r.Finished.IsZero() {
			claimed := r.copy(now)
			r.TakenFrom = ""
			return &claimed, nil
		}
	}
	return nil, nil
}
