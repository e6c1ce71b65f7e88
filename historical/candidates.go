package historical

import (
	"context"
	"encoding/json"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

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
