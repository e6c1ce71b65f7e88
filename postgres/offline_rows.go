package postgres

import (
	"context"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/jackc/pgx/v5/pgconn"
)

// rowReader reads a result as Arrow. It owns the transaction, and ends it, and
// the query with it, when it is released.
type rowReader struct {
	question *question
	result   *pgconn.ResultReader
	cancel   context.CancelFunc
	ctx      context.Context
	doing    string

	refs    atomic.Int64
	builder *array.RecordBuilder
	put     []func([]byte) error
	ended   bool // the query is at its end
	pending bool // a row is fetched and not yet taken
	current arrow.RecordBatch
	err     error
}

// start fetches the first row, so that a query that fails, fails at once.
func (r *rowReader) start() error {
	r.pending = r.result.NextRow()
	if !r.pending {
		if err := r.end(); err != nil {
			return err
		}
	}
	r.builder = array.NewRecordBuilder(memory.DefaultAllocator, schemaOf(r.result.FieldDescriptions()))
	for i, f := range r.result.FieldDescriptions() {
		r.put = append(r.put, decoder(f.DataTypeOID, r.builder.Field(i)))
	}
	return nil
}

// schemaOf returns the columns of a result as they are read.
func schemaOf(described []pgconn.FieldDescription) *arrow.Schema {
	fields := make([]arrow.Field, len(described))
	for i, f := range described {
		fields[i] = arrow.Field{Name: f.Name, Type: arrowOf(f.DataTypeOID, f.TypeModifier), Nullable: true}
	}
	return arrow.NewSchema(fields, nil)
}

// end takes the query's outcome.
func (r *rowReader) end() error {
	r.ended = true
	_, err := r.result.Close()
	return r.question.fault(r.ctx, r.doing, err)
}

func (r *rowReader) Schema() *arrow.Schema          { return r.builder.Schema() }
func (r *rowReader) RecordBatch() arrow.RecordBatch { return r.current }
func (r *rowReader) Record() arrow.RecordBatch      { return r.current }
func (r *rowReader) Err() error                     { return r.err }
func (r *rowReader) Retain()                        { r.refs.Add(1) }

func (r *rowReader) Release() {
	if r.refs.Add(-1) == 0 {
		r.stop()
	}
}

func (r *rowReader) stop() {
	r.drop()
	if r.builder != nil {
		r.builder.Release()
	}
	r.cancel() // ends a query that still runs
	if !r.ended {
		_, _ = r.result.Close()
	}
	r.question.close()
}

func (r *rowReader) drop() {
	if r.current != nil {
		r.current.Release()
		r.current = nil
	}
}

func (r *rowReader) Next() bool {
	r.drop()
	n := 0
	for ; n < batchRows && r.err == nil && r.row(); n++ {
	}
	if n == 0 || r.err != nil {
		return false
	}
	r.current = r.builder.NewRecordBatch()
	return true
}

// row appends the next row, and reports whether there was one.
func (r *rowReader) row() bool {
	if !r.pending && (r.ended || !r.result.NextRow()) {
		if !r.ended {
			r.err = r.end()
		}
		return false
	}
	r.pending = false
	for i, value := range r.result.Values() {
		if value == nil {
			r.builder.Field(i).AppendNull()
		} else if err := r.put[i](value); err != nil {
			r.err = err
			return false
		}
	}
	return true
}
