package asof

import (
	"context"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// Scanner is an optional power of an OfflineStore: it hands rows to an engine
// that joins them with what it has itself.
type Scanner interface {
	// Scan begins to read. All that the Scan tells is one state of the store.
	Scan(ctx context.Context) (Scan, error)

	// Place says where the store is, for messages: what it is, and its address.
	Place() string
}

// Scan reads from one state of a store. It answers one question at a time: a
// reader is released before the next is asked for. One that is released before
// its end, or a cancelled context, ends the Scan; a query that fails does not.
type Scan interface {
	// Columns describes a source, as Sources does.
	Columns(ctx context.Context, source *DataSource) ([]SourceColumn, error)

	// Rows answers with the rows that q asks for, in no set order: a column for
	// each key, by its value in the declared type; the event time, an instant in
	// UTC; the created time likewise, where the view has one; then the features,
	// in what Cast makes the declared type of. The columns go by their place.
	// Rows without a key or an event time are left out.
	Rows(ctx context.Context, q *ScanQuery) (array.RecordReader, error)

	// Close ends the reading. It may be called twice.
	Close() error
}

// ScanQuery asks for rows of a view within a span of event time, both ends
// included.
type ScanQuery struct {
	View     ViewQuery
	From, To time.Time         // zero: without a bound
	Keys     arrow.RecordBatch // only these keys, columns by KeyColumn.Entity; nil: all

	// Settled leaves one row for each key, event and created time: the one that
	// counts.
	Settled bool
}

// Pull is what an engine took of another store to answer a question.
type Pull struct {
	View       string
	Source     string
	Connection string // the store's name in asof.connections
	Place      string // where it is: PostgreSQL at host:port/database
	Rows       int64
}
