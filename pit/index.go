package pit

import (
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
)

// indexer reads entity rows and finds what they are looked up by.
type indexer struct {
	reader    array.RecordReader
	schema    *arrow.Schema // of the index
	keys      []Key
	timestamp string
	mem       memory.Allocator
	done      int64             // rows read
	batch     arrow.RecordBatch // the reader's, of which some rows are still to come
	from      int64             // the first of them
}

// partRows is how many entity rows are looked up at a time: a batch may be the
// whole of a file.
const partRows = 1 << 16

func newIndexer(reader array.RecordReader, timestamp string, keys []Key, mem memory.Allocator) *indexer {
	fields := []arrow.Field{{Name: "at", Type: indexTime, Nullable: true}}
	for i, k := range keys {
		column := reader.Schema().Field(reader.Schema().FieldIndices(k.Name)[0]).Type
		fields = append(fields, arrow.Field{Name: numbered("k", i), Type: k.typed(column).Arrow(), Nullable: true})
	}
	return &indexer{reader: reader, schema: arrow.NewSchema(fields, nil), keys: keys, timestamp: timestamp, mem: mem}
}

var indexTime = &arrow.TimestampType{Unit: arrow.Microsecond}

// typed returns the type of a key: the one declared, else what its column has.
func (k Key) typed(column arrow.DataType) asof.Type {
	if k.Type.Value == asof.TypeInvalid {
		return asof.TypeOf(column)
	}
	return k.Type
}

func (ix *indexer) next() (part, bool, error) {
	if ix.batch == nil || ix.from == ix.batch.NumRows() {
		if !ix.reader.Next() {
			return part{}, false, ix.reader.Err()
		}
		ix.batch, ix.from = ix.reader.RecordBatch(), 0
	}
	to := min(ix.from+partRows, ix.batch.NumRows())
	rows := ix.batch.NewSlice(ix.from, to)
	index, err := ix.indexed(rows)
	if err != nil {
		rows.Release()
		return part{}, false, err
	}
	held := size(index) + size(ix.batch)*rows.NumRows()/max(ix.batch.NumRows(), 1)
	ix.from = to
	ix.done += rows.NumRows()
	return part{rows, index, held}, true, nil
}

// indexed returns the rows' times and keys.
func (ix *indexer) indexed(batch arrow.RecordBatch) (arrow.RecordBatch, error) {
	at, err := ix.times(batch)
	if err != nil {
		return nil, err
	}
	columns := []arrow.Array{at}
	defer func() {
		for _, c := range columns {
			c.Release()
		}
	}()
	for _, k := range ix.keys {
		from := batch.Column(batch.Schema().FieldIndices(k.Name)[0])
		to := k.typed(from.DataType())
		key, err := asof.Cast(from, to, ix.mem)
		if bad := (*asof.CastError)(nil); errors.As(err, &bad) {
			return nil, asof.Errorf(asof.CodeInvalid, "entity row %d: %s is %s, which does not fit %s, the declared type of the join key",
				ix.done+int64(bad.Row)+1, k.Name, bad.Value, to)
		}
		if err != nil {
			return nil, fmt.Errorf("the entity rows' column %q: %w", k.Name, err)
		}
		columns = append(columns, key)
	}
	return array.NewRecordBatch(ix.schema, columns, batch.NumRows()), nil
}

// times returns the rows' times in microseconds.
func (ix *indexer) times(batch arrow.RecordBatch) (arrow.Array, error) {
	times := batch.Column(batch.Schema().FieldIndices(ix.timestamp)[0])
	micros, ok := asof.Instants(times, asof.RoundDown)
	if !ok && times.NullN() < times.Len() {
		return nil, asof.Errorf(asof.CodeInvalid, "the entity rows' column %q is %s, not a timestamp or a date", ix.timestamp, times.DataType())
	}
	at := array.NewTimestampBuilder(ix.mem, indexTime)
	defer at.Release()
	at.Reserve(times.Len())
	for i := range times.Len() {
		if times.IsNull(i) {
			at.AppendNull()
			continue
		}
		at.Append(arrow.Timestamp(micros(i)))
	}
	return at.NewArray(), nil
}

// selection reads the rows of what Selected renders: what they are looked up by
// comes first, then their own columns.
type selection struct {
	reader      array.RecordReader
	keys        int // columns that come first
	index, rows *arrow.Schema
}

func (s *selection) next() (part, bool, error) {
	if !s.reader.Next() {
		return part{}, false, s.reader.Err()
	}
	batch := s.reader.RecordBatch()
	n := batch.NumRows()
	return part{
		rows:  array.NewRecordBatch(s.rows, batch.Columns()[s.keys:], n),
		index: array.NewRecordBatch(s.index, batch.Columns()[:s.keys], n),
		size:  size(batch),
	}, true, nil
}

// size returns the bytes that a batch's values take.
func size(batch arrow.RecordBatch) (bytes int64) {
	for _, c := range batch.Columns() {
		bytes += sizeOf(c.Data())
	}
	return bytes
}

func sizeOf(data arrow.ArrayData) (bytes int64) {
	for _, buffer := range data.Buffers() {
		if buffer != nil {
			bytes += int64(buffer.Len())
		}
	}
	for _, child := range data.Children() {
		bytes += sizeOf(child)
	}
	return bytes
}
