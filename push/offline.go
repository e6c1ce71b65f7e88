package push

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
)

// history is a source that keeps the history of pushed rows, and what is to be
// added to it.
type history struct {
	source *asof.DataSource
	keys   map[string]bool // the source's columns of join keys
	store  asof.Appender
	rows   arrow.RecordBatch
}

// histories checks the rows for every source that they go to, each once.
func (t *Target) histories(ctx context.Context, r *rows, now time.Time) ([]*history, error) {
	if t.to == Online || r.n == 0 {
		return nil, nil
	}
	if t.pusher.Offline == nil {
		return nil, asof.Errorf(asof.CodeInvalid, "there is no offline store to push to: push to %q", Online)
	}
	store, err := t.pusher.Offline(ctx)
	if err != nil {
		return nil, unavailable(err)
	}
	appender, ok := store.(asof.Appender)
	if !ok {
		return nil, asof.Errorf(asof.CodeInvalid, "this offline store takes no rows: push to %q", Online)
	}
	var all []*history
	seen := map[string]bool{}
	for _, v := range t.fed {
		q, err := v.Query()
		if err == nil && !seen[q.Source.Name] {
			seen[q.Source.Name] = true
			h := &history{source: q.Source, store: appender, keys: map[string]bool{}}
			for _, k := range q.Keys {
				h.keys[k.Column] = true
			}
			if h.rows, err = h.arrange(ctx, store, r, now); err == nil {
				all = append(all, h)
			}
		}
		if err != nil {
			releaseHistories(all)
			return nil, err
		}
	}
	return all, nil
}

func releaseHistories(all []*history) {
	for _, h := range all {
		h.rows.Release()
	}
}

// arrange gives the rows the columns of the source, which have to be there and
// no other.
func (h *history) arrange(ctx context.Context, store asof.Sources, r *rows, now time.Time) (arrow.RecordBatch, error) {
	columns, err := store.Columns(ctx, h.source)
	if err != nil {
		return nil, err
	}
	b := &builder{rows: r}
	defer b.release()
	used := map[string]bool{}
	var names []string
	for _, column := range columns {
		names = append(names, column.Name)
		if c := h.column(b, column, now); c != nil {
			used[c.Name] = true
		}
		if b.err != nil {
			return nil, b.err
		}
	}
	for _, name := range r.names {
		if !used[name] {
			return nil, asof.Errorf(asof.CodeInvalid, "source %q has no column %q: its columns are %s", h.source.Name, name, strings.Join(names, ", "))
		}
	}
	return array.NewRecordBatch(arrow.NewSchema(b.fields, nil), b.columns, int64(r.n)), nil
}

// column adds a column of the source, and returns which of the rows it was.
func (h *history) column(b *builder, column asof.SourceColumn, now time.Time) *Column {
	role := fmt.Sprintf("column %q of source %q", column.Name, h.source.Name)
	names := []string{column.Name, h.source.FieldMapping[column.Name]}
	switch column.Name {
	case h.source.TimestampField:
		c := b.find(role, append(names, asof.EventTimestamp)...)
		if b.err == nil {
			times, err := c.present(role)
			if err == nil {
				err = c.days(times, column, role)
			}
			b.add(column.Name, times, err)
		}
		return c
	case h.source.CreatedField:
		c := b.rows.find(append(names, clientCreated)...)
		times, err := c.createdOr(now, b.rows.n, role)
		b.add(column.Name, times, err)
		return c
	}
	c := b.find(role, names...)
	if b.err == nil {
		values, err := c.written(column.Type, role)
		if err == nil && h.keys[column.Name] && values.NullN() > 0 {
			err = asof.Errorf(asof.CodeInvalid, "row %d, column %q: null is no value of %s, a join key", firstNull(values)+1, c.Name, role)
			values.Release()
		}
		b.add(column.Name, values, err)
	}
	return c
}

// days refuses a time of day for a source that keeps days.
func (c *Column) days(times arrow.Array, column asof.SourceColumn, role string) error {
	if !strings.EqualFold(column.Native, "date") {
		return nil
	}
	for row, at := range times.(*array.Timestamp).Values() {
		if at%(24*60*60*1e6) != 0 {
			times.Release()
			return asof.Errorf(asof.CodeInvalid, "row %d, column %q: %s is no day, which %s keeps", row+1, c.Name, c.text(row), role)
		}
	}
	return nil
}

// written checks that values fit type t, and returns them as they were written:
// a source may hold numbers more exactly than its type says.
func (c *Column) written(t asof.Type, role string) (arrow.Array, error) {
	if t.Value == asof.TypeInvalid {
		t = asof.Scalar(asof.TypeString)
	}
	values, err := c.cast(t, role)
	if err != nil {
		return nil, err
	}
	switch t.Value {
	case asof.TypeBytes, asof.TypeUnixTimestamp:
		return values, nil
	}
	values.Release()
	if c.Values != nil {
		c.Values.Retain()
		return c.Values, nil
	}
	return c.fromJSON(t, role)
}

// append adds the rows to the source.
func (h *history) append(ctx context.Context) error {
	reader, err := array.NewRecordReader(h.rows.Schema(), []arrow.RecordBatch{h.rows})
	if err != nil {
		return err
	}
	defer reader.Release()
	_, err = h.store.Append(ctx, h.source, reader)
	return unavailable(err)
}

// createdOr returns when rows were created: at, for those that do not say it. A
// nil column says nothing.
func (c *Column) createdOr(at time.Time, n int, role string) (arrow.Array, error) {
	if c == nil {
		return constant(at, n), nil
	}
	times, err := c.instants(role)
	if err != nil || times.NullN() == 0 {
		return times, err
	}
	defer times.Release()
	return filled(times.(*array.Timestamp), at), nil
}

// present returns times of which none is null.
func (c *Column) present(role string) (arrow.Array, error) {
	times, err := c.instants(role)
	if err != nil || times.NullN() == 0 {
		return times, err
	}
	defer times.Release()
	return nil, asof.Errorf(asof.CodeInvalid, "row %d, column %q: null is no time for %s", firstNull(times)+1, c.Name, role)
}

func firstNull(values arrow.Array) int {
	row := 0
	for values.IsValid(row) {
		row++
	}
	return row
}

// constant returns n times the same instant.
func constant(at time.Time, n int) arrow.Array {
	b := newTimes()
	defer b.Release()
	b.Reserve(n)
	for range n {
		b.UnsafeAppend(arrow.Timestamp(at.UnixMicro()))
	}
	return b.NewArray()
}

// filled returns the times with an instant in the place of nulls.
func filled(times *array.Timestamp, at time.Time) arrow.Array {
	b := newTimes()
	defer b.Release()
	b.Reserve(times.Len())
	for row := range times.Len() {
		if times.IsNull(row) {
			b.UnsafeAppend(arrow.Timestamp(at.UnixMicro()))
		} else {
			b.UnsafeAppend(times.Value(row))
		}
	}
	return b.NewArray()
}

func newTimes() *array.TimestampBuilder {
	return array.NewBuilder(memory.DefaultAllocator, asof.Timestamp).(*array.TimestampBuilder)
}
