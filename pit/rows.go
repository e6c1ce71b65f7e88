package pit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
)

// Rows are entity rows held in memory. Only their Index goes to the engine:
// the other columns need not be sent, and come out exactly as they came in.
type Rows struct {
	Schema      *arrow.Schema
	Batches     []arrow.RecordBatch
	IndexSchema *arrow.Schema       // of EntityTable
	Index       []arrow.RecordBatch // its rows, a batch for each of Batches
	From, To    time.Time           // the oldest and the newest time; zero where there is none
}

// ReadRows reads entity rows to their end. A column that is missing, a time
// that is none, a key that does not fit its declared type are CodeInvalid.
func ReadRows(ctx context.Context, reader array.RecordReader, timestamp string, views []*View, mem memory.Allocator) (*Rows, error) {
	var names []string
	for _, f := range reader.Schema().Fields() {
		names = append(names, f.Name)
	}
	if err := CheckEntities(names, timestamp, views); err != nil {
		return nil, err
	}
	rows := &Rows{Schema: reader.Schema(), IndexSchema: indexSchema(reader.Schema(), Keys(views))}
	ix := indexer{rows: rows, keys: Keys(views), timestamp: timestamp, mem: mem}
	for reader.Next() {
		batch := reader.RecordBatch()
		batch.Retain()
		rows.Batches = append(rows.Batches, batch)
		err := ctx.Err()
		if err == nil {
			err = ix.add(batch)
		}
		if err != nil {
			rows.Release()
			return nil, err
		}
	}
	if err := reader.Err(); err != nil {
		rows.Release()
		return nil, err
	}
	if ix.seen {
		rows.From, rows.To = time.UnixMicro(ix.oldest).UTC(), time.UnixMicro(ix.newest).UTC()
	}
	return rows, nil
}

// Release gives the rows' memory back.
func (r *Rows) Release() {
	for _, b := range slices.Concat(r.Batches, r.Index) {
		b.Release()
	}
	r.Batches, r.Index = nil, nil
}

// CheckEntities reports the columns that the entity rows lack, CodeInvalid.
func CheckEntities(names []string, timestamp string, views []*View) error {
	if !slices.Contains(names, timestamp) {
		return asof.Errorf(asof.CodeInvalid, "the entity rows have no column %q, their time%s", timestamp, known(timestamp, names))
	}
	for _, v := range views {
		for _, k := range v.Keys {
			if !slices.Contains(names, k.Entity) {
				return asof.Errorf(asof.CodeInvalid, "the entity rows have no column %q, a join key of feature view %q%s",
					k.Entity, v.View, known(k.Entity, names))
			}
		}
	}
	return nil
}

// indexer makes the batches of an Index.
type indexer struct {
	rows           *Rows
	keys           []Key
	timestamp      string
	mem            memory.Allocator
	done           int64
	seen           bool
	oldest, newest int64
}

// typed returns the type of a key: the one declared, else what its column has.
func (k Key) typed(column arrow.DataType) asof.Type {
	if k.Type.Value == asof.TypeInvalid {
		return asof.TypeOf(column)
	}
	return k.Type
}

func indexSchema(rows *arrow.Schema, keys []Key) *arrow.Schema {
	fields := []arrow.Field{{Name: "nr", Type: arrow.PrimitiveTypes.Int64}, {Name: "at", Type: indexTime, Nullable: true}}
	for i, k := range keys {
		column := rows.Field(rows.FieldIndices(k.Name)[0]).Type
		fields = append(fields, arrow.Field{Name: numbered("k", i), Type: k.typed(column).Arrow(), Nullable: true})
	}
	return arrow.NewSchema(fields, nil)
}

var indexTime = &arrow.TimestampType{Unit: arrow.Microsecond}

func (ix *indexer) add(batch arrow.RecordBatch) error {
	number, at, err := ix.numbered(batch)
	if err != nil {
		return err
	}
	columns := []arrow.Array{number, at}
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
			return asof.Errorf(asof.CodeInvalid, "entity row %d: %s is %s, which does not fit %s, the declared type of the join key",
				ix.done+int64(bad.Row)+1, k.Name, bad.Value, to)
		}
		columns = append(columns, key)
	}
	ix.rows.Index = append(ix.rows.Index, array.NewRecordBatch(ix.rows.IndexSchema, columns, batch.NumRows()))
	ix.done += batch.NumRows()
	return nil
}

// numbered returns the rows' numbers and times.
func (ix *indexer) numbered(batch arrow.RecordBatch) (number, at arrow.Array, err error) {
	times := batch.Column(batch.Schema().FieldIndices(ix.timestamp)[0])
	micros, ok := asof.Instants(times, asof.RoundDown)
	if !ok && times.NullN() < times.Len() {
		return nil, nil, asof.Errorf(asof.CodeInvalid, "the entity rows' column %q is %s, not a timestamp or a date", ix.timestamp, times.DataType())
	}
	numbers := array.NewInt64Builder(ix.mem)
	defer numbers.Release()
	instants := array.NewTimestampBuilder(ix.mem, indexTime)
	defer instants.Release()
	for i := range times.Len() {
		numbers.Append(ix.done + int64(i))
		if times.IsNull(i) {
			instants.AppendNull()
			continue
		}
		us := micros(i)
		if !ix.seen || us < ix.oldest {
			ix.oldest = us
		}
		if !ix.seen || us > ix.newest {
			ix.newest = us
		}
		ix.seen = true
		instants.Append(arrow.Timestamp(us))
	}
	return numbers.NewArray(), instants.NewArray(), nil
}

// ReadWanted makes the table WantedTable from the keys that a query is limited
// to, in the order of the view's keys.
func ReadWanted(q *asof.Latest, mem memory.Allocator) (arrow.RecordBatch, error) {
	var columns []arrow.Array
	var fields []arrow.Field
	defer func() {
		for _, c := range columns {
			c.Release()
		}
	}()
	for i, k := range q.View.Keys {
		at := q.Keys.Schema().FieldIndices(k.Entity)
		if len(at) != 1 {
			return nil, asof.Errorf(asof.CodeInvalid, "the keys asked for have no column %q, a join key of feature view %q", k.Entity, q.View.View)
		}
		key, err := asof.Cast(q.Keys.Column(at[0]), k.Type, mem)
		if err != nil {
			return nil, asof.Errorf(asof.CodeInvalid, "the keys asked for: %s: %w", k.Entity, err)
		}
		columns = append(columns, key)
		fields = append(fields, arrow.Field{Name: numbered("k", i), Type: key.DataType(), Nullable: true})
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, q.Keys.NumRows()), nil
}

// keyText names a row by its keys, for messages: user_id=7, shop=Bern.
func keyText(batch arrow.RecordBatch, keys []int, row int) string {
	parts := make([]string, len(keys))
	for i, k := range keys {
		parts[i] = fmt.Sprintf("%s=%s", batch.ColumnName(k), batch.Column(k).ValueStr(row))
	}
	return strings.Join(parts, ", ")
}
