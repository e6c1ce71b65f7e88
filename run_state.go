package asof

import (
	"crypto/rand"
	"encoding/hex"
	"time"
)

// How a run goes from state to state is the same in every store. These
// functions change the run in hand; now is the store's clock.

// NewRunID returns an ID for a run: the second in UTC, and letters by chance.
func NewRunID(at time.Time) string {
	random := make([]byte, 4)
	_, _ = rand.Read(random) // which never fails
	return at.UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(random)
}

// NewRun returns the run as a store enters it at that time: its ID where it has
// none, and due.
func NewRun(run Run, now time.Time) Run {
	if run.ID == "" {
		run.ID = NewRunID(now)
	}
	if run.Due.IsZero() {
		run.Due = now
	}
	run.State, run.Created, run.Due = RunPending, now, run.Due.UTC().Truncate(time.Microsecond)
	return run.At(now)
}

// At returns the run with the state that it has at that time: of a run that
// waits, by its due time; of one whose lease has run out, crashed.
func (r Run) At(now time.Time) Run {
	switch r.State {
	case RunScheduled, RunPending, RunLate:
		switch {
		case !r.Started.IsZero():
			r.State = RunPending // to go on: it was begun in time, or late
		case r.Due.After(now):
			r.State = RunScheduled
		case now.Sub(r.Due) > RunLateAfter:
			r.State = RunLate
		default:
			r.State = RunPending
		}
	case RunRunning, RunRetrying:
		if !r.LeaseEnds.After(now) {
			r.State = RunCrashed
		}
	}
	return r
}

// Waits reports whether the run waits for a worker.
func (r *Run) Waits() bool { return r.Finished.IsZero() && r.LeaseEnds.IsZero() }

// Claimable returns from when on a run that has not ended can be claimed.
func (r *Run) Claimable() time.Time {
	if r.Waits() {
		return r.Due
	}
	return r.LeaseEnds
}

// Claim gives the run, which is claimable, to a worker. It returns whether it
// is taken over from a worker that died. A run that was asked to end, or was
// taken over too often, ends instead.
func (r *Run) Claim(c RunClaim, now time.Time) (takenOver bool) {
	takenOver = !r.Waits()
	r.TakenFrom = ""
	switch {
	case takenOver && r.Cancel:
		r.End(RunCancelled, "", now)
		return
	case takenOver && r.Takeovers >= MostTakeovers:
		r.End(RunCrashed, TooManyTakeovers, now)
		return
	case takenOver:
		r.Takeovers++
		r.TakenFrom = r.Worker
	}
	if r.Started.IsZero() {
		r.Started = now
	}
	r.State, r.Worker, r.LeaseEnds = RunRunning, c.Worker, now.Add(c.TTL)
	r.Epoch++
	return
}

// Held returns an error unless the lease is that under which the run is held.
func (r *Run) Held(l RunLease) error {
	if r.Epoch != l.Epoch || r.LeaseEnds.IsZero() {
		return LeaseLost(l)
	}
	return nil
}

// End ends the run in a state; a state that waits gives it back.
func (r *Run) End(state RunState, message string, now time.Time) {
	r.State, r.Error, r.LeaseEnds = state, message, time.Time{}
	if state.Ended() {
		r.Finished = now
	}
}

// Again makes a run that ended wait for a worker. One that completed is
// CodeConflict; one that has not ended stays as it is.
func (r *Run) Again(now time.Time) error {
	if r.State == RunCompleted {
		return Errorf(CodeConflict, "run %s is completed; there is nothing to resume", r.ID)
	}
	if !r.Finished.IsZero() {
		r.State, r.Finished, r.Cancel, r.Error, r.Takeovers = RunPending, time.Time{}, false, "", 0
		if r.Started.IsZero() {
			r.Due = now
		}
	}
	return nil
}

// AskToEnd ends a run that nobody holds, and asks the worker of another.
func (r *Run) AskToEnd(now time.Time) {
	switch {
	case !r.Finished.IsZero():
	case r.LeaseEnds.After(now):
		r.Cancel = true
	default:
		r.End(RunCancelled, "", now)
	}
}

// StepsEnd returns how attempts that go on end with the run's present state:
// one that is given back, or taken over, leaves them crashed.
func (r *Run) StepsEnd() RunState {
	if r.State.Ended() {
		return r.State
	}
	return RunCrashed
}

// Returns reports whether submitting returns this earlier run of the same key
// as it is.
func (a RunAgain) Returns(r Run) bool {
	return r.Finished.IsZero() || a == AgainNever || a == AgainUnlessDone && r.State == RunCompleted
}

// FreeFor reports whether a run may go on beside others, of which that many use
// each name.
func (r *Run) FreeFor(using map[string]int) bool {
	for _, use := range r.Uses {
		if using[use.Name] >= use.Most {
			return false
		}
	}
	return true
}
