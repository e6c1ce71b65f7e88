package asof

import (
	"context"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// ViewQuery is one feature view as a query reads it: its source, how its
// columns are named there, and what comes out under which name and type.
type ViewQuery struct {
	View      string // the view's name, or its alias in a projection; for messages
	Source    *DataSource
	Keys      []KeyColumn   // in the view's order; empty for a view without entities
	Timestamp string        // source column of the event timestamp
	Created   string        // source column of the created timestamp; "" for none
	TTL       time.Duration // 0: no lower bound
	Features  []FeatureColumn
	Order     []string // source columns of all the view's features, as declared: what decides between equal times
	Ordered   []Type   // their types, for sources that have none; empty where they are not known
}

// KeyColumn is a join key: its column in the source, and the column of the
// entity rows that it is compared with.
type KeyColumn struct {
	Column string
	Entity string
	Type   Type
}

// FeatureColumn is a feature: its column in the source, its name in the
// output, and the declared type that its values are given.
type FeatureColumn struct {
	Column string
	Output string
	Type   Type
}

// EntityRows are the rows that a point-in-time query answers: join keys, an
// event timestamp, any other columns. Exactly one of Records, SQL and Events is
// set. Schema is that of Records.
type EntityRows struct {
	Schema  *arrow.Schema
	Records array.RecordReader // read once, by the engine and the answer; released by neither, and not before the answer
	SQL     string             // a SELECT in the engine's own words, over its warehouse
	Events  *Events            // rows made of what the views hold
}

// Events makes entity rows of the rows that the views' sources hold: each tuple
// of keys with each event time within From and To, both included, once; or,
// with At, each tuple of keys that has a row at or before At, with that time.
// They come in the order of their keys, then of their times.
//
// Their columns are the views' keys by KeyColumn.Entity, each where a view
// first names it and in the type declared there, then PointInTime.Timestamp as
// an instant in UTC. Rows come from the views that have all of these keys; that
// none has is CodeInvalid. A row with a NULL key or time makes none.
type Events struct {
	From, To time.Time // From zero: from the oldest row
	At       time.Time // not zero: instead of From and To
}

// PointInTime asks for the value that each feature had at each entity row's
// own time.
//
// The answer has one row per entity row, in their order, duplicates kept: the
// entity rows' columns in their order and with their types, then the features
// of each view in order. A source row matches where its keys are equal as a
// tuple (NULL equals nothing), its event time is at or before the entity row's
// and, with a ttl, at or after that less the ttl. The latest event wins, then
// the latest created, then the greatest row by its feature columns in declared
// order, NULL lowest. No match: NULL features.
//
// A timestamp without a zone is UTC, a date its midnight UTC. Finer than a
// microsecond, an entity time is rounded down and a source time up.
type PointInTime struct {
	Entities      EntityRows
	Timestamp     string // the entity rows' column of the event timestamp
	Views         []ViewQuery
	CreatedCutoff bool // a row also has to be created at or before the entity row's time

	// Pulled is told of each view whose rows came from another store, before
	// Historical returns; nil: nobody is.
	Pulled func(Pull)
}

// Latest asks for the newest row of each key of one view within a span of
// event time, both ends included.
//
// The answer's columns are the keys (by KeyColumn.Entity, in the keys' types),
// EventTimestamp, CreatedTimestamp (NULL where the source has none), then the
// features by FeatureColumn.Output in their declared types. Rows whose key has
// a NULL are left out. Rows come in no set order, but for Sorted.
type Latest struct {
	View     ViewQuery
	From, To time.Time         // From zero: from the oldest row
	Since    time.Time         // not zero: only rows created at or after; the view has to have a created timestamp
	Sorted   bool              // rows come nearly in the order of their entity keys' bytes: an online store is filled page by page
	Keys     arrow.RecordBatch // only these keys, columns by KeyColumn.Entity; nil: all
}

// The names of the time columns in the answer to Latest.
const (
	EventTimestamp   = "event_timestamp"
	CreatedTimestamp = "created_timestamp"
)

// OfflineStore answers questions about the history of feature values.
//
// Readers are released by the caller; a cancelled context ends the query in
// the engine. A value that does not fit the declared type is CodeInvalid and
// names view, column and key; a source that does not exist is CodeInvalid; an
// engine that cannot be reached is CodeUnavailable. Nothing is left behind in
// the store.
type OfflineStore interface {
	Historical(ctx context.Context, q *PointInTime) (array.RecordReader, error)
	PullLatest(ctx context.Context, q *Latest) (array.RecordReader, error)
	Sources
	Close() error
}

// RowReader is an optional power of an OfflineStore: it shows the rows among
// which PullLatest chooses.
type RowReader interface {
	// Rows answers with the columns of PullLatest, and with all the rows of the
	// keys within the span rather than the newest of each: of each pair the one
	// that counts before the other comes first, so the newest does. Rows equal
	// in all that decides come in no set order.
	Rows(ctx context.Context, q *RowsQuery) (array.RecordReader, error)
}

// RowsQuery asks for rows of a view.
type RowsQuery struct {
	Latest
	OldestFirst bool // the other way round
	Limit       int  // the first so many; 0: all
}

// TableReader is an optional power of an OfflineStore whose SQL could read more
// than its tables: the files of the machine that it runs on, say.
type TableReader interface {
	// ReadsTables refuses, as CodeInvalid, a SELECT that reads anything but the
	// warehouse's tables and what it makes itself. It is for those of strangers.
	ReadsTables(ctx context.Context, sql string) error
}

// Explainer is an optional power of an OfflineStore: it says how Historical
// would answer.
type Explainer interface {
	// Explain answers with a plan for each view of q, in order. It reads entity
	// rows as far as Historical does before it chooses, and no source.
	Explain(ctx context.Context, q *PointInTime) ([]ViewPlan, error)
}

// ViewPlan is how the rows of a view are matched with the entity rows. Counts
// are expectations, and -1 where the engine has none.
type ViewPlan struct {
	View       string
	Plan       string // a few words
	Why        string
	Index      string // the index that is used
	EntityRows int64
	Keys       int64 // distinct ones among the entity rows
	Rows       int64 // of the source, as far as they are read
}

// SourceColumn is a column as a source has it. Native is the engine's name of
// its type; Type what it is in ours, TypeInvalid where nothing fits.
type SourceColumn struct {
	Name   string
	Native string
	Type   Type
	IsTime bool // can serve as a timestamp: a timestamp or a date
}

// SourceRange is how much a source holds within a span.
type SourceRange struct {
	Rows           int64
	Oldest, Newest time.Time // zero where there are no rows
}

// Sources describes data sources as they are. A source whose table, file or
// query cannot be read is CodeInvalid, with the reason and, for a missing
// table, the nearest names; a kind that the engine does not read is
// CodeInvalid and says which engine does.
type Sources interface {
	Columns(ctx context.Context, source *DataSource) ([]SourceColumn, error)
	Range(ctx context.Context, source *DataSource) (SourceRange, error)
}
