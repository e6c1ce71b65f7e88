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
	runner "github.com/asof-dev/asof/run"
	"github.com/asof-dev/asof/tablefile"
)

// Pipeline is a pipeline file as it was read.
type Pipeline struct {
	Name        string
	Description string
	Path        string         // of the file
	Zone        *time.Location // of words such as today, and of schedules; nil: UTC
	Concurrency Concurrency
	Params      []Param
	Steps       []Step
	OnFailure   []Step // when a run has failed
	Schedules   []Schedule
}

// Concurrency says how much goes on at once.
type Concurrency struct {
	Runs  int // of the pipeline
	Steps int // of a run
}

// Step is one step of a pipeline: exactly one of the kinds is not nil.
type Step struct {
	Name        string // unique; "load users" where the file does not name it
	Kind        string // the key that says what it does; load, check, …
	Place       asof.Place
	Needs       []string      // earlier steps, by name, that it waits for instead of all before it
	When        *Condition    // nil: in every run
	Retries     runner.Retry  // where it fails
	Timeout     time.Duration // of an attempt; 0 for none
	Load        *LoadStep     // also of the kind sql
	Check       *CheckStep
	Snapshot    *SnapshotStep
	Materialize *MaterializeStep
	Monitor     *MonitorStep
	TrainingSet *TrainingSetStep
	Command     *CommandStep
	HTTP        *HTTPStep
	Notify      *NotifyStep
}

// LoadStep reads files, or a query, into a table.
type LoadStep struct {
	tablefile.Form
	File       string // a file, a pattern or a folder, relative to the repository; holds parameters
	Query      string // instead of files: a SELECT over the stage; holds parameters
	Mode       asof.WriteMode
	Constants  map[string]string // column → its value in every row; holds parameters
	AllowEmpty bool              // no rows are right
}

// CheckStep holds what the staged rows of a table are expected to be.
type CheckStep struct {
	Table      string
	Rules      []check.Rule
	Profile    bool        // what each column holds is kept in the report
	Quarantine *Quarantine // nil: rows that break rules are only told
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

// MonitorStep computes statistics of views, and compares them with those before.
type MonitorStep struct {
	Views       []string // nil: all
	Granularity asof.Granularity
	FailOn      string // one of monitorFails
}

// What fails a monitor step.
const (
	FailOnNothing = "nothing"
	FailOnError   = "error"
	FailOnDrift   = "drift" // and on an error
)

var monitorFails = []string{FailOnNothing, FailOnError, FailOnDrift}

// TrainingSetStep writes training data into a file. All but Features and
// Service may hold parameters.
type TrainingSetStep struct {
	File       string // .csv, .parquet or .arrow, relative to the repository
	Features   []string
	Service    string // instead of features
	Entities   string // a SELECT of join keys and event_timestamp
	EntityFile string // or a file of them, relative to the repository
	Label      string // the column that goes last; "" for none
}

// CommandStep runs a program.
type CommandStep struct {
	Args  []string // hold parameters; one text where it is the shell's
	Shell bool
	Dir   string            // relative to the repository, which is ""
	Env   map[string]string // beside the process's own; hold parameters and ${NAME}
}

// HTTPStep calls a server. Its texts hold parameters and ${NAME}.
type HTTPStep struct {
	URL, Method, Body string
	JSON              bool // values in the body are written as within JSON's quotes
	Headers           map[string]string
	Expect            []int // the status that is right; nil: 200 to 299
}

// NotifyStep tells a text, which holds parameters, to webhooks by their names;
// nil are all.
type NotifyStep struct {
	Text string
	To   []string
}

// Materialize brings views up to date online with the snapshots of asOf; nil
// views are all. The keys in dropped, by snapshot table, had a row at asOf
// before and have none now: their online rows follow. It returns how many keys
// were written, and tells note what became of each view. It is repeatable.
type Materialize func(ctx context.Context, asOf time.Time, views []string, dropped map[string]arrow.RecordBatch, note func(level, line string)) (int64, error)

// Monitor computes and keeps the statistics of views, as a step says, of the time
// that holds asOf, and compares them with those of the time before. run is what
// they are computed by.
type Monitor func(ctx context.Context, asOf time.Time, step MonitorStep, run string, note func(level, line string)) (Monitored, error)

// Monitored is what became of a monitor step.
type Monitored struct {
	Rows    int64    // that statistics are of, view by view
	Drifted []string // features, with the reason
}

// TrainingSet writes training data as a step says, whose parameters are filled
// in, and returns how many rows. The file appears whole or not at all.
type TrainingSet func(ctx context.Context, step TrainingSetStep) (int64, error)

// Notify tells what a step says. Told again, the same message has the same run
// and step.
type Notify func(ctx context.Context, m Message) error

// Message is what a notify step says.
type Message struct {
	Run, Step string
	Text      string
	Params    Values
	To        []string // the names of webhooks; nil: all
}
