package pit

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// ErrNotInMemory says that the rows of a view are not for Join: too many, of
// types that it does not hold, or of equal keys and times, between which only
// the engine decides. The SQL of Historical answers then.
var ErrNotInMemory = errors.New("the view's rows can't be joined in memory")

// history is the rows of one view in memory, by key and time: those whose keys
// the keyring has.
type history struct {
	view    *View
	keys    *keyring
	start   []int32       // where the rows of each key start, and of what would be one more, in the next three; keys behind it have none
	rows    []int32       // row numbers, by key, then by time
	events  []int64       // microseconds
	created []int64       // likewise; nil without a created column; unset is the lowest
	columns []arrow.Array // the features, by row number
}

// unset stands for a created time that is NULL: older than any.
const unset = math.MinInt64

// readHistory reads what Scan selects to its end.
func readHistory(v *View, keys *keyring, scan array.RecordReader, left *atomic.Int64, mem memory.Allocator) (*history, error) {
	h := &history{view: v, keys: keys}
	b := historyBuilder{history: h, chunks: make([][]arrow.Array, len(v.Features)), left: left, mem: mem}
	defer b.release()
	for scan.Next() {
		if err := b.add(scan.RecordBatch()); err != nil {
			return nil, err
		}
	}
	if err := scan.Err(); err != nil {
		return nil, err
	}
	if err := b.sort(); err != nil {
		return nil, err
	}
	if err := b.concatenate(scan.Schema()); err != nil {
		h.release()
		return nil, err
	}
	return h, nil
}

func (h *history) release() {
	for _, c := range h.columns {
		c.Release()
	}
	h.columns = nil
}

// match returns the row that counts for a key at a time, -1 for none.
func (h *history) match(key int32, at int64, cutoff bool) int32 {
	if int(key)+1 >= len(h.start) {
		return -1
	}
	from, to := h.start[key], h.start[key+1]
	for low, high := from, to; low < high; { // the first row after at
		middle := int32(uint32(low+high) >> 1)
		if h.events[middle] <= at {
			low = middle + 1
		} else {
			high = middle
		}
		to = low
	}
	for i := to - 1; i >= from; i-- {
		switch {
		case h.view.TTL > 0 && h.events[i] < at-h.view.TTL.Microseconds():
			return -1
		case !cutoff || h.created == nil || h.created[i] != unset && h.created[i] <= at:
			return h.rows[i]
		}
	}
	return -1
}

// historyBuilder collects the rows of a history as they are scanned.
type historyBuilder struct {
	*history
	key    []int32 // of each row, by its number
	at     []int64 // its event time
	made   []int64 // its created time
	chunks [][]arrow.Array
	loose  int           // of the chunks, the last so many are the engine's
	left   *atomic.Int64 // bytes that may still be taken, by all views
	mem    memory.Allocator
}

func (b *historyBuilder) release() {
	for _, list := range b.chunks {
		for _, c := range list {
			c.Release()
		}
	}
}

func (b *historyBuilder) add(batch arrow.RecordBatch) error {
	if err := b.take(b.takes(batch), batch.NumRows()); err != nil {
		return err
	}
	keys := len(b.view.Keys)
	if err := b.number(batch.Columns()[:keys], int(batch.NumRows())); err != nil {
		return err
	}
	b.at = appendMicros(b.at, batch.Column(keys))
	next := keys + 1
	if b.view.Created != "" {
		b.made = appendMicros(b.made, batch.Column(next))
		next++
	}
	for i := range b.chunks {
		column := batch.Column(next + i)
		column.Retain()
		b.chunks[i] = append(b.chunks[i], column)
	}
	if b.loose++; b.loose == loose {
		return b.gather()
	}
	return nil
}

// number appends the number of each row's key.
func (b *historyBuilder) number(keys []arrow.Array, rows int) (err error) {
	if !b.keys.open {
		b.key, err = b.keys.find(b.key, keys, rows)
		return err
	}
	var bytes int64
	b.key, bytes, err = b.keys.add(b.key, keys, rows)
	if err == nil {
		err = b.take(bytes, 0)
	}
	return err
}

// take takes so much of what is left of the budget, for more rows.
func (b *historyBuilder) take(bytes, rows int64) error {
	if b.left.Add(-bytes) < 0 || int64(len(b.key))+rows > math.MaxInt32 {
		return fmt.Errorf("%w: feature view %s has too many", ErrNotInMemory, b.view.View)
	}
	return nil
}

// takes returns how many bytes the rows of a batch take.
func (b *historyBuilder) takes(batch arrow.RecordBatch) int64 {
	bytes := b.view.lookedUpBytes() * batch.NumRows()
	for _, c := range batch.Columns()[int(batch.NumCols())-len(b.chunks):] {
		bytes += sizeOf(c.Data())
	}
	return bytes
}

// loose is how many batches of the engine's are held before they are copied:
// theirs is memory that the engine gets back.
const loose = 64

// gather copies the batches of the engine's into one chunk of each feature.
func (b *historyBuilder) gather() error {
	for i, list := range b.chunks {
		first := len(list) - b.loose
		chunk, err := array.Concatenate(list[first:], b.mem)
		if err != nil {
			return err
		}
		for _, c := range list[first:] {
			c.Release()
		}
		b.chunks[i] = append(list[:first], chunk)
	}
	b.loose = 0
	return nil
}

// sort puts the rows by key and time. Sources are mostly in the order of time,
// so the rows of a key are sorted only where they are not.
func (b *historyBuilder) sort() error {
	b.start = make([]int32, b.keys.size()+1)
	for _, key := range b.key {
		if key != unknown {
			b.start[key+1]++
		}
	}
	for i := 1; i < len(b.start); i++ {
		b.start[i] += b.start[i-1]
	}
	b.rows = make([]int32, b.start[len(b.start)-1])
	next := slices.Clone(b.start)
	for row, key := range b.key {
		if key != unknown {
			b.rows[next[key]] = int32(row)
			next[key]++
		}
	}
	for key := range len(b.start) - 1 {
		rows := b.rows[b.start[key]:b.start[key+1]]
		if !slices.IsSortedFunc(rows, b.compare) {
			slices.SortFunc(rows, b.compare)
		}
		for i := 1; i < len(rows); i++ {
			if b.compare(rows[i-1], rows[i]) == 0 {
				return fmt.Errorf("%w: feature view %s has rows of one key and one time", ErrNotInMemory, b.view.View)
			}
		}
	}
	b.events = make([]int64, len(b.rows))
	for i, row := range b.rows {
		b.events[i] = b.at[row]
	}
	if b.made != nil {
		b.created = make([]int64, len(b.rows))
		for i, row := range b.rows {
			b.created[i] = b.made[row]
		}
	}
	return nil
}

// compare orders two rows of one key: the greater counts.
func (b *historyBuilder) compare(x, y int32) int {
	if c := cmp.Compare(b.at[x], b.at[y]); c != 0 || b.made == nil {
		return c
	}
	return cmp.Compare(b.made[x], b.made[y])
}

// concatenate makes one array of each feature's chunks.
func (b *historyBuilder) concatenate(schema *arrow.Schema) error {
	first := schema.NumFields() - len(b.chunks)
	for i, list := range b.chunks {
		typ := schema.Field(first + i).Type
		if len(list) == 0 {
			b.columns = append(b.columns, array.MakeArrayOfNull(b.mem, typ, 0))
			continue
		}
		column, err := array.Concatenate(list, b.mem)
		if err != nil {
			return err
		}
		b.columns = append(b.columns, column)
		for _, c := range list {
			c.Release()
		}
		b.chunks[i] = nil
	}
	return nil
}

// inMemory reports whether values of a type can be taken by their row numbers.
func inMemory(t arrow.DataType) bool {
	switch nested := t.(type) {
	case *arrow.ListType:
		return inMemory(nested.Elem())
	case *arrow.StructType:
		return !slices.ContainsFunc(nested.Fields(), func(f arrow.Field) bool { return !inMemory(f.Type) })
	}
	_, fixed := t.(arrow.FixedWidthDataType)
	return fixed && t.ID() != arrow.DICTIONARY || arrow.IsBaseBinary(t.ID()) || t.ID() == arrow.BOOL
}

// appendMicros appends the times of a column of microseconds.
func appendMicros(dst []int64, column arrow.Array) []int64 {
	times := column.(*array.Timestamp)
	for i, t := range times.TimestampValues() {
		if times.IsNull(i) {
			t = unset
		}
		dst = append(dst, int64(t))
	}
	return dst
}
