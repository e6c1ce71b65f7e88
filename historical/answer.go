package historical

import (
	"context"
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
	order              []int // columns of the store's answer, then those that are computed
	compute            func(arrow.RecordBatch) ([]arrow.RecordBatch, error)
	failed             error  // of compute
	isFeature          []bool // by column of this one
	current            arrow.RecordBatch
}

func newAnswer(ctx context.Context, rows array.RecordReader, entities *entityRows, c *choice, r *Request) (*answer, error) {
	fields := slices.Clone(rows.Schema().Fields())
	first := make([]int, len(c.views)) // where the features of each view begin
	next := len(entities.columns)
	for i, v := range c.views {
		first[i] = next
		next += len(v.Features)
	}
	if len(fields) != next {
		return nil, fmt.Errorf("the offline store answered %d columns where %d were asked for", len(fields), next)
	}
	a := &answer{RecordReader: rows, entities: entities}
	a.refs.Store(1)
	computed := map[*computation]int{} // where the features of each begin
	for _, m := range c.computed {
		computed[m] = len(fields)
		for _, f := range m.view.Features {
			fields = append(fields, arrow.Field{Name: f.Name, Type: f.Type.Arrow()})
		}
	}
	for i := range entities.columns {
		a.order = append(a.order, i)
	}
	for _, f := range c.features {
		at := f.at
		if f.computed != nil {
			at += computed[f.computed]
		} else {
			at += first[f.view]
		}
		fields[at].Name = f.output
		a.order = append(a.order, at)
	}
	a.arrange(fields, r.Label)
	a.compute = func(batch arrow.RecordBatch) (outputs []arrow.RecordBatch, err error) {
		for _, m := range c.computed {
			out, err := m.run(ctx, batch, entities.columns, first, r.allocator())
			if err != nil {
				return outputs, err
			}
			outputs = append(outputs, out)
		}
		return outputs, nil
	}
	return a, nil
}

// arrange moves the label last and makes the schema.
func (a *answer) arrange(fields []arrow.Field, label string) {
	if label != "" {
		at := slices.IndexFunc(a.order, func(i int) bool { return fields[i].Name == label })
		moved := a.order[at]
		a.order = append(slices.Delete(a.order, at, at+1), moved)
	}
	ordered := make([]arrow.Field, len(a.order))
	for i, at := range a.order {
		ordered[i] = arrow.Field{Name: fields[at].Name, Type: fields[at].Type, Nullable: true}
		a.isFeature = append(a.isFeature, at >= len(a.entities.columns))
	}
	a.schema = arrow.NewSchema(ordered, nil)
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

// Err returns what ended the rows before their end.
func (a *answer) Err() error {
	if a.failed != nil {
		return a.failed
	}
	return a.RecordReader.Err()
}

func (a *answer) Next() bool {
	a.drop()
	if a.failed != nil || !a.RecordReader.Next() {
		return false
	}
	batch := a.RecordReader.RecordBatch()
	outputs, err := a.compute(batch)
	all := slices.Clone(batch.Columns())
	for _, out := range outputs {
		defer out.Release()
		all = append(all, out.Columns()...)
	}
	if err != nil {
		a.failed = err
		return false
	}
	columns := make([]arrow.Array, len(a.order))
	for i, at := range a.order {
		columns[i] = all[at]
	}
	a.current = array.NewRecordBatch(a.schema, columns, batch.NumRows())
	return true
}
