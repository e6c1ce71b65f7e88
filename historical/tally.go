package historical

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/receipt"
)

// tally is an answer that is counted, and hashed where it gets a receipt, while
// it is read.
type tally struct {
	*answer
	hash     *receipt.Hash // nil: no receipt
	progress asof.Progress
	rows     int64
	nulls    []int64 // by column
}

func newTally(a *answer, p asof.Progress) *tally {
	t := &tally{answer: a, progress: p, nulls: make([]int64, len(a.order))}
	if a.draft != nil {
		t.hash = receipt.NewHash(a.Schema())
	}
	return t
}

// Next reads the next batch, and counts it.
func (t *tally) Next() bool {
	if !t.answer.Next() {
		return false
	}
	batch := t.RecordBatch()
	if t.hash != nil {
		t.hash.Add(batch)
	}
	t.rows += batch.NumRows()
	for i, c := range batch.Columns() {
		t.nulls[i] += int64(c.NullN())
	}
	t.progress.Report("write training data", t.rows, t.entities.count)
	return true
}

// each hands over every batch, and ends when ctx does.
func (t *tally) each(ctx context.Context, take func(arrow.RecordBatch) error) error {
	for ctx.Err() == nil && t.Next() {
		if err := take(t.RecordBatch()); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return t.Err()
}

func (t *tally) result() (r Result, err error) {
	r = Result{Rows: t.rows, Columns: names(t.Schema()), Pulls: t.pulls}
	for i, name := range r.Columns {
		if t.isFeature[i] && t.rows > 0 && t.nulls[i] == t.rows {
			r.Empty = append(r.Empty, name)
		}
	}
	if t.draft != nil {
		r.Receipt, err = t.seal()
	}
	return r, err
}
