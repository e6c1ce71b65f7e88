// Package pipeline runs a month: the files of a folder are read, staged and
// checked, then published as one with their snapshots, then materialized. What
// fails a check never leaves the stage.
//
// A pipeline is a YAML file of the repository:
//
//	name: ingest_month
//	params:
//	  month: {type: string}
//	  as_of: {type: date}
//	steps:
//	  - load: users
//	    file: "data/seeds/{{month}}/users.csv"
//	    key: user_id
//	    columns: {user_id: text, signup_date: date}
//	  - check: users
//	    expect:
//	      - not_null: signup_date
//	  - snapshot: users_snapshots
//	    from: users
//	  - materialize: all
//
// Each step is a mapping whose first key says its kind; the other keys are the
// kind's own. The parameter as_of, a date, is the day that the files are of.
package pipeline

import (
	"context"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/check"
)

// Pipeline is a pipeline file as it was read.
type Pipeline struct {
	Name        string
	Description string
	Path        string         // of the file
	Zone        *time.Location // of words such as today, and of schedules; nil: UTC
	Params      []Param
	Steps       []Step
	Schedules   []Schedule
}

// Step is one step of a pipeline: exactly one of the kinds is not nil.
type Step struct {
	Name        string // as progress and reports name it: "load users"
	Place       asof.Place
	Load        *LoadStep
	Check       *CheckStep
	Snapshot    *SnapshotStep
	Materialize *MaterializeStep
}

// LoadStep reads a CSV file into a table: the rows are written into the live table
// by their key.
type LoadStep struct {
	File       string // relative to the repository; holds parameters
	Table      asof.Table
	AllowEmpty bool // a file with a header alone is right
}

// CheckStep holds what the staged rows of a table are expected to be.
type CheckStep struct {
	Table   string
	Rules   []check.Rule
	Profile bool // what each column holds is kept in the report
}

// SnapshotStep freezes rows of the stage at as_of.
type SnapshotStep struct {
	From  string     // the loaded table that it freezes; "" where it is made by a query
	Table asof.Table // its columns are those that SQL selects, without as_of
	SQL   string     // holds parameters
}

// MaterializeStep brings views up to as_of online.
type MaterializeStep struct {
	Views []string // nil: all
}

// Materialize brings views up to date online with the snapshots of asOf; nil
// views are all. The keys in dropped, by snapshot table, had a row at asOf
// before and have none now: their online rows follow. It returns how many keys
// were written. It is repeatable.
type Materialize func(ctx context.Context, asOf time.Time, views []string, dropped map[string]arrow.RecordBatch) (int64, error)
