package asof

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Appender is an optional power of an OfflineStore: it adds rows to what a data
// source reads.
type Appender interface {
	// Append adds rows to the file, folder or table of a source, and returns how
	// many there were. Every question asked after it sees all of them; on an
	// error, and where the process dies at any point, none is seen. Of appends at
	// once, in whatever processes, none is lost. The same rows appended twice are
	// there twice.
	//
	// The rows have the source's own columns (not yet renamed by its field
	// mapping), all of them and no other, in any order; Arrange gives them the
	// types that they have there. Other columns, a value that does not fit, a key
	// that a table has already, and a source that is not a place for rows (a
	// query, a CSV file, a training set) are CodeInvalid. The rows are read once,
	// to their end, and not released.
	Append(ctx context.Context, source *DataSource, rows array.RecordReader) (int64, error)
}

// Arrange returns rows with the columns of a schema, found by their names, in
// its order and in its types, so that a table can hold them. what begins every
// message.
//
// Values keep their meaning, or do not fit: numbers and text as Cast has it, a
// decimal rounded to as many decimals as its column keeps; a time that is finer
// than its type is rounded up, so that no row is seen before it happened; a time
// without a zone is UTC; only a midnight is a date. Columns that are missing, or
// too many, and a value that does not fit, are CodeInvalid.
//
// The answer reads from rows, and does not release them.
func Arrange(what string, rows array.RecordReader, to *arrow.Schema, mem memory.Allocator) (array.RecordReader, error) {
	if err := sameColumns(what, rows.Schema(), to); err != nil {
		return nil, err
	}
	from := make([]int, to.NumFields())
	for i, f := range to.Fields() {
		from[i] = rows.Schema().FieldIndices(f.Name)[0]
	}
	r := &arranged{what: what, rows: rows, schema: to, from: from, mem: mem}
	r.refs.Store(1)
	return r, nil
}

// sameColumns refuses rows whose columns are not those of a schema.
func sameColumns(what string, have, want *arrow.Schema) error {
	var missing, other []string
	for _, f := range want.Fields() {
		if !have.HasField(f.Name) {
			missing = append(missing, f.Name)
		}
	}
	seen := map[string]bool{}
	for _, f := range have.Fields() {
		if !want.HasField(f.Name) || seen[f.Name] {
			other = append(other, f.Name)
		}
		seen[f.Name] = true
	}
	if len(missing)+len(other) == 0 {
		return nil
	}
	var wrong []string
	if len(missing) > 0 {
		wrong = append(wrong, "lack "+quotedList(missing))
	}
	if len(other) > 0 {
		wrong = append(wrong, "have "+quotedList(other)+" too many")
	}
	names := make([]string, want.NumFields())
	for i, f := range want.Fields() {
		names[i] = f.Name
	}
	return Errorf(CodeInvalid, "%s: the rows %s; give them exactly its columns: %s", what, strings.Join(wrong, " and "), strings.Join(names, ", "))
}

func quotedList(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = fmt.Sprintf("%q", n)
	}
	return strings.Join(quoted, ", ")
}

// arranged arranges another reader's rows, batch by batch.
type arranged struct {
	refs    atomic.Int64
	what    string
	rows    array.RecordReader
	schema  *arrow.Schema
	from    []int // by column, which of rows
	mem     memory.Allocator
	read    int64 // rows before the present batch
	current arrow.RecordBatch
	err     error
}

func (r *arranged) Schema() *arrow.Schema          { return r.schema }
func (r *arranged) RecordBatch() arrow.RecordBatch { return r.current }
func (r *arranged) Record() arrow.RecordBatch      { return r.current }
func (r *arranged) Retain()                        { r.refs.Add(1) }

func (r *arranged) Release() {
	if r.refs.Add(-1) == 0 {
		r.drop()
	}
}

func (r *arranged) drop() {
	if r.current != nil {
		r.read += r.current.NumRows()
		r.current.Release()
		r.current = nil
	}
}

// Err returns why the rows ended early.
func (r *arranged) Err() error {
	if r.err != nil {
		return r.err
	}
	return r.rows.Err()
}

func (r *arranged) Next() bool {
	r.drop()
	if r.err != nil || !r.rows.Next() {
		return false
	}
	r.current, r.err = r.arrange(r.rows.RecordBatch())
	return r.err == nil
}

func (r *arranged) arrange(batch arrow.RecordBatch) (arrow.RecordBatch, error) {
	columns := make([]arrow.Array, 0, len(r.from))
	defer func() {
		for _, c := range columns {
			c.Release()
		}
	}()
	for i, f := range r.schema.Fields() {
		column, err := fitted(batch.Column(r.from[i]), f.Type, r.mem)
		if bad := (*misfit)(nil); errors.As(err, &bad) {
			return nil, Errorf(CodeInvalid, "%s: row %d, column %q: %s does not fit %s", r.what, r.read+int64(bad.row)+1, f.Name, bad.value, f.Type)
		}
		if err != nil {
			return nil, Errorf(CodeInvalid, "%s: column %q: %w", r.what, f.Name, err)
		}
		columns = append(columns, column)
		if !f.Nullable && column.NullN() > 0 {
			return nil, Errorf(CodeInvalid, "%s: column %q has a NULL, which it does not take", r.what, f.Name)
		}
	}
	return array.NewRecordBatch(r.schema, columns, batch.NumRows()), nil
}
