package historical

import (
	"context"
	"encoding/json"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
)

// rows reads rows of the key.
func (x *explainer) rows(ctx context.Context, q asof.RowsQuery) ([]Candidate, error) {
	q.View, q.Keys = x.view, x.key
	reader, err := x.store.Rows(ctx, &q)
	if err != nil {
		return nil, err
	}
	defer reader.Release()
	var list []Candidate
	first := len(x.view.Keys)
	for reader.Next() {
		batch := reader.RecordBatch()
		cells := make([]cell, len(x.view.Features))
		for i := range cells {
			if cells[i], err = jsonCell(batch.Column(first + 2 + i)); err != nil {
				return nil, err
			}
		}
		for row := range int(batch.NumRows()) {
			c := Candidate{Event: *timeAt(batch.Column(first), row), Created: timeAt(batch.Column(first+1), row), Values: map[string]json.RawMessage{}}
			for i, f := range x.view.Features {
				c.Values[f.Output] = json.RawMessage("null")
				if batch.Column(first + 2 + i).IsValid(row) {
					c.Values[f.Output] = cells[i](nil, row)
				}
			}
			list = append(list, c)
		}
	}
	return list, reader.Err()
}

func timeAt(column arrow.Array, row int) *time.Time {
	if column.IsNull(row) {
		return nil
	}
	at := time.UnixMicro(int64(column.(*array.Timestamp).Value(row))).UTC()
	return &at
}

// readKey makes the key's row, and returns the name of a key that is NULL.
func (x *explainer) readKey() (null string, err error) {
	known := map[string]bool{}
	var names []string
	for _, k := range x.view.Keys {
		known[k.Entity] = true
		names = append(names, k.Entity)
	}
	for name := range x.Key {
		if !known[name] {
			return "", asof.Errorf(asof.CodeInvalid, "feature view %q has no join key %q%s", x.view.View, name, asof.DidYouMean(name, names))
		}
	}
	var fields []arrow.Field
	var columns []arrow.Array
	mem := memory.NewGoAllocator() // nothing to release
	for _, k := range x.view.Keys {
		text, given := x.Key[k.Entity]
		if !given {
			return "", asof.Errorf(asof.CodeInvalid, "the join key %q of feature view %q is missing; write %s=VALUE", k.Entity, x.view.View, k.Entity)
		}
		if text == "" {
			return k.Entity, nil
		}
		b := array.NewStringBuilder(mem)
		b.Append(text)
		value, err := asof.Cast(b.NewArray(), k.Type, mem)
		if err != nil {
			return "", asof.Errorf(asof.CodeInvalid, "the join key %s: %w", k.Entity, err)
		}
		fields, columns = append(fields, arrow.Field{Name: k.Entity, Type: value.DataType(), Nullable: true}), append(columns, value)
	}
	if len(columns) > 0 {
		x.key = array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, 1)
	}
	return "", nil
}
