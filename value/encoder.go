package value

import (
	"bytes"
	"math"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/entitykey"
)

// NoCreated is the created time of a row whose source has none: before all.
const NoCreated = math.MinInt64

// Row is one row of an online store: the newest of its key.
type Row struct {
	Key     []byte // Feast's entity-key bytes
	Event   int64  // microseconds since 1970
	Created int64  // microseconds since 1970, or NoCreated
	Packed  []byte
}

// Encoder makes online rows of the record batches of one view, as
// asof.Latest describes them. It is not safe for concurrent use.
type Encoder struct {
	view    *asof.FeatureView
	keys    []asof.Field
	encoder *entitykey.Encoder
	numbers []int32
}

// Keys returns the join keys of a view, none for a view without entities.
func Keys(v *asof.FeatureView) []asof.Field {
	if len(v.EntityColumns) == 1 && v.EntityColumns[0].Name == asof.DummyJoinKey {
		return nil
	}
	return v.EntityColumns
}

// NewEncoder makes an Encoder for a store with that version of entity keys.
// The schema is that of the store, for the view as it is registered.
func NewEncoder(v *asof.FeatureView, keyVersion int, s *Schema) (*Encoder, error) {
	e := &Encoder{view: v, keys: Keys(v), numbers: s.FeatureNumbers(v.Features)}
	names := make([]string, len(e.keys))
	for i, k := range e.keys {
		names[i] = k.Name
	}
	for i, number := range e.numbers {
		if number == 0 {
			return nil, asof.Errorf(asof.CodeNotFound, "the online store does not know feature %q of view %q with type %s; run `asof apply`", v.Features[i].Name, v.Name, v.Features[i].Type)
		}
	}
	var err error
	if e.encoder, err = entitykey.NewEncoder(keyVersion, names...); err != nil {
		return nil, asof.Errorf(asof.ErrorCode(err), "view %q: %w", v.Name, err)
	}
	return e, nil
}

// Encode returns the batch's rows, sorted by key and each key once, with the
// newest of its rows: the latest event, then the latest created, then the last.
func (e *Encoder) Encode(batch arrow.RecordBatch) ([]Row, error) {
	rows, err := e.encodeKeys(batch)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	if err := e.times(batch, rows); err != nil {
		return nil, err
	}
	if err := e.pack(batch, rows); err != nil {
		return nil, err
	}
	return newestByKey(rows), nil
}

// RowKeys returns the key of each row of a batch, in the batch's order.
func (e *Encoder) RowKeys(batch arrow.RecordBatch) ([][]byte, error) {
	rows, err := e.encodeKeys(batch)
	if err != nil {
		return nil, err
	}
	keys := make([][]byte, len(rows))
	for i, row := range rows {
		keys[i] = row.Key
	}
	return keys, nil
}

// EncodeKeys returns the keys of a batch of join keys, sorted, each once.
func (e *Encoder) EncodeKeys(batch arrow.RecordBatch) ([][]byte, error) {
	keys, err := e.RowKeys(batch)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(keys, bytes.Compare)
	return slices.CompactFunc(keys, bytes.Equal), nil
}

func (e *Encoder) encodeKeys(batch arrow.RecordBatch) ([]Row, error) {
	columns := make([]arrow.Array, len(e.keys))
	for i, k := range e.keys {
		var err error
		if columns[i], err = e.column(batch, k.Name); err != nil {
			return nil, err
		}
	}
	rows := make([]Row, batch.NumRows())
	values := make([]entitykey.Value, len(e.keys))
	var buf []byte
	for i := range rows {
		buf = reserved(buf, i, len(rows))
		for k, column := range columns {
			var err error
			if values[k], err = keyValue(e.keys[k].Type.Value, column, i); err != nil {
				return nil, asof.Errorf(asof.ErrorCode(err), "view %q: join key %q: %w", e.view.Name, e.keys[k].Name, err)
			}
		}
		start := len(buf)
		var err error
		if buf, err = e.encoder.Append(buf, values...); err != nil {
			return nil, asof.Errorf(asof.ErrorCode(err), "view %q, row %d: %w", e.view.Name, i+1, err)
		}
		rows[i].Key = buf[start:len(buf):len(buf)] // buf may move on; what was written stays
	}
	return rows, nil
}

// reserved makes room for all rows once it is known how long some of them are:
// a buffer of many megabytes that grows bit by bit is copied five times.
func reserved(buf []byte, done, rows int) []byte {
	const some = 1000
	if done != some {
		return buf
	}
	return slices.Grow(buf, len(buf)/some*(rows-some)*9/8)
}

// keyValue reads a join key, whose declared type has to be that of the column;
// a view that declares none takes the column's. A null is the zero Value, which
// Append refuses by name.
func keyValue(t asof.ValueType, a arrow.Array, i int) (entitykey.Value, error) {
	if a.IsNull(i) {
		return entitykey.Value{}, nil
	}
	var v entitykey.Value
	switch a := a.(type) {
	case *array.String:
		v = entitykey.String(a.Value(i))
	case *array.Int64:
		v = entitykey.Int64(a.Value(i))
	case *array.Int32:
		v = entitykey.Int32(a.Value(i))
	case *array.Binary:
		v = entitykey.Bytes(a.Value(i))
	case *array.Timestamp:
		v = entitykey.UnixTimestamp(floorDiv(int64(a.Value(i)), 1e6))
	}
	if v.Type() == asof.TypeInvalid || t != asof.TypeInvalid && t != v.Type() {
		return v, asof.Errorf(asof.CodeInvalid, "a %s in Arrow's %s cannot be a join key; declare it as String, Bytes, Int32, Int64 or UnixTimestamp", asof.Scalar(t), a.DataType())
	}
	return v, nil
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func (e *Encoder) times(batch arrow.RecordBatch, rows []Row) error {
	event, err := e.timeColumn(batch, asof.EventTimestamp)
	if err != nil {
		return err
	}
	created, err := e.timeColumn(batch, asof.CreatedTimestamp)
	if err != nil {
		return err
	}
	for i := range rows {
		if event.IsNull(i) {
			return asof.Errorf(asof.CodeInvalid, "view %q, row %d: the event timestamp is NULL", e.view.Name, i+1)
		}
		rows[i].Event, rows[i].Created = int64(event.Value(i)), NoCreated
		if created.IsValid(i) {
			rows[i].Created = int64(created.Value(i))
		}
	}
	return nil
}

// pack writes the values of all rows one after the other into one buffer.
func (e *Encoder) pack(batch arrow.RecordBatch, rows []Row) error {
	columns := make([]arrow.Array, len(e.numbers))
	for i, f := range e.view.Features {
		var err error
		if columns[i], err = e.column(batch, f.Name); err != nil {
			return err
		}
	}
	var buf, cell []byte
	for i := range rows {
		buf = reserved(buf, i, len(rows))
		start := len(buf)
		for c, column := range columns {
			f := &e.view.Features[c]
			var err error
			if cell, err = Append(cell[:0], f.Type, column, i); err != nil {
				return asof.Errorf(asof.ErrorCode(err), "view %q, feature %q, row %d: %w", e.view.Name, f.Name, i+1, err)
			}
			buf = appendColumn(buf, e.numbers[c], cell)
		}
		rows[i].Packed = buf[start:len(buf):len(buf)]
	}
	return nil
}

func (e *Encoder) column(batch arrow.RecordBatch, name string) (arrow.Array, error) {
	at := batch.Schema().FieldIndices(name)
	if len(at) != 1 {
		return nil, asof.Errorf(asof.CodeInternal, "rows for view %q have %d columns %q instead of one", e.view.Name, len(at), name)
	}
	return batch.Column(at[0]), nil
}

func (e *Encoder) timeColumn(batch arrow.RecordBatch, name string) (*array.Timestamp, error) {
	column, err := e.column(batch, name)
	if err != nil {
		return nil, err
	}
	times, ok := column.(*array.Timestamp)
	if !ok || times.DataType().(*arrow.TimestampType).Unit != arrow.Microsecond {
		return nil, asof.Errorf(asof.CodeInternal, "rows for view %q: %s is %s instead of a timestamp in microseconds", e.view.Name, name, column.DataType())
	}
	return times, nil
}
