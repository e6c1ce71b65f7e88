package materialize

import (
	"bytes"
	"context"
	"hash/maphash"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/entitykey"
	"github.com/asof-dev/asof/value"
)

// keysPerRead is how many keys are read online at once.
const keysPerRead = 10_000

// exact makes what is online of a view exactly what its source says up to a
// time. It holds eight bytes for each key of the source.
type exact struct {
	*Materializer
	view    *asof.FeatureView
	query   asof.ViewQuery
	until   time.Time
	result  *Result
	unit    int64 // microseconds to which the store rounds event times down
	encoder *value.Encoder
	numbers []int32 // of the features in the rows that encoder makes
	keys    []asof.Field

	offline, online asof.Reading
	seed            maphash.Seed
	seen            []uint64 // hashes of the source's keys
}

func (m *Materializer) exactly(v *asof.FeatureView, q asof.ViewQuery, until time.Time, r *Result) (*exact, error) {
	schema, err := value.ParseSchema("") // one of this comparison alone
	if err != nil {
		return nil, err
	}
	schema.Evolve(v)
	e := &exact{Materializer: m, view: v, query: q, until: until, result: r, unit: asof.EventUnit(m.Online).Microseconds(),
		numbers: schema.FeatureNumbers(v.Features), keys: value.Keys(v), seed: maphash.MakeSeed()}
	e.offline = asof.Reading{View: v, Features: v.FeatureNames()}
	e.online = e.offline
	e.encoder, err = value.NewEncoder(v, asof.KeyVersion(m.Online), schema)
	return e, err
}

// rows gives the source's rows to the keys that hold others.
func (e *exact) rows(ctx context.Context) error {
	step := "put back " + e.view.Name
	e.Progress.Report(step, 0, 0)
	return e.batches(ctx, &asof.Latest{View: e.query, To: e.until, Sorted: true}, func(batch arrow.RecordBatch) error {
		rows, err := e.encoder.Encode(batch)
		if err != nil {
			return err
		}
		wanted := map[string]bool{}
		for part := range slices.Chunk(rows, keysPerRead) {
			if err := e.judge(ctx, part, wanted); err != nil {
				return err
			}
		}
		e.result.Read += int64(len(rows))
		e.Progress.Report(step, e.result.Read, 0)
		return e.set(ctx, batch, wanted)
	})
}

// judge finds the keys whose online row has to be set.
func (e *exact) judge(ctx context.Context, rows []value.Row, wanted map[string]bool) error {
	e.offline.Keys = e.offline.Keys[:0]
	for _, row := range rows {
		e.offline.Keys = append(e.offline.Keys, row.Key)
		e.seen = append(e.seen, maphash.Bytes(e.seed, row.Key))
	}
	e.offline.Reset()
	for i, row := range rows {
		if err := value.Unpack(&e.offline, e.numbers, i, row.Event, row.Packed); err != nil {
			return err
		}
	}
	if err := e.read(ctx, e.offline.Keys); err != nil {
		return err
	}
	for i, row := range rows {
		if e.online.Found[i] && e.online.Events[i] > e.until.UnixMicro() {
			continue // pushed, or of a run that came since
		}
		switch {
		case !e.holds(i, row.Event):
			e.result.Restored++
			wanted[string(row.Key)] = true
		case e.query.Created != "": // the store may keep the created time of another row
			wanted[string(row.Key)] = true
		}
	}
	return nil
}

// holds reports whether the store holds row i of the source, but for the time
// at which that was created.
func (e *exact) holds(i int, event int64) bool {
	if rest := event % e.unit; rest < 0 {
		event -= rest + e.unit
	} else {
		event -= rest
	}
	if !e.online.Found[i] || e.online.Events[i] != event {
		return false
	}
	for f := range e.offline.Features {
		if !value.Same(e.offline.Value(f, i), e.online.Value(f, i)) {
			return false
		}
	}
	return true
}

func (e *exact) read(ctx context.Context, keys [][]byte) error {
	e.online.Keys = keys
	return e.Online.Read(ctx, e.Project, []*asof.Reading{&e.online})
}

// set puts the batch's rows of the wanted keys online.
func (e *exact) set(ctx context.Context, batch arrow.RecordBatch, wanted map[string]bool) error {
	if len(wanted) == 0 {
		return nil
	}
	keys, err := e.encoder.RowKeys(batch)
	if err != nil {
		return err
	}
	var parts []arrow.RecordBatch
	defer func() { releaseAll(parts) }()
	for from := 0; from < len(keys); {
		to := from
		for to < len(keys) && wanted[string(keys[to])] == wanted[string(keys[from])] {
			to++
		}
		if wanted[string(keys[from])] {
			parts = append(parts, batch.NewSlice(int64(from), int64(to)))
		}
		from = to
	}
	rows, err := concat(parts)
	if err != nil {
		return err
	}
	defer rows.Release()
	e.result.Written += int64(len(wanted))
	e.result.Newest = later(e.result.Newest, newest(rows))
	return e.Online.Restore(ctx, e.Project, e.view, rows, nil)
}

// others removes the keys that the store has, and the source does not.
func (e *exact) others(ctx context.Context) error {
	store, ok := e.Online.(asof.KeyLister)
	if !ok {
		e.result.note("this online store does not list its keys: those that the source does not have any more stay online")
		return nil
	}
	slices.Sort(e.seen)
	var unknown [][]byte
	err := store.Keys(ctx, e.Project, e.view, func(keys [][]byte) error {
		for _, key := range keys {
			if _, known := slices.BinarySearch(e.seen, maphash.Bytes(e.seed, key)); !known {
				unknown = append(unknown, bytes.Clone(key))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(unknown, bytes.Compare)
	for part := range slices.Chunk(slices.CompactFunc(unknown, bytes.Equal), keysPerRead) {
		if err := e.remove(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

// remove removes the keys, but for those whose row is from after the end.
func (e *exact) remove(ctx context.Context, keys [][]byte) error {
	if err := e.read(ctx, keys); err != nil {
		return err
	}
	var gone [][]byte
	for i, key := range keys {
		if e.online.Found[i] && e.online.Events[i] <= e.until.UnixMicro() {
			gone = append(gone, key)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	batch, err := e.batchOf(gone)
	if err != nil {
		return err
	}
	defer batch.Release()
	e.result.Removed += int64(len(gone))
	return e.Online.Restore(ctx, e.Project, e.view, nil, batch)
}

// batchOf returns entity keys as columns of join keys.
func (e *exact) batchOf(keys [][]byte) (arrow.RecordBatch, error) {
	names, fields := make([]string, len(e.keys)), make([]arrow.Field, len(e.keys))
	for i, k := range e.keys {
		names[i], fields[i] = k.Name, arrow.Field{Name: k.Name, Type: k.Type.Arrow()}
	}
	decoder, err := entitykey.NewEncoder(asof.KeyVersion(e.Online), names...)
	if err != nil {
		return nil, err
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	defer b.Release()
	if len(fields) == 0 {
		return array.NewRecordBatch(arrow.NewSchema(nil, nil), nil, int64(len(keys))), nil
	}
	var values []entitykey.Value
	for _, key := range keys {
		if values, err = decoder.Decode(values[:0], key); err != nil {
			return nil, asof.Errorf(asof.CodeInternal, "a key that the online store has of view %q: %w", e.view.Name, err)
		}
		for i, v := range values {
			if err := appendKey(b.Field(i), v); err != nil {
				return nil, err
			}
		}
	}
	return b.NewRecordBatch(), nil
}

func appendKey(b array.Builder, v entitykey.Value) error {
	switch b := b.(type) {
	case *array.Int32Builder:
		b.Append(int32(v.Int()))
	case *array.Int64Builder:
		b.Append(v.Int())
	case *array.TimestampBuilder:
		b.AppendTime(time.Unix(v.Int(), 0))
	case *array.StringBuilder:
		b.Append(v.Text())
	case *array.BinaryBuilder:
		b.Append([]byte(v.Text()))
	default:
		return asof.Errorf(asof.CodeInternal, "a join key is of type %v, of which there are no keys", v.Type())
	}
	return nil
}
