package pit

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"golang.org/x/sync/errgroup"
)

// Scan renders the query for the rows of a view that entity rows can match:
// its keys, event, created where it has one, and the features asked for.
func Scan(d Dialect, q *Query, v *View) string {
	r := &renderer{Dialect: d, keys: Keys(q.Views)}
	r.source(v, "asof_source", r.within(q, v))
	var columns []string
	for _, k := range v.keyNames() {
		columns = append(columns, "s."+k)
	}
	columns = append(columns, "s.event")
	if v.Created != "" {
		columns = append(columns, "s.created")
	}
	for i, f := range v.Features {
		columns = append(columns, d.Value("s."+v.read(f.Column), v.columns[f.Column], f.Type)+numbered(" AS v", i))
	}
	return r.sql("SELECT " + strings.Join(columns, ",\n  ") + "\nFROM asof_source AS s")
}

// scansAtOnce bounds how many sources are read side by side: the engine holds
// what it has read until it is taken.
const scansAtOnce = 2

// Join answers q in memory, with the rows that the SQL of Historical gives: the
// features of each view, in the order of the entity rows. The engine only scans
// the sources, side by side; each view's rows are kept by key and time, and the
// entity rows are looked up in them batch by batch, so nothing is sorted that
// comes in order, and the answer streams.
//
// scan runs what Scan renders for a view; it is called by several goroutines.
// The views' rows may take budget bytes in all. Rows that are not for this plan
// are ErrNotInMemory.
func Join(ctx context.Context, q *Query, rows *Rows, scan func(context.Context, *View) (array.RecordReader, error),
	budget int64, mem memory.Allocator) (array.RecordReader, error) {
	j := &lookup{query: q, rows: rows, histories: make([]*history, len(q.Views)), keys: make([]*keyring, len(q.Views)), mem: mem}
	j.refs.Store(1)
	if err := j.readKeys(); err != nil {
		return nil, err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(scansAtOnce)
	for i, v := range q.Views {
		group.Go(func() error {
			source, err := scan(groupCtx, v)
			if err != nil {
				return err
			}
			defer source.Release()
			if err := j.comparable(v, source.Schema()); err != nil {
				return err
			}
			j.histories[i], err = readHistory(v, j.keys[i], source, budget/int64(len(q.Views)), mem)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		j.Release()
		return nil, err
	}
	j.schema = j.describe()
	j.start(ctx)
	return j, nil
}

// lookup looks the entity rows up, batch by batch, a little ahead of who reads.
type lookup struct {
	refs      atomic.Int64
	query     *Query
	rows      *Rows
	keys      []*keyring // by view; views with the same keys share one
	histories []*history
	schema    *arrow.Schema
	mem       memory.Allocator

	cancel  context.CancelFunc
	answers chan answered
	stopped error // why answers was closed early
	current arrow.RecordBatch
	err     error
}

// answered is a batch of features, or why there is none.
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
		for i := range j.rows.Index {
			batch, err := j.answer(ctx, i)
			select {
			case j.answers <- answered{batch, err}:
			case <-ctx.Done():
				if batch != nil {
					batch.Release()
				}
				j.stopped = context.Cause(ctx)
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
	if j.answers != nil {
		j.cancel()
		for a := range j.answers {
			if a.batch != nil {
				a.batch.Release()
			}
		}
	}
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

// comparable reports whether a view's keys are of the types that they have in
// the entity rows: only then are equal values equal bytes.
func (j *lookup) comparable(v *View, source *arrow.Schema) error {
	for i, k := range v.Keys {
		theirs, ours := source.Field(i).Type, j.rows.IndexSchema.Field(j.keyColumn(k.Entity, v, i)).Type
		if keyFamily(theirs) != keyFamily(ours) {
			return fmt.Errorf("%w: the join key %s is %s in the source and %s in the entity rows", ErrNotInMemory, k.Column, theirs, ours)
		}
	}
	event, ok := source.Field(len(v.Keys)).Type.(*arrow.TimestampType)
	if !ok || event.Unit != arrow.Microsecond {
		return fmt.Errorf("%w: the event timestamp of %s is no time in microseconds", ErrNotInMemory, v.View)
	}
	return nil
}

// keyFamily returns what types have in common whose equal values are equal bytes.
func keyFamily(t arrow.DataType) arrow.Type {
	if t.ID() == arrow.INT32 {
		return arrow.INT64
	}
	return t.ID()
}

// keyColumn returns the column of the index that holds key number i of a view.
func (j *lookup) keyColumn(entity string, v *View, i int) int {
	return 2 + keyIndex(Keys(j.query.Views), Key{entity, v.Keys[i].Type})
}

func (j *lookup) describe() *arrow.Schema {
	var fields []arrow.Field
	for i, v := range j.query.Views {
		for f, feature := range v.Features {
			fields = append(fields, arrow.Field{Name: feature.Output, Type: j.histories[i].columns[f].DataType(), Nullable: true})
		}
	}
	return arrow.NewSchema(fields, nil)
}

// readKeys numbers the keys of the entity rows, once for views that share them.
func (j *lookup) readKeys() error {
	for i, v := range j.query.Views {
		columns := j.keyColumns(v)
		for k, other := range j.query.Views[:i] {
			if slices.Equal(columns, j.keyColumns(other)) {
				j.keys[i] = j.keys[k]
			}
		}
		if j.keys[i] != nil {
			continue
		}
		var err error
		if j.keys[i], err = newKeyring(j.rows.Index, columns); err != nil {
			return err
		}
	}
	return nil
}

// keyColumns returns the columns of the index that hold a view's keys.
func (j *lookup) keyColumns(v *View) []int {
	columns := make([]int, len(v.Keys))
	for i, k := range v.Keys {
		columns[i] = j.keyColumn(k.Entity, v, i)
	}
	return columns
}

// answer makes the features of one batch of the index.
func (j *lookup) answer(ctx context.Context, batch int) (arrow.RecordBatch, error) {
	var columns []arrow.Array
	defer func() {
		for _, c := range columns {
			c.Release()
		}
	}()
	for _, h := range j.histories {
		found := j.find(h, batch)
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
	return array.NewRecordBatch(j.schema, columns, j.rows.Index[batch].NumRows()), nil
}

// find returns the number of the row of a view that counts for each entity row
// of a batch, NULL for none.
func (j *lookup) find(h *history, batch int) arrow.Array {
	times := j.rows.Index[batch].Column(1).(*array.Timestamp)
	found := array.NewInt32Builder(j.mem)
	defer found.Release()
	found.Reserve(times.Len())
	for row, key := range h.keys.rows[batch] {
		match := int32(-1)
		if key >= 0 && !times.IsNull(row) {
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
