package asof

import (
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// RunState says how a run of a pipeline, or one of its steps, stands.
type RunState string

// The states. A run waits as scheduled, pending or late, which follows from its
// due time and the store's clock, and is crashed as soon as its lease has run
// out; a worker then takes it over. Completed, failed and cancelled runs have
// ended, and so has a crashed one that is not taken over any more.
const (
	RunScheduled RunState = "scheduled" // its time has not come
	RunPending   RunState = "pending"   // waits for a worker
	RunLate      RunState = "late"      // has waited for longer than RunLateAfter
	RunRunning   RunState = "running"
	RunRetrying  RunState = "retrying" // a step failed and waits for its next attempt
	RunCompleted RunState = "completed"
	RunFailed    RunState = "failed"
	RunCrashed   RunState = "crashed" // its worker died
	RunCancelled RunState = "cancelled"
	RunSkipped   RunState = "skipped" // of steps: its condition did not hold
)

// RunLateAfter is how long after its due time a run that waits is late.
const RunLateAfter = 10 * time.Second

// MostTakeovers is how often a run whose worker died is taken over, with no
// step completed in between, before it is left: a run that kills its workers must not kill them for ever.
const MostTakeovers = 10

// Ended reports whether nothing goes on by itself from this state of a step,
// or of a run that has finished.
func (s RunState) Ended() bool {
	switch s {
	case RunCompleted, RunFailed, RunCrashed, RunCancelled, RunSkipped:
		return true
	}
	return false
}

// Run is one run of a pipeline.
type Run struct {
	ID       string // NewRunID
	Project  string
	Pipeline string
	Key      string // of idempotency, within project and pipeline
	Params   map[string]string
	Cause    string    // "command", "schedule nightly", "api", "backfill", …
	Uses     []RunUse  // what it shares with other runs
	Due      time.Time // not before; zero when it is submitted: at once

	// The rest is the store's.

	State     RunState
	Created   time.Time
	Started   time.Time // first claimed; zero before
	Finished  time.Time // zero until it ended
	Worker    string    // who holds it, or held it last
	LeaseEnds time.Time // when the worker counts as dead; zero where nobody holds it
	Epoch     int64     // how often it was claimed
	Takeovers int       // how often from a worker that died, since a step was completed
	Cancel    bool      // it was asked to end
	TakenFrom string    // of what Claim returns: the worker that died; not kept
	Error     string    // why it failed; "" otherwise
	Report    json.RawMessage
}

// RunUse limits how many runs of a project go on at once: those that use a
// name. Of runs that differ in Most, each goes by its own.
type RunUse struct {
	Name string // "pipeline ingest_month", "table users"
	Most int    // 1 or more, itself included
}

// RunStep is one attempt at a step. The last attempt of a step is how it
// stands.
type RunStep struct {
	Name     string
	Attempt  int // from 1
	State    RunState
	Started  time.Time
	Finished time.Time // zero while it goes on
	Rows     int64     // so far
	Total    int64     // of rows, as far as it is known; 0: it is not
	Input    string    // hash of what it was made from: with another, it does not stand
	Error    string    // why it failed; "" otherwise
	Report   json.RawMessage
}

// RunLine is a line of a run's log.
type RunLine struct {
	Seq   int64 // grows; the store's
	At    time.Time
	Step  string // "" for the run's own
	Level string // "info", "warn", "error"
	Text  string // one line, MostLineBytes at most: the store cuts a longer one
}

// What a run's log holds at most. The store leaves lines beyond out, after one
// that says so; the end of a run and errors are told by Finish and Record too.
const (
	MostRunLines  = 10_000
	MostLineBytes = 4 << 10
)

// RunLease is the right to write a run, by the epoch in which it was claimed.
type RunLease struct {
	Run   string
	Epoch int64
}

// ErrLeaseLost is in the error of every write by a worker whose run was claimed
// by another, released, or has ended. It is CodeConflict.
var ErrLeaseLost = errors.New("the lease is lost")

// LeaseLost is the error of a write by a worker that no longer holds the run.
func LeaseLost(l RunLease) error {
	return &Error{Code: CodeConflict, Cause: ErrLeaseLost,
		Message: "run " + l.Run + ": this worker lost its lease: another has taken the run over, or it has ended; nothing was written"}
}

// RunSchedule is what a store remembers of a schedule.
type RunSchedule struct {
	Project string
	Name    string    // unique in the project; of the caller's choosing
	Last    time.Time // the newest time for which it fired; zero: never
	Paused  bool
}

// RunRetention says which ended runs are kept. Zero fields keep everything.
type RunRetention struct {
	Age  time.Duration // since they finished
	Runs int           // for each pipeline, the newest so many
}

// TooManyTakeovers is the error of a run whose workers died too often.
const TooManyTakeovers = "its workers died 10 times in a row, and it is not taken over any more; look at the last lines of its log, then resume it"

// FitRunLines returns what of new lines goes into a log of so many, each cut to
// one line of MostLineBytes at most.
func FitRunLines(have int, lines []RunLine) []RunLine {
	var fit []RunLine
	for _, line := range lines {
		switch at := have + len(fit); {
		case at > MostRunLines:
			return fit
		case at == MostRunLines:
			line.Level, line.Step, line.Text = "warn", "", "the log is full; later lines are left out"
		}
		line.At = line.At.UTC()
		line.Text = strings.ToValidUTF8(strings.NewReplacer("\r\n", " ⏎ ", "\n", " ⏎ ", "\x00", "").Replace(strings.TrimRight(line.Text, "\r\n")), "�")
		if len(line.Text) > MostLineBytes {
			line.Text = strings.ToValidUTF8(line.Text[:MostLineBytes-len("…")], "") + "…"
		}
		fit = append(fit, line)
	}
	return fit
}
