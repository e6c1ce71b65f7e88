package asof

import (
	"context"
	"strings"
	"time"
)

// Materialization is one run of one view in the ledger.
type Materialization struct {
	ID       int64
	Project  string
	View     string
	Span     Interval // what it covers; From zero: from the oldest row
	Started  time.Time
	Finished time.Time // zero while it runs, and where it never finished
	Read     int64     // rows of the source within the span that were read
	Written  int64     // keys that hold a row of this run
	Newest   time.Time // newest event written; zero where nothing was
	Error    string    // why it failed, or that it was rolled back; "" otherwise
	Cause    string    // "materialize", "incremental", "pipeline ingest_month", "rollback RUN", …
}

// RolledBack begins the Error of a run that counts no more, because what it had
// read has been rolled back since.
const RolledBack = "rolled back"

// Undone reports whether the run has been rolled back.
func (m *Materialization) Undone() bool { return strings.HasPrefix(m.Error, RolledBack) }

// MaterializationQuery chooses entries of the ledger. Zero fields choose all.
type MaterializationQuery struct {
	Project string
	Views   []string // only theirs
	Leading bool     // of each view those that have not ended, the last that ended, and of those that count the one with the newest row: of several the last
	Limit   int      // the newest so many
}

// Ledger remembers what was materialized, from where, when, how many rows.
//
// Begin records a run and returns its ID; Finish completes the entry of m.ID, or
// replaces how it ended. Only a finished entry without an Error counts as
// materialized. A process that dies leaves its entry unfinished. One that has
// ended is finished again only while a later one of its view, such as that of a
// rollback, has not: where the leading entries of a view have all ended, and are
// as they were, so are the others.
//
// Materializations lists entries, newest first. Forget removes the entries of
// views that are gone.
//
// Lock makes the caller the only one, of all processes that share the ledger,
// who materializes a view, until unlock is called or the process dies. A lock
// that somebody else holds is waited for, or without wait is CodeConflict.
type Ledger interface {
	Lock(ctx context.Context, project, view string, wait bool) (unlock func(), err error)
	Begin(ctx context.Context, m Materialization) (int64, error)
	Finish(ctx context.Context, m Materialization) error
	Materializations(ctx context.Context, q MaterializationQuery) ([]Materialization, error)
	Forget(ctx context.Context, project string, views []string) error
	Close() error
}
