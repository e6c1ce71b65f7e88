package historical

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// Save writes rows to r.Output or r.Table as Run writes its answer, without a
// receipt, and returns how many there were. They are not released.
func Save(ctx context.Context, r Request, rows array.RecordReader) (int64, error) {
	to, err := r.destination(ctx)
	if err != nil {
		return 0, err
	}
	defer to.discard()
	counted := newTally(asIs(rows), r.Progress)
	defer counted.Release()
	if err := to.write(ctx, counted); err != nil {
		return 0, err
	}
	return counted.rows, to.commit(ctx, nil)
}

// asIs makes an answer of rows that are all entity rows.
func asIs(rows array.RecordReader) *answer {
	rows.Retain()
	a := &answer{RecordReader: rows, entities: &entityRows{columns: names(rows.Schema())},
		compute: func(arrow.RecordBatch) ([]arrow.RecordBatch, error) { return nil, nil }}
	a.refs.Store(1)
	for i := range a.entities.columns {
		a.order = append(a.order, i)
	}
	a.arrange(rows.Schema().Fields(), "")
	return a
}
