// Package runsql keeps the runs of pipelines, the statistics of features and how
// definitions changed, in tables of an SQL database. The database's package says
// how a transaction is had there; the statements are the same everywhere.
package runsql

import (
	"context"
	"time"

	"github.com/asof-dev/asof"
)

// Database is where the tables are.
type Database interface {
	// Table returns a table's name as statements write it.
	Table(name string) string
	// Read runs do in a transaction that sees one state. It does nothing where
	// the tables are not there.
	Read(ctx context.Context, do func(Tx) error) error
	// Write makes the tables that are missing and runs do in a transaction.
	// Of those with alone, one at a time goes on.
	Write(ctx context.Context, alone bool, do func(Tx) error) error
}

// Tx is one transaction.
type Tx interface {
	// Now is the time by the clock that all share.
	Now(ctx context.Context) (time.Time, error)
	// Exec runs a statement, with parameters $1, $2, ….
	Exec(ctx context.Context, sql string, args ...any) error
	// Query gives each row of a query to each.
	Query(ctx context.Context, sql string, args []any, each func(scan func(...any) error) error) error
	// Keep is what a query ends with that keeps others from changing its rows
	// until the transaction ends; "" where nobody else writes.
	Keep() string
}

// Store is an asof.RunStore but for Close.
type Store struct{ db Database }

// New returns the store in a database.
func New(db Database) *Store { return &Store{db} }

// Layout is a table as it is made: its name, its columns where %[1]s stands for
// the type of a whole number that counts itself up and %[3]s has a text ordered
// by its bytes, and its indexes, in which %[2]s is the table.
type Layout struct{ Name, Columns, Index string }

const (
	runs      = "asof_runs"
	steps     = "asof_run_steps"
	lines     = "asof_run_lines"
	schedules = "asof_run_schedules"
	actions   = "asof_actions"
)

// Layouts are the tables. Times are microseconds since 1970, NULL for none.
// claim_at is when a run that has not ended can be claimed.
func Layouts() []Layout {
	return []Layout{
		{runs, `(seq %[1]s, id text NOT NULL UNIQUE, project text NOT NULL, pipeline text NOT NULL, run_key text NOT NULL,
 params text NOT NULL, cause text NOT NULL, uses text NOT NULL, due bigint NOT NULL, state text NOT NULL, created bigint NOT NULL,
 started bigint, finished bigint, worker text NOT NULL, lease_ends bigint, claim_at bigint, epoch bigint NOT NULL,
 takeovers bigint NOT NULL, cancel bigint NOT NULL, error text NOT NULL, report text)`,
			`CREATE INDEX %[2]s_claim ON %[2]s (project, claim_at) WHERE claim_at IS NOT NULL;
 CREATE INDEX %[2]s_key ON %[2]s (project, pipeline, run_key)`},
		{steps, `(seq %[1]s, run bigint NOT NULL, name text NOT NULL, attempt bigint NOT NULL, state text NOT NULL, started bigint,
 finished bigint, row_count bigint NOT NULL, total bigint NOT NULL, input text NOT NULL, error text NOT NULL, report text,
 UNIQUE (run, name, attempt))`, ""},
		{lines, `(run bigint, seq bigint, at bigint NOT NULL, step text NOT NULL, level text NOT NULL, line text NOT NULL, PRIMARY KEY (run, seq))`, ""},
		{schedules, `(project text, name text, last bigint, paused bigint NOT NULL, PRIMARY KEY (project, name))`, ""},
		{actions, `(seq %[1]s, project text NOT NULL, at bigint NOT NULL, who text NOT NULL, address text NOT NULL, what text NOT NULL, object text NOT NULL,
 details text NOT NULL, finished bigint, outcome text NOT NULL, error text NOT NULL)`, `CREATE INDEX %[2]s_project ON %[2]s (project, seq)`},
	}
}

func micros(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	us := t.UnixMicro()
	return &us
}

func instant(us *int64) time.Time {
	if us == nil {
		return time.Time{}
	}
	return time.UnixMicro(*us).UTC()
}

func notFound(id string) error {
	return asof.Errorf(asof.CodeNotFound, "there is no run %q", id)
}
