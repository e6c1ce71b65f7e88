package historical

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
)

// givenRows is what entity rows that the caller has are called in messages.
const givenRows = "the entity rows"

// openRecords takes the caller's rows, of which a store gets few at a time.
func (r *Request) openRecords(ctx context.Context, c *choice) (*entityRows, error) {
	given := r.Entities.Records
	schema, dated := timed(plainSchema(given.Schema()))
	e := &entityRows{}
	if err := e.check(givenRows, columnsOf(schema), c, r.Label); err != nil {
		return nil, err
	}
	e.Schema = schema
	e.Records = array.ReaderFromIter(schema, recordBatches(ctx, given, schema, dated, r.allocator()))
	return e, nil
}

// timed gives an event timestamp that is text the type of a time, and returns
// its place, -1 where it is none.
func timed(schema *arrow.Schema) (*arrow.Schema, int) {
	at := schema.FieldIndices(asof.EventTimestamp)
	if len(at) != 1 || asof.TypeOf(schema.Field(at[0]).Type).Value != asof.TypeString {
		return schema, -1
	}
	fields := schema.Fields()
	fields[at[0]].Type = asof.Timestamp
	return arrow.NewSchema(fields, nil), at[0]
}

func recordBatches(ctx context.Context, given array.RecordReader, schema *arrow.Schema, dated int, mem memory.Allocator) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		done := int64(0)
		for given.Next() {
			all := given.RecordBatch()
			for from := int64(0); from < all.NumRows(); from += batchRows {
				batch, err := recordBatch(ctx, all, from, schema, dated, mem)
				if wrong := (*asof.CastError)(nil); errors.As(err, &wrong) {
					err = asof.Errorf(asof.CodeInvalid, givenRows+": row %d: column %q holds %s, which is no time", done+from+int64(wrong.Row)+1, asof.EventTimestamp, wrong.Value)
				}
				if !yield(batch, err) || err != nil {
					return
				}
			}
			done += all.NumRows()
		}
		if err := given.Err(); err != nil {
			yield(nil, err)
		}
	}
}

// recordBatch returns the rows of a batch that begin at one, as a store takes
// them.
func recordBatch(ctx context.Context, all arrow.RecordBatch, from int64, schema *arrow.Schema, dated int, mem memory.Allocator) (arrow.RecordBatch, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	some := all.NewSlice(from, min(from+batchRows, all.NumRows()))
	defer some.Release()
	if dated < 0 {
		return plainBatch(some, schema, mem)
	}
	times, err := asof.Cast(some.Column(dated), asof.Scalar(asof.TypeUnixTimestamp), mem)
	if err != nil {
		return nil, err
	}
	defer times.Release()
	fields, columns := some.Schema().Fields(), slices.Clone(some.Columns())
	fields[dated].Type, columns[dated] = times.DataType(), times
	with := array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, some.NumRows())
	defer with.Release()
	return plainBatch(with, schema, mem)
}
