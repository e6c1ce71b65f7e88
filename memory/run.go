package memory

import (
	"cmp"
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
	if err != nil {
		return nil, err
	}
	if r.Epoch != l.Epoch || r.LeaseEnds.IsZero() {
		return nil, asof.LeaseLost(l)
	}
	return r, nil
}

// copy returns the run as a caller may keep it.
func (r *heldRun) copy(now time.Time) asof.Run {
	c := r.At(now)
	c.Params, c.Uses, c.Report = maps.Clone(c.Params), slices.Clone(c.Uses), slices.Clone(c.Report)
	return c
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
		done := earlier.State == asof.RunCompleted
		switch {
		case earlier.Finished.IsZero() || again == asof.AgainNever || done && again == asof.AgainUnlessDone:
			return earlier.copy(now), false, nil
		case !done:
			earlier.resume(now)
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

func (r *heldRun) resume(now time.Time) {
	r.State, r.Due, r.Finished, r.Cancel, r.Error, r.Takeovers = asof.RunPending, now, time.Time{}, false, "", 0
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
	switch {
	case !r.Finished.IsZero():
	case r.LeaseEnds.After(now):
		r.Cancel = true
	default:
		r.end(now, asof.RunCancelled, "")
	}
	return r.copy(now), nil
}

// end ends the run, and the attempts that go on.
func (r *heldRun) end(now time.Time, state asof.RunState, message string) {
	r.State, r.Error, r.LeaseEnds = state, message, time.Time{}
	if state.Ended() {
		r.Finished = now
	} else {
		r.Due, state = now, asof.RunCrashed
	}
	r.endSteps(now, state)
}

func (r *heldRun) endSteps(now time.Time, state asof.RunState) {
	for i := range r.steps {
		if st := &r.steps[i]; !st.State.Ended() {
			st.State, st.Finished = state, now
		}
	}
}

// Resume makes a run that ended without being completed wait again.
func (s *Runs) Resume(_ context.Context, run string) (asof.Run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.find(run)
	if err != nil {
		return asof.Run{}, err
	}
	if r.State == asof.RunCompleted {
		return asof.Run{}, asof.Errorf(asof.CodeConflict, "run %s is completed; there is nothing to resume", run)
	}
	now := s.now()
	if !r.Finished.IsZero() {
		r.resume(now)
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
		if at := r.claimable(); due.IsZero() || at.Before(due) {
			due = at
		}
	}
	return s.now(), due, nil
}

// claimable returns from when on a run that has not ended can be claimed.
func (r *heldRun) claimable() time.Time {
	if r.LeaseEnds.IsZero() {
		return r.Due
	}
	return r.LeaseEnds
}

// Claim gives the caller a run.
func (s *Runs) Claim(_ context.Context, c asof.RunClaim) (*asof.Run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	var waiting []*heldRun
	for _, r := range s.runs {
		if r.Project == c.Project && (c.Run == "" || r.ID == c.Run) && r.Finished.IsZero() && !r.claimable().After(now) {
			waiting = append(waiting, r)
		}
	}
	slices.SortStableFunc(waiting, func(a, b *heldRun) int { return cmp.Compare(a.Due.UnixMicro(), b.Due.UnixMicro()) })
	for _, r := range waiting {
		died := !r.LeaseEnds.IsZero()
		switch {
		case died && r.Cancel:
			r.end(now, asof.RunCancelled, "")
		case died && r.Takeovers >= asof.MostTakeovers:
			r.end(now, asof.RunCrashed, asof.TooManyTakeovers)
		case s.free(r, now):
			r.claim(c, now, died)
			claimed := r.copy(now)
			return &claimed, nil
		}
	}
	return nil, nil
}

func (r *heldRun) claim(c asof.RunClaim, now time.Time, died bool) {
	if died {
		r.Takeovers++
		r.endSteps(now, asof.RunCrashed)
	}
	if r.Started.IsZero() {
		r.Started = now
	}
	r.State, r.Worker, r.LeaseEnds = asof.RunRunning, c.Worker, now.Add(c.TTL)
	r.Epoch++
}

// free reports whether fewer runs than may go on use what r uses.
func (s *Runs) free(r *heldRun, now time.Time) bool {
	for _, use := range r.Uses {
		n := 1
		for _, other := range s.runs {
			if other != r && other.Project == r.Project && other.LeaseEnds.After(now) &&
				slices.ContainsFunc(other.Uses, func(u asof.RunUse) bool { return u.Name == use.Name }) {
				n++
			}
		}
		if n > use.Most {
			return false
		}
	}
	return true
}
