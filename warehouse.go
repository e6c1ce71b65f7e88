package asof

import (
	"context"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// TableColumn is a column of a warehouse table, with its type in SQL's words
// as the pipeline file declares it: text, bigint, integer, boolean, date,
// timestamptz, double precision, real, numeric, numeric(p,s).
type TableColumn struct {
	Name string
	Type string
}

// Table is a warehouse table as a pipeline needs it. A table that exists
// already is taken as it is: other columns, other types, foreign keys.
type Table struct {
	Name       string
	Key        []string // primary key columns
	Columns    []TableColumn
	References map[string]string // column → table whose key it has to be in
}

// Warehouse is where a pipeline writes tables and sources read them.
//
// Nothing that is staged is seen by readers until Publish, which shows all of
// it at once: a reader sees every table as it was before or as it is after,
// also when the process dies at any point. Runs stage side by side, and
// publish one after the other.
type Warehouse interface {
	// Stage opens the stage of a run, which outlasts the process: what was put
	// into it is there when it is opened again. Whoever had it open before is
	// cut off, also a process that is stopped and goes on later: what it does
	// with the stage from then on is CodeConflict, and changes nothing. A run's
	// name has up to 100 letters, digits, dots, dashes and underscores.
	Stage(ctx context.Context, run string) (Stage, error)
	// Stages lists the runs that have a stage, by name.
	Stages(ctx context.Context) ([]string, error)
	// DiscardStage drops the stage of a run, and cuts off whoever has it open.
	// Without a stage it does nothing.
	DiscardStage(ctx context.Context, run string) error
	// Publications lists what was published, newest first.
	Publications(ctx context.Context) ([]Publication, error)
	// Rollback puts the tables that the newest publication of a run changed back
	// to what they were before it, as one, as Publish changes them; what was
	// appended to a live table since stays. One that is rolled back already
	// answers as it did then, and nothing changes.
	//
	// A run without a publication is CodeNotFound. Where later ones, of other
	// runs, changed one of its tables it is CodeConflict, with a *LaterRuns in
	// its chain; where the warehouse no longer keeps what it replaced, CodeInvalid.
	Rollback(ctx context.Context, run string) (Rollback, error)
	// Replace begins to write a table as a whole: one that does not exist, or
	// that an earlier Replacement made. Any other table or view of that name,
	// and a name that CheckTableName refuses, is CodeInvalid.
	Replace(ctx context.Context, table string) (Replacement, error)
	// Replaced lists the tables that Replacements made, by name, with the id
	// that Commit was given. No pipeline writes into them.
	Replaced(ctx context.Context) (map[string]string, error)
	Close() error
}

// Stage is what one run prepares. The names of its tables in SQL are those
// that they will have: a query of the stage sees a staged table's new rows
// under that name, and every other table as it is published.
//
// Load, Make, Query and Published may be called side by side.
type Stage interface {
	// Staged lists the tables of the stage, by name.
	Staged(ctx context.Context) (map[string]Staged, error)
	// Load puts rows into the stage under the table's name, in place of those
	// that it has there. The schema of rows is that of table.Columns. A
	// duplicate or null key, or a value that does not fit, is CodeInvalid and
	// names table and key. content is asked for when rows has ended, and is
	// kept with the table; all of it is in the stage, or nothing.
	Load(ctx context.Context, table Table, rows array.RecordReader, content func() string) (int64, error)
	// Make is Load for the rows that a SELECT over the stage gives; the table
	// itself may be among what it selects from.
	Make(ctx context.Context, table Table, sql, content string) (int64, error)
	// Query runs a SELECT over the stage.
	Query(ctx context.Context, sql string) (array.RecordReader, error)
	// Published returns how SQL of the stage names a table as it is published,
	// whether the run has staged it or not, and whether it exists.
	Published(ctx context.Context, table string) (string, bool, error)
	// Publish carries out the writes, in order, as one. Afterwards, and where it
	// fails, the stage is there as before: publishing again changes nothing, or
	// completes what was cut off. Where the run has published before, and another
	// one since, every table is left as it is, and said to be: what is staged
	// may be older.
	Publish(ctx context.Context, p Publication) (Published, error)
	// Close lets go of the stage, which stays. It may be called twice.
	Close() error
	// Discard drops the stage and closes it.
	Discard(ctx context.Context) error
}

// Staged says what a table of a stage was made from.
type Staged struct {
	Content string // what Load or Make was given
	Rows    int64
}

// Publication is one change of the warehouse: which staged tables go where.
type Publication struct {
	ID     string // the run's
	Name   string // the pipeline's
	AsOf   time.Time
	At     time.Time // when it was published; set by the warehouse
	Undone time.Time // when it was rolled back, zero where it counts; set by the warehouse
	Writes []Write
	Frozen []Frozen

	// Fence is asked right before the change becomes visible, when no other
	// run can come between; its error ends the publication. nil: nothing is asked.
	Fence func(context.Context) error
}

// Write writes the rows of a staged table into the live table of the same
// name. A reference to a key that is neither staged nor published is
// CodeInvalid. Where a newer AsOf has been loaded into the live table already
// it is left out, and said to be, but for WriteAppend, which changes no row.
type Write struct {
	Table Table
	Mode  WriteMode
}

// WriteMode says what becomes of the rows that a live table has. The zero value
// is WriteUpsert.
type WriteMode string

// The modes. All of them change nothing when the same rows come again.
const (
	WriteUpsert  WriteMode = "upsert"  // a row with the key of a new one is replaced
	WriteAppend  WriteMode = "append"  // stays: a new row with its key and other values is CodeInvalid
	WriteReplace WriteMode = "replace" // the new rows are the table's only ones
)

// WriteModes are all of them.
var WriteModes = []WriteMode{WriteUpsert, WriteAppend, WriteReplace}

// Frozen is a snapshot: the rows that SQL selects from the stage become exactly
// the rows of Table at AsOf. The table's key is Key and then as_of.
type Frozen struct {
	Table Table
	SQL   string // selects Table's columns, without as_of
}

// Published says what a publication changed, by table.
type Published struct {
	Tables []TableChange
}

// TableChange counts the rows of one table that a publication changed. Skipped
// says why nothing was written; "" otherwise.
//
// Dropped holds the keys that some earlier publication of a snapshot had and
// the present one does not have: the same answer however often the same files
// are published, so that an online store can follow after a crash. It has the
// columns of Table.Key and is nil where there are none.
type TableChange struct {
	Table                                string
	Rows, Added, Changed, Removed, Equal int64
	Skipped                              string
	Dropped                              arrow.RecordBatch
}
