package pit

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// lookup looks the entity rows up, part by part, a little ahead of who reads,
// and puts the features behind their columns.
type lookup struct {
	refs      atomic.Int64
	query     *Query
	rows      *Rows
	rings     []ring
	histories []*history
	schema    *arrow.Schema
	mem       memory.Allocator

	cancel  context.CancelFunc
	answers chan answered
	stopped error // why answers was closed early
	current arrow.RecordBatch
	err     error
}

// ring is a keyring, and the numbers of the keys of the rows that are held, by
// part, where they were numbered before.
type ring struct {
	*keyring
	held [][]int32
}

// answered is a batch of the answer, or why there is none.
type answered struct {
	batch arrow.RecordBatch
	err   error
}

// ahead is how many batches may wait to be read.
const ahead = 2

// start begins to answer. The channel is closed when all is answered, or
// nothing more is wanted.
func (j *lookup) start(ctx context.Context) {
	ctx, j.cancel = context.WithCancel(ctx)
	j.answers = make(chan answered, ahead)
	go func() {
		defer close(j.answers)
		for {
			p, ok, err := j.rows.next()
			if !ok && err == nil {
				return
			}
			var batch arrow.RecordBatch
			if err == nil {
				batch, err = j.answer(ctx, p)
			}
			p.release()
			select {
			case j.answers <- answered{batch, err}:
			case <-ctx.Done():
				if batch != nil {
					batch.Release()
				}
				j.stopped = context.Cause(ctx)
				return
			}
			if err != nil {
				return
			}
		}
	}()
}

func (j *lookup) Schema() *arrow.Schema          { return j.schema }
func (j *lookup) RecordBatch() arrow.RecordBatch { return j.current }
func (j *lookup) Record() arrow.RecordBatch      { return j.current }
func (j *lookup) Err() error                     { return j.err }
func (j *lookup) Retain()                        { j.refs.Add(1) }

func (j *lookup) Release() {
	if j.refs.Add(-1) != 0 {
		return
	}
	j.drop()
	j.cancel()
	for a := range j.answers {
		if a.batch != nil {
			a.batch.Release()
		}
	}
	j.forget()
	j.rows.Release()
}

// forget gives the views' rows back.
func (j *lookup) forget() {
	for _, h := range j.histories {
		if h != nil {
			h.release()
		}
	}
}

func (j *lookup) drop() {
	if j.current != nil {
		j.current.Release()
		j.current = nil
	}
}

func (j *lookup) Next() bool {
	j.drop()
	if j.err != nil {
		return false
	}
	a, more := <-j.answers
	if !more {
		j.err = j.stopped
		return false
	}
	j.current, j.err = a.batch, a.err
	return j.err == nil
}

// describe returns the columns of the entity rows and the features as the
// engine has them.
func (j *lookup) describe() *arrow.Schema {
	fields := slices.Clone(j.rows.Schema.Fields())
	for i, v := range j.query.Views {
		for f, feature := range v.Features {
			fields = append(fields, arrow.Field{Name: feature.Output, Type: j.histories[i].columns[f].DataType(), Nullable: true})
		}
	}
	return arrow.NewSchema(fields, nil)
}

// answer puts the features behind a part of the entity rows.
func (j *lookup) answer(ctx context.Context, p part) (arrow.RecordBatch, error) {
	numbers, err := j.numbers(p)
	if err != nil {
		return nil, err
	}
	columns := slices.Clone(p.rows.Columns())
	for _, c := range columns {
		c.Retain()
	}
	defer func() {
		for _, c := range columns {
			c.Release()
		}
	}()
	for _, h := range j.histories {
		found := j.find(h, p, numbers[h.keys])
		for _, values := range h.columns {
			taken, err := compute.TakeArrayOpts(compute.WithAllocator(ctx, j.mem), values, found, compute.TakeOptions{BoundsCheck: false})
			if err != nil {
				found.Release()
				return nil, err
			}
			columns = append(columns, taken)
		}
		found.Release()
	}
	return array.NewRecordBatch(j.schema, columns, p.rows.NumRows()), nil
}

// numbers returns the numbers of the keys of a part, by keyring.
func (j *lookup) numbers(p part) (map[*keyring][]int32, error) {
	numbers := make(map[*keyring][]int32, len(j.rings))
	for i := range j.rings {
		r := &j.rings[i]
		if len(r.held) > 0 {
			numbers[r.keyring], r.held = r.held[0], r.held[1:]
			continue
		}
		found, err := r.find(nil, columnsAt(p.index, r.columns), int(p.index.NumRows()))
		if err != nil {
			return nil, err
		}
		numbers[r.keyring] = found
	}
	return numbers, nil
}

// find returns the number of the row of a view that counts for each entity row
// of a part, NULL for none.
func (j *lookup) find(h *history, p part, keys []int32) arrow.Array {
	times := p.index.Column(0).(*array.Timestamp)
	found := array.NewInt32Builder(j.mem)
	defer found.Release()
	found.Reserve(times.Len())
	for row, key := range keys {
		match := int32(-1)
		if key != unknown && !times.IsNull(row) {
			match = h.match(key, int64(times.Value(row)), j.query.Cutoff)
		}
		if match < 0 {
			found.UnsafeAppendBoolToBitmap(false)
			continue
		}
		found.UnsafeAppend(match)
	}
	return found.NewArray()
}
