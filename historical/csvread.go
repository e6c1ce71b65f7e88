package historical

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
)

// csvTable is a CSV file whose columns have types.
type csvTable struct {
	*input
	columns []csvColumn
	rows    int64
}

// csvColumn is a column of a csvTable.
type csvColumn struct {
	column
	time *arrow.TimestampType // nil: no times; the cells are cast to typ
	date bool                 // they are dates instead
	key  bool
}

// openCSV reads the file once to find out its types, and leaves it to the
// reader to read it again: so any number of rows takes the same memory.
func (r *Request) openCSV(ctx context.Context, c *choice) (*entityRows, error) {
	in := r.input()
	file, closer, err := in.openCSV()
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	if err := checkNames(in.path, file.header, c, r.Label); err != nil {
		return nil, err
	}
	table, err := in.scanCSV(ctx, file, c)
	if err != nil {
		return nil, err
	}
	columns := make([]column, len(table.columns))
	for i, col := range table.columns {
		columns[i] = col.column
	}
	e := &entityRows{count: table.rows}
	if err := e.check(in.path, columns, c, r.Label); err != nil {
		return nil, err
	}
	for i := range table.columns {
		if col := &table.columns[i]; col.name != e.timestamp {
			col.time = nil
		}
	}
	e.Schema = table.schema()
	e.Records = array.ReaderFromIter(e.Schema, table.batches(ctx))
	return e, nil
}

// scanCSV finds out the types of the columns: a join key's is the declared one,
// that of the event timestamp a time, the others' are guessed.
func (in *input) scanCSV(ctx context.Context, f *csvFile, c *choice) (*csvTable, error) {
	t := &csvTable{input: in}
	at := slices.Index(f.header, asof.EventTimestamp)
	guesses := make([]guess, len(f.header))
	for i := range guesses {
		guesses[i].notTime = at >= 0 // other columns of times stay text, as they came
	}
	for {
		more, err := f.next()
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
		for i, cell := range f.record {
			if i != at {
				guesses[i].add(cell)
			} else if cell != "" && !guesses[at].addTime(cell) {
				return nil, f.fault(f.line(), "%s is %q, not a time; write it as 2024-01-31, 2024-01-31 10:00:00 or 2024-01-31T10:00:00Z", asof.EventTimestamp, cell)
			}
		}
		if t.rows++; t.rows%batchRows == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			in.progress.Report("check entity rows", t.rows, 0)
		}
	}
	keys := c.keys()
	for i, name := range f.header {
		g := &guesses[i]
		col := csvColumn{column: column{name: name, typ: g.typ()}}
		if k := slices.IndexFunc(keys, func(k asof.KeyColumn) bool { return k.Entity == name }); k >= 0 {
			col.key = true
			if keys[k].Type.Value != asof.TypeInvalid {
				col.typ = keys[k].Type
			}
		} else if i == at || g.isTime() {
			col.isTime, col.time = true, g.timeType()
		}
		col.shown = col.typ.String()
		t.columns = append(t.columns, col)
	}
	return t, nil
}

func (t *csvTable) schema() *arrow.Schema {
	fields := make([]arrow.Field, len(t.columns))
	for i, c := range t.columns {
		fields[i] = arrow.Field{Name: c.name, Type: c.typ.Arrow(), Nullable: true}
		switch {
		case c.time != nil:
			fields[i].Type = c.time
		case c.date:
			fields[i].Type = arrow.FixedWidthTypes.Date32
		}
	}
	return arrow.NewSchema(fields, nil)
}

// batches reads the file again, as record batches.
func (t *csvTable) batches(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		file, closer, err := t.openCSV()
		if err != nil {
			yield(nil, err)
			return
		}
		defer closer.Close()
		schema := t.schema()
		for done := int64(0); ; {
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			batch, err := t.next(file, schema)
			if err != nil {
				yield(nil, err)
				return
			}
			if batch == nil {
				return
			}
			done += batch.NumRows()
			t.progress.Report("read entity rows", done, t.rows)
			if !yield(batch, nil) {
				return
			}
		}
	}
}

// next reads the next rows; nil is the end of the file.
func (t *csvTable) next(f *csvFile, schema *arrow.Schema) (arrow.RecordBatch, error) {
	cells := make([]*array.StringBuilder, len(t.columns))
	for i := range cells {
		cells[i] = array.NewStringBuilder(t.mem)
		defer cells[i].Release()
	}
	var lines []int
	for len(lines) < t.batch {
		more, err := f.next()
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
		if len(f.record) != len(cells) {
			return nil, f.fault(f.line(), "the file has changed while it was read")
		}
		lines = append(lines, f.line())
		for i, cell := range f.record {
			if cell == "" {
				cells[i].AppendNull()
			} else {
				cells[i].Append(cell)
			}
		}
	}
	if len(lines) == 0 {
		return nil, nil
	}
	columns := make([]arrow.Array, len(cells))
	defer func() {
		for _, c := range columns {
			if c != nil {
				c.Release()
			}
		}
	}()
	for i, c := range t.columns {
		text := cells[i].NewStringArray()
		values, err := c.values(text, t.mem)
		text.Release()
		if bad := (*asof.CastError)(nil); errors.As(err, &bad) {
			return nil, f.fault(lines[bad.Row], "%s is %s, which %s", c.name, bad.Value, c.misfit())
		}
		if err != nil {
			return nil, err
		}
		columns[i] = values
	}
	return array.NewRecordBatch(schema, columns, int64(len(lines))), nil
}

// misfit ends a sentence about a value that is not of the column's type.
func (c *csvColumn) misfit() string {
	switch {
	case c.time != nil:
		return "is not a time between 1677 and 2262, the limits of nanoseconds"
	case c.key:
		return "does not fit " + c.typ.String() + ", the declared type of the join key"
	}
	return "does not fit the rest of the column; the file has changed while it was read"
}

// values gives cells their type. A cell that does not fit is a *asof.CastError.
func (c *csvColumn) values(text *array.String, mem memory.Allocator) (arrow.Array, error) {
	switch {
	case c.date:
		return c.dates(text, mem)
	case c.time == nil:
		return asof.Cast(text, c.typ, mem)
	}
	b := array.NewTimestampBuilder(mem, c.time)
	defer b.Release()
	b.Reserve(text.Len())
	var last string
	var at arrow.Timestamp
	for i := range text.Len() {
		if text.IsNull(i) {
			b.AppendNull()
			continue
		}
		if cell := text.Value(i); cell != last { // rows that follow one another mostly share their time
			moment, ok := asof.ParseTime(cell)
			if !ok || c.time.Unit == arrow.Nanosecond && !fitsNanoseconds(moment) {
				return nil, &asof.CastError{Row: i, Value: cell, Type: c.typ}
			}
			last, at = cell, instant(moment, c.time.Unit)
		}
		b.Append(at)
	}
	return b.NewArray(), nil
}

func (c *csvColumn) dates(text *array.String, mem memory.Allocator) (arrow.Array, error) {
	b := array.NewDate32Builder(mem)
	defer b.Release()
	for i := range text.Len() {
		day, err := time.Parse(time.DateOnly, text.Value(i))
		switch {
		case text.IsNull(i):
			b.AppendNull()
		case err != nil:
			return nil, &asof.CastError{Row: i, Value: text.Value(i), Type: c.typ}
		default:
			b.Append(arrow.Date32FromTime(day))
		}
	}
	return b.NewArray(), nil
}

func instant(t time.Time, unit arrow.TimeUnit) arrow.Timestamp {
	if unit == arrow.Nanosecond {
		return arrow.Timestamp(t.UnixNano())
	}
	return arrow.Timestamp(t.UnixMicro())
}

func fitsNanoseconds(t time.Time) bool { return t.Year() > 1677 && t.Year() < 2262 }
