package historical

import (
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/asof-dev/asof"
)

// answer is a store's answer with its columns in the order asked. It owns the
// rows and the entity rows that the store may still be reading.
type answer struct {
	array.RecordReader // the store's
	refs               atomic.Int64
	entities           *entityRows
	draft              *draft // nil: no receipt is made
	pulls              []asof.Pull
	schema             *arrow.Schema
	order              []int  // columns of the store's answer
	isFeature          []bool // by column of this one
	current            arrow.RecordBatch
}

func newAnswer(rows array.RecordReader, entities *entityRows, c *choice, label string) (*answer, error) {
	from := rows.Schema()
	if want := len(entities.columns) + len(c.features); from.NumFields() != want {
		return nil, fmt.Errorf("the offline store answered %d columns where %d were asked for", from.NumFields(), want)
	}
	a := &answer{RecordReader: rows, entities: entities}
	a.refs.Store(1)
	for i := range entities.columns {
		a.order = append(a.order, i)
	}
	first := make([]int, len(c.views)) // where the features of each view begin
	next := len(entities.columns)
	for i, v := range c.views {
		first[i] = next
		next += len(v.Features)
	}
	for _, f := range c.features {
		a.order = append(a.order, first[f.view]+f.at)
	}
	if label != "" {
		at := slices.IndexFunc(a.order, func(i int) bool { return from.Field(i).Name == label })
		moved := a.order[at]
		a.order = append(slices.Delete(a.order, at, at+1), moved)
	}
	fields := make([]arrow.Field, len(a.order))
	for i, at := range a.order {
		fields[i] = arrow.Field{Name: from.Field(at).Name, Type: from.Field(at).Type, Nullable: true}
		a.isFeature = append(a.isFeature, at >= len(entities.columns))
	}
	a.schema = arrow.NewSchema(fields, nil)
	return a, nil
}

func (a *answer) Schema() *arrow.Schema          { return a.schema }
func (a *answer) RecordBatch() arrow.RecordBatch { return a.current }
func (a *answer) Record() arrow.RecordBatch      { return a.current }
func (a *answer) Retain()                        { a.refs.Add(1) }

func (a *answer) Release() {
	if a.refs.Add(-1) == 0 {
		a.drop()
		a.RecordReader.Release()
		a.entities.release()
		a.draft.release()
	}
}

func (a *answer) drop() {
	if a.current != nil {
		a.current.Release()
		a.current = nil
	}
}

func (a *answer) Next() bool {
	a.drop()
	if !a.RecordReader.Next() {
		return false
	}
	batch := a.RecordReader.RecordBatch()
	columns := make([]arrow.Array, len(a.order))
	for i, at := range a.order {
		columns[i] = batch.Column(at)
	}
	a.current = array.NewRecordBatch(a.schema, columns, batch.NumRows())
	return true
}
