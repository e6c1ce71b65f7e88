package pit

import (
	"context"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// Table returns the rows of EntityTable. They are read to their end before
// HistoricalAnswer is given the rows. What is not held of those goes to a file
// as it is read, in the folder that is then asked for, and the answer takes it
// from there; the file is gone with the rows.
func (r *Rows) Table(ctx context.Context, folder func() (string, error)) array.RecordReader {
	fields := append([]arrow.Field{{Name: "nr", Type: arrow.PrimitiveTypes.Int64}}, r.index.Fields()...)
	schema := arrow.NewSchema(fields, nil)
	return array.ReaderFromIter(schema, r.numbered(ctx, schema, folder))
}

func (r *Rows) numbered(ctx context.Context, schema *arrow.Schema, folder func() (string, error)) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		first := int64(0)
		number := func(index arrow.RecordBatch) arrow.RecordBatch {
			defer func() { first += index.NumRows() }()
			return r.number(schema, index, first)
		}
		for _, p := range r.held {
			if !yield(number(p.index), nil) {
				return
			}
		}
		if r.rest == nil {
			return
		}
		kept, err := newSpill(folder, r.Schema, r.mem)
		if err != nil {
			yield(nil, err)
			return
		}
		rest := r.rest
		r.rest, r.kept = kept.next, kept
		for {
			p, ok, err := rest()
			if !ok && err == nil {
				err = kept.turn()
			}
			if err == nil && ok {
				err = kept.add(p.rows)
			}
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				p.release()
				yield(nil, err)
				return
			}
			if !ok {
				return
			}
			batch := number(p.index)
			p.release()
			if !yield(batch, nil) {
				return
			}
		}
	}
}

// number puts the rows' numbers in front of an index.
func (r *Rows) number(schema *arrow.Schema, index arrow.RecordBatch, first int64) arrow.RecordBatch {
	numbers := array.NewInt64Builder(r.mem)
	defer numbers.Release()
	numbers.Reserve(int(index.NumRows()))
	for i := range index.NumRows() {
		numbers.UnsafeAppend(first + i)
	}
	column := numbers.NewArray()
	defer column.Release()
	return array.NewRecordBatch(schema, append([]arrow.Array{column}, index.Columns()...), index.NumRows())
}
