package pit

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
)

// column says what one column of an answer becomes.
type column struct {
	name string
	to   *asof.Type // nil: stays as it is
	view string     // for messages
	from string     // the source's column
	keys []int      // the columns of the answer that name a row
}

// HistoricalAnswer turns the rows of Historical into the answer to q: the
// entity rows' columns as they are, the features in their declared types. With
// rows, the entity rows stand beside raw's; without, they are its first
// columns, named by q.Select. The reader owns raw and rows.
func HistoricalAnswer(q *Query, rows *Rows, raw array.RecordReader, mem memory.Allocator) array.RecordReader {
	var columns []column
	if rows != nil {
		for _, f := range rows.Schema.Fields() {
			columns = append(columns, column{name: f.Name})
		}
		raw = &beside{rows: rows, raw: raw, schema: joined(rows.Schema, raw.Schema())}
	} else {
		columns = q.Select.answer(q.Views)
	}
	entities := slices.Clone(columns)
	for _, v := range q.Views {
		var keys []int
		for _, k := range v.Keys {
			keys = append(keys, slices.IndexFunc(entities, func(c column) bool { return c.name == k.Entity }))
		}
		for _, f := range v.Features {
			columns = append(columns, column{f.Output, &f.Type, v.View, f.Column, keys})
		}
	}
	return newAnswer(raw, columns, mem)
}

// LatestAnswer turns the rows of Latest into the answer: keys, times and
// features in their types. The reader owns raw.
func LatestAnswer(v *View, raw array.RecordReader, mem memory.Allocator) array.RecordReader {
	var columns []column
	var keys []int
	for i, k := range v.Keys {
		c := column{name: k.Entity, to: &k.Type, view: v.View, from: k.Column}
		if k.Type.Value == asof.TypeInvalid {
			c.to = nil
		}
		columns, keys = append(columns, c), append(keys, i)
	}
	instant := asof.Scalar(asof.TypeUnixTimestamp)
	columns = append(columns,
		column{name: asof.EventTimestamp, to: &instant, view: v.View, from: v.Timestamp},
		column{name: asof.CreatedTimestamp, to: &instant, view: v.View, from: v.Created})
	for _, f := range v.Features {
		columns = append(columns, column{f.Output, &f.Type, v.View, f.Column, keys})
	}
	return newAnswer(raw, columns, mem)
}

// answer casts the columns of another reader, batch by batch.
type answer struct {
	refs    atomic.Int64
	raw     array.RecordReader
	columns []column
	schema  *arrow.Schema
	mem     memory.Allocator
	current arrow.RecordBatch
	err     error
}

func newAnswer(raw array.RecordReader, columns []column, mem memory.Allocator) *answer {
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		fields[i] = raw.Schema().Field(i)
		fields[i].Name, fields[i].Nullable = c.name, true
		if c.to != nil {
			fields[i] = arrow.Field{Name: c.name, Type: c.to.Arrow(), Nullable: true}
		}
	}
	a := &answer{raw: raw, columns: columns, schema: arrow.NewSchema(fields, nil), mem: mem}
	a.refs.Store(1)
	return a
}

func (a *answer) Schema() *arrow.Schema          { return a.schema }
func (a *answer) RecordBatch() arrow.RecordBatch { return a.current }
func (a *answer) Record() arrow.RecordBatch      { return a.current }
func (a *answer) Retain()                        { a.refs.Add(1) }

func (a *answer) Release() {
	if a.refs.Add(-1) == 0 {
		a.drop()
		a.raw.Release()
	}
}

func (a *answer) drop() {
	if a.current != nil {
		a.current.Release()
		a.current = nil
	}
}

// Err returns why the rows ended early.
func (a *answer) Err() error {
	if a.err != nil {
		return a.err
	}
	return a.raw.Err()
}

func (a *answer) Next() bool {
	a.drop()
	if a.err != nil || !a.raw.Next() {
		return false
	}
	a.current, a.err = a.cast(a.raw.RecordBatch())
	return a.err == nil
}

func (a *answer) cast(batch arrow.RecordBatch) (arrow.RecordBatch, error) {
	columns := make([]arrow.Array, 0, len(a.columns))
	defer func() {
		for _, c := range columns {
			c.Release()
		}
	}()
	for i, c := range a.columns {
		values := batch.Column(i)
		if c.to == nil {
			values.Retain()
			columns = append(columns, values)
			continue
		}
		cast, err := asof.Cast(values, *c.to, a.mem)
		if err != nil {
			return nil, c.fault(batch, err)
		}
		columns = append(columns, cast)
	}
	return array.NewRecordBatch(a.schema, columns, batch.NumRows()), nil
}

// fault names view, column and key of a value that does not fit.
func (c column) fault(batch arrow.RecordBatch, err error) error {
	var bad *asof.CastError
	if !errors.As(err, &bad) {
		return err
	}
	at := ""
	if len(c.keys) > 0 {
		at = " where " + keyText(batch, c.keys, bad.Row)
	}
	return asof.Errorf(asof.CodeInvalid, "feature view %q: column %q holds %s%s, which does not fit its declared type %s",
		c.view, c.from, bad.Value, at, c.to)
}

// beside puts entity rows in front of an engine's rows, which come in the same
// order and number, in batches of other sizes.
type beside struct {
	rows    *Rows
	raw     array.RecordReader
	schema  *arrow.Schema
	batch   int   // the entity batch that is read,
	from    int64 // and from which row on
	left    arrow.RecordBatch
	current arrow.RecordBatch
	err     error
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
	if b.left != nil {
		b.left.Release()
		b.left = nil
	}
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
	for b.left == nil || b.left.NumRows() == 0 {
		if b.left != nil {
			b.left.Release()
			b.left = nil
		}
		if !b.raw.Next() {
			b.end()
			return false
		}
		b.left = b.raw.RecordBatch()
		b.left.Retain()
	}
	for b.batch < len(b.rows.Batches) && b.from == b.rows.Batches[b.batch].NumRows() {
		b.batch, b.from = b.batch+1, 0
	}
	if b.batch == len(b.rows.Batches) {
		b.err = fmt.Errorf("the engine answered more rows than there are entity rows")
		return false
	}
	entities := b.rows.Batches[b.batch]
	n := min(entities.NumRows()-b.from, b.left.NumRows())
	mine, theirs := entities.NewSlice(b.from, b.from+n), b.left.NewSlice(0, n)
	rest := b.left.NewSlice(n, b.left.NumRows())
	b.current = array.NewRecordBatch(b.schema, slices.Concat(mine.Columns(), theirs.Columns()), n)
	mine.Release()
	theirs.Release()
	b.left.Release()
	b.left, b.from = rest, b.from+n
	return true
}

// end checks that no entity row is left without an answer.
func (b *beside) end() {
	left := -b.from
	for _, batch := range b.rows.Batches[b.batch:] {
		left += batch.NumRows()
	}
	if left != 0 && b.raw.Err() == nil && b.err == nil {
		b.err = fmt.Errorf("the engine answered %d rows less than there are entity rows", left)
	}
}
