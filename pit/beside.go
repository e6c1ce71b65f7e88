package pit

import (
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// beside puts entity rows in front of an engine's rows, which come in the same
// order and number, in batches of other sizes.
type beside struct {
	rows         *Rows
	raw          array.RecordReader
	schema       *arrow.Schema
	ours, theirs remainder
	current      arrow.RecordBatch
	err          error
}

func joined(a, b *arrow.Schema) *arrow.Schema {
	return arrow.NewSchema(slices.Concat(a.Fields(), b.Fields()), nil)
}

func (b *beside) Schema() *arrow.Schema          { return b.schema }
func (b *beside) RecordBatch() arrow.RecordBatch { return b.current }
func (b *beside) Record() arrow.RecordBatch      { return b.current }
func (b *beside) Retain()                        {} // it has one owner, its answer
func (b *beside) Release() {
	b.drop()
	b.ours.become(nil)
	b.theirs.become(nil)
	b.raw.Release()
	b.rows.Release()
}

func (b *beside) drop() {
	if b.current != nil {
		b.current.Release()
		b.current = nil
	}
}

func (b *beside) Err() error {
	if b.err != nil {
		return b.err
	}
	return b.raw.Err()
}

func (b *beside) Next() bool {
	b.drop()
	for b.theirs.rows() == 0 {
		if !b.raw.Next() {
			b.end()
			return false
		}
		batch := b.raw.RecordBatch()
		batch.Retain()
		b.theirs.become(batch)
	}
	for b.ours.rows() == 0 {
		if !b.more() {
			if b.err == nil {
				b.err = fmt.Errorf("the engine answered more rows than there are entity rows")
			}
			return false
		}
	}
	n := min(b.ours.rows(), b.theirs.rows())
	ours, theirs := b.ours.take(n), b.theirs.take(n)
	b.current = array.NewRecordBatch(b.schema, slices.Concat(ours.Columns(), theirs.Columns()), n)
	ours.Release()
	theirs.Release()
	return true
}

// more reads the next entity rows.
func (b *beside) more() bool {
	p, ok, err := b.rows.next()
	if b.err = err; !ok {
		return false
	}
	p.rows.Retain()
	b.ours.become(p.rows)
	p.release()
	return true
}

// end checks that no entity row is left without an answer.
func (b *beside) end() {
	if b.raw.Err() != nil || b.err != nil {
		return
	}
	left := b.ours.rows()
	for b.more() {
		left += b.ours.rows()
	}
	if left != 0 && b.err == nil {
		b.err = fmt.Errorf("the engine answered %d rows less than there are entity rows", left)
	}
}

// remainder is what is left of a batch of which rows are taken.
type remainder struct{ batch arrow.RecordBatch }

func (r *remainder) rows() int64 {
	if r.batch == nil {
		return 0
	}
	return r.batch.NumRows()
}

// become takes over another batch, or none.
func (r *remainder) become(batch arrow.RecordBatch) {
	if r.batch != nil {
		r.batch.Release()
	}
	r.batch = batch
}

// take returns the first n rows, which are the caller's.
func (r *remainder) take(n int64) arrow.RecordBatch {
	taken := r.batch.NewSlice(0, n)
	r.become(r.batch.NewSlice(n, r.batch.NumRows()))
	return taken
}
