package pit

import (
	"errors"
	"fmt"
	"slices"
	"strings"
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
	columns := historicalColumns(q, rows)
	if rows != nil {
		raw = &beside{rows: rows, raw: raw, schema: joined(rows.Schema, raw.Schema())}
	}
	return newAnswer(raw, columns, mem)
}

// historicalColumns returns the columns of the answer to q: those of the
// entity rows, then the features.
func historicalColumns(q *Query, rows *Rows) []column {
	var columns []column
	if q.Select != nil {
		columns = q.Select.answer(q.Views)
	} else {
		for _, f := range rows.Schema.Fields() {
			columns = append(columns, column{name: f.Name})
		}
	}
	entities := slices.Clone(columns)
	for _, v := range q.Views {
		var keys []int
		for _, k := range v.Keys {
			keys = append(keys, slices.IndexFunc(entities, func(c column) bool { return c.name == k.Entity }))
		}
		for _, f := range v.Features {
			columns = append(columns, column{f.Output, &f.Type, v.View, v.said(f.Column), keys})
		}
	}
	return columns
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

// keyText names a row by its keys, for messages: user_id=7, shop=Bern.
func keyText(batch arrow.RecordBatch, keys []int, row int) string {
	parts := make([]string, len(keys))
	for i, k := range keys {
		parts[i] = fmt.Sprintf("%s=%s", batch.ColumnName(k), batch.Column(k).ValueStr(row))
	}
	return strings.Join(parts, ", ")
}
