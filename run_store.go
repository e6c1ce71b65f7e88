package asof

import (
	"context"
	"time"
)

// RunStore keeps the runs of pipelines, and who did what. Several processes, also on several
// hosts, share one: all time in it is the store's clock, none of theirs.
//
// A run that does not exist is CodeNotFound. Each method is one transaction.
type RunStore interface {
	RunQueue
	RunHolder
	RunHistory
	RunSchedules
	ActionLog
	Close() error
}

// RunAgain says what submitting does with an earlier run of the same key.
type RunAgain int

// In each case a run that goes on, or waits, is returned as it is.
const (
	AgainNever      RunAgain = iota // one that ended is returned as it is
	AgainUnlessDone                 // a completed one is returned; another that ended is resumed
	AgainAlways                     // after a completed one a new run is entered; another that ended is resumed
)

// RunQueue is where runs are asked for.
type RunQueue interface {
	// Submit enters a run and returns it as the store has it, or an earlier
	// run of its project, pipeline and key, if that is not "": the newest.
	Submit(ctx context.Context, run Run, again RunAgain) (entered Run, created bool, err error)
	// Cancel ends a run that waits, and asks the worker of one that goes on,
	// which Renew tells. One that has ended stays as it is.
	Cancel(ctx context.Context, run string) (Run, error)
	// Resume makes a run that failed, crashed or was cancelled wait for a
	// worker: its finished steps stand. One that completed is CodeConflict;
	// one that waits or goes on stays as it is.
	Resume(ctx context.Context, run string) (Run, error)
	// Due returns the store's time, and when the next run of the project that
	// waits is due or the lease of one runs out: zero where there is none. A
	// run that waits for others of its uses is due, and not claimed.
	Due(ctx context.Context, project string) (now, due time.Time, err error)
}

// RunClaim says who claims which run. A lease ends TTL after it was claimed
// or renewed.
type RunClaim struct {
	Project string
	Run     string // "": whichever has waited for longest
	Worker  string
	TTL     time.Duration
}

// RunHolder is what a worker does with the run that it holds. A worker that
// has lost its lease is refused with ErrLeaseLost, by every method, and nothing
// of what it asked for is written.
type RunHolder interface {
	// Claim gives the caller a run that is due, or whose worker's lease has
	// run out, unless as many as may go on with it already do. Where there is
	// none it returns nil. The lease is of Run.ID and Run.Epoch. Attempts that
	// a dead worker left unfinished are crashed.
	Claim(ctx context.Context, c RunClaim) (*Run, error)
	// Renew lets the lease end ttl from now, and returns whether the run was
	// asked to end. A lease that has run out is renewed as long as nobody has
	// claimed the run.
	Renew(ctx context.Context, l RunLease, ttl time.Duration) (cancel bool, err error)
	// Break ends the lease at once: the caller knows that its worker is dead.
	Break(ctx context.Context, l RunLease) error
	// Record writes how the run stands (running or retrying), and attempts at
	// steps: each is entered, or replaces what was recorded of it.
	Record(ctx context.Context, l RunLease, state RunState, steps ...RunStep) error
	// Log appends lines. Their Seq is the store's.
	Log(ctx context.Context, l RunLease, lines ...RunLine) error
	// Finish ends the run (completed, failed, cancelled), or with pending gives
	// it back, to be claimed by another. Attempts that go on are ended likewise:
	// with pending they are crashed. The lease is lost after that.
	Finish(ctx context.Context, l RunLease, state RunState, message string, report []byte) error
}

// RunQuery chooses runs. Zero fields choose all.
type RunQuery struct {
	Project  string
	Pipeline string
	States   []RunState
	Before   string // only runs submitted before that one; one that is gone is CodeNotFound
	Limit    int    // 0: 100
	Brief    bool   // without their reports, which may be large
}

// RunHistory reads what runs did.
type RunHistory interface {
	Run(ctx context.Context, id string) (Run, error)
	// Runs lists runs, those last submitted first.
	Runs(ctx context.Context, q RunQuery) ([]Run, error)
	// Steps lists a run's attempts at steps, in the order in which they were
	// first recorded.
	Steps(ctx context.Context, run string) ([]RunStep, error)
	// Lines lists lines of a run's log with a Seq above after, oldest first,
	// limit at most. 0 is before the first.
	Lines(ctx context.Context, run string, after int64, limit int) ([]RunLine, error)
	// Prune removes ended runs that r does not keep, with their steps and
	// logs, oldest first, limit at most, and returns their IDs.
	Prune(ctx context.Context, project string, r RunRetention, limit int) ([]string, error)
}

// RunSchedules remembers which schedules have fired.
type RunSchedules interface {
	// Schedules lists what is remembered of a project's schedules, by name. A
	// schedule that never fired nor was paused is not there.
	Schedules(ctx context.Context, project string) ([]RunSchedule, error)
	// Fire moves a schedule's Last from last to at, and submits the runs as
	// AgainNever does, as one. It does nothing, and returns false, where the
	// schedule is paused or its Last is another: somebody else has fired it.
	Fire(ctx context.Context, project, name string, last, at time.Time, runs ...Run) (bool, error)
	// Pause stops a schedule from firing, or lets it fire again.
	Pause(ctx context.Context, project, name string, paused bool) error
}
