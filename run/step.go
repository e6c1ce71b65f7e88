// Package run carries out runs that a store keeps: a worker claims a run, holds
// it by a lease, and goes through a graph of named steps, each recorded, so
// that whoever takes the run over goes on where it was. It knows nothing of
// what the steps do.
package run

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/asof-dev/asof"
)

// Job is what a run does.
type Job struct {
	Steps []Step // each name once; a step needs only steps before it
	Most  int    // steps that go on at once; 0: as many as the worker's
	// End is called when no step goes on any more, before the run ends, unless
	// the lease is lost. It may be nil.
	End func(ctx context.Context, o Outcome) (report json.RawMessage, err error)
	// Close releases what the job holds, in any case. It may be nil.
	Close func()
}

// Outcome is what became of the steps of a run. End may return another error
// than Err, which a person reads then, but not nil for one.
type Outcome struct {
	State asof.RunState // in which the run ends; pending where it is given back
	Err   error         // why it is not completed
	Steps []asof.RunStep
	Log   func(level, step, text string) // writes a line to the run's log
}

// Step is one node of a job's graph. It begins when all that it needs are
// completed or skipped. Where one of these failed it does not begin; steps that
// don't need that one go on, so that all that is wrong is told at once.
type Step struct {
	Name  string
	Needs []string
	After []string // it waits for these too, however they end
	Lane  string   // of steps of one lane, one goes on at a time; "": a lane of its own

	// When says whether the step is done; nil: it is. One that is not is
	// skipped.
	When func(ctx context.Context) (bool, error)
	// Do is one attempt. What it did before a crash it may do again.
	Do func(ctx context.Context, a *Attempt) error

	// Input is a hash of what the step is made from, as far as it is not made
	// by the steps that it waits for. A completed step is not done again while
	// its Input and those of all that it waits for are as they were; nil: always the
	// same. Do may set Attempt.Input, else it is asked when Do has ended.
	Input func(ctx context.Context) (string, error)
	// Stands says whether what a completed step made is still there. It is
	// asked only when a step that needs it is done. nil: it is.
	Stands func(ctx context.Context) (bool, error)
	// Seals says that after this step, those that it needs have served their
	// purpose: where their Input cannot be known any more, they stand.
	Seals bool

	Retry   Retry
	Timeout time.Duration // of an attempt; 0: none
}

// waitsFor lists the steps that this one waits for.
func (s *Step) waitsFor() []string { return slices.Concat(s.Needs, s.After) }

// Attempt is one attempt at a step, told of by its Do.
type Attempt struct {
	Number int    // from 1, counted over all workers of the run
	Input  string // hash of what the step is made from, where Do finds it out

	report json.RawMessage
	h      *holder
	step   string
}

// Progress tells how far the attempt is, in rows; a total of 0 is not known.
// Its last figure is how many rows the step had. It may be called often, from
// several goroutines.
func (a *Attempt) Progress(done, total int64) { a.h.progress(a.step, a.Number, done, total) }

// Report keeps v, as JSON, as what the attempt has to say.
func (a *Attempt) Report(v any) error {
	text, err := json.Marshal(v)
	a.report = text
	return err
}

// Log writes a line to the run's log, and tells it to the worker's Watch.
func (a *Attempt) Log(level, text string) { a.h.log(level, a.step, text) }

// Note writes a line to the run's log alone: its report says the same.
func (a *Attempt) Note(level, text string) { a.h.note(level, a.step, text) }

// Fence returns an error unless the worker still holds the run, and nobody has
// asked it to end. A step that shows what it did calls it in the moment before,
// within whatever keeps others out: a worker that was stopped, and wakes up
// after its run was taken over, must not.
func (a *Attempt) Fence(ctx context.Context) error { return a.h.renew(ctx) }
