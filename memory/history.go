package memory

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
)

// history is the rows of one view's source.
type history struct {
	view     *asof.ViewQuery
	rows     arrow.RecordBatch
	keys     []*string
	events   []*int64 // nil: none, or outside the span
	created  []*int64 // nil where the view has no created column
	features []arrow.Array
	order    []arrow.Array
}

func (o *Offline) history(v *asof.ViewQuery) (*history, error) {
	rows, err := o.source(v.Source)
	if err != nil {
		return nil, err
	}
	what := fmt.Sprintf("feature view %q: its source %q", v.View, v.Source.Name)
	h := &history{view: v, rows: rows}
	if h.keys, err = keysOf(rows, what, v.Keys, func(k asof.KeyColumn) string { return k.Column }, o.mem); err != nil {
		return nil, err
	}
	if h.events, err = instants(rows, what, v.Timestamp); err != nil {
		return nil, err
	}
	if v.Created != "" {
		if h.created, err = instants(rows, what, v.Created); err != nil {
			return nil, err
		}
	}
	for _, f := range v.Features {
		c, err := column(rows, what, f.Column)
		if err != nil {
			return nil, err
		}
		h.features = append(h.features, c)
	}
	h.order = h.features
	if len(v.Order) > 0 {
		h.order = nil
	}
	for _, name := range v.Order {
		if at := rows.Schema().FieldIndices(name); len(at) > 0 {
			h.order = append(h.order, rows.Column(at[0]))
		}
	}
	return h, nil
}

func instants(rows arrow.RecordBatch, what, name string) ([]*int64, error) {
	c, err := column(rows, what, name)
	if err != nil {
		return nil, err
	}
	at, ok := asof.Instants(c, asof.RoundUp)
	if !ok {
		return nil, asof.Errorf(asof.CodeInvalid, "%s: column %q is %s, not a timestamp or a date", what, name, c.DataType())
	}
	out := make([]*int64, c.Len())
	for i := range out {
		if c.IsValid(i) {
			out[i] = new(at(i))
		}
	}
	return out, nil
}

// span leaves out the rows outside a span, both ends included.
func (h *history) span(from, to time.Time) {
	for i, e := range h.events {
		if e != nil && (!from.IsZero() && *e < from.UnixMicro() || *e > to.UnixMicro()) {
			h.events[i] = nil
		}
	}
}

// since leaves out the rows that were created before.
func (h *history) since(t time.Time) {
	for i := range h.events {
		if !t.IsZero() && (h.created[i] == nil || *h.created[i] < t.UnixMicro()) {
			h.events[i] = nil
		}
	}
}

// newest returns the row that counts for a key at a time, -1 for none.
func (h *history) newest(key string, at int64, cutoff bool) int {
	best := -1
	for i := range h.keys {
		switch {
		case h.keys[i] == nil || *h.keys[i] != key || h.events[i] == nil || *h.events[i] > at:
		case h.view.TTL > 0 && *h.events[i] < at-h.view.TTL.Microseconds():
		case cutoff && h.created != nil && (h.created[i] == nil || *h.created[i] > at):
		case best < 0 || h.compare(i, best) > 0:
			best = i
		}
	}
	return best
}

// compare orders rows of one key: the greater counts.
func (h *history) compare(i, j int) int {
	if c := cmp.Compare(*h.events[i], *h.events[j]); c != 0 {
		return c
	}
	if h.created != nil {
		if c := nullsLowest(h.created[i] == nil, h.created[j] == nil, func() int { return cmp.Compare(*h.created[i], *h.created[j]) }); c != 0 {
			return c
		}
	}
	for _, column := range h.order {
		if c := nullsLowest(column.IsNull(i), column.IsNull(j), func() int { return compare(column, i, j) }); c != 0 {
			return c
		}
	}
	return 0
}

func nullsLowest(a, b bool, compare func() int) int {
	switch {
	case a && b:
		return 0
	case a:
		return -1
	case b:
		return 1
	}
	return compare()
}

// compare orders two values of a column: numbers by value, NaN greatest, text
// and bytes by their bytes, False before True; lists element by element, structs
// field by field and maps entry by entry, where a NULL is the greatest and what
// another goes on from is less than that.
func compare(column arrow.Array, i, j int) int {
	switch c := column.(type) {
	case *array.Int64:
		return cmp.Compare(c.Value(i), c.Value(j))
	case *array.Int32:
		return cmp.Compare(c.Value(i), c.Value(j))
	case *array.Float64:
		return compareFloats(c.Value(i), c.Value(j))
	case *array.Float32:
		return compareFloats(float64(c.Value(i)), float64(c.Value(j)))
	case *array.Decimal128:
		return decimal128.Num.Cmp(c.Value(i), c.Value(j))
	case *array.Timestamp:
		return cmp.Compare(c.Value(i), c.Value(j))
	case *array.Date32:
		return cmp.Compare(c.Value(i), c.Value(j))
	case *array.String:
		return strings.Compare(c.Value(i), c.Value(j))
	case *array.Binary:
		return bytes.Compare(c.Value(i), c.Value(j))
	case *array.Boolean:
		return cmp.Compare(bit(c.Value(i)), bit(c.Value(j)))
	case *array.Struct:
		for f := range c.NumField() {
			if d := nullsHighest(c.Field(f), i, j); d != 0 {
				return d
			}
		}
		return 0
	case array.ListLike:
		from, to := c.ValueOffsets(i)
		other, end := c.ValueOffsets(j)
		for ; from < to && other < end; from, other = from+1, other+1 {
			if d := nullsHighest(c.ListValues(), int(from), int(other)); d != 0 {
				return d
			}
		}
		return cmp.Compare(to-from, end-other)
	}
	return strings.Compare(column.ValueStr(i), column.ValueStr(j))
}

// nullsHighest orders two values inside of others.
func nullsHighest(column arrow.Array, i, j int) int {
	if column.IsNull(i) || column.IsNull(j) {
		return cmp.Compare(bit(column.IsNull(i)), bit(column.IsNull(j)))
	}
	return compare(column, i, j)
}

func compareFloats(a, b float64) int {
	if math.IsNaN(a) || math.IsNaN(b) {
		return cmp.Compare(bit(math.IsNaN(a)), bit(math.IsNaN(b)))
	}
	return cmp.Compare(a, b)
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// take returns the features of rows in their declared types, NULL for row -1.
func (h *history) take(rows []int, mem memory.Allocator) ([]arrow.Array, error) {
	var out []arrow.Array
	for i, f := range h.view.Features {
		c, err := h.cast(h.features[i], f.Column, f.Type, rows, mem)
		if err != nil {
			release(out)
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// cast gives the values of rows a type.
func (h *history) cast(c arrow.Array, name string, t asof.Type, rows []int, mem memory.Allocator) (arrow.Array, error) {
	var parts []arrow.Array
	defer func() { release(parts) }()
	for _, r := range rows {
		if r < 0 {
			parts = append(parts, array.MakeArrayOfNull(mem, c.DataType(), 1))
		} else {
			parts = append(parts, array.NewSlice(c, int64(r), int64(r)+1))
		}
	}
	native, err := joined(c.DataType(), parts, mem)
	if err != nil {
		return nil, err
	}
	defer native.Release()
	values, err := asof.Cast(native, t, mem)
	var bad *asof.CastError
	if errors.As(err, &bad) {
		var key []string
		for _, k := range h.view.Keys {
			c, _ := column(h.rows, "", k.Column)
			key = append(key, k.Entity+"="+c.ValueStr(rows[bad.Row]))
		}
		return nil, asof.Errorf(asof.CodeInvalid, "feature view %q: column %q holds %s where %s, which does not fit its declared type %s",
			h.view.View, name, bad.Value, strings.Join(key, ", "), t)
	}
	return values, err
}

// latest returns rows as asof.Latest describes them.
func (h *history) latest(rows []int, mem memory.Allocator) (array.RecordReader, error) {
	var fields []arrow.Field
	var columns []arrow.Array
	defer func() { release(columns) }()
	add := func(output, name string, t asof.Type) error {
		fields = append(fields, arrow.Field{Name: output, Type: t.Arrow(), Nullable: true})
		c, err := column(h.rows, "", name)
		if err != nil {
			return err
		}
		values, err := h.cast(c, name, t, rows, mem)
		if err == nil {
			columns = append(columns, values)
		}
		return err
	}
	var err error
	for _, k := range h.view.Keys {
		err = errors.Join(err, add(k.Entity, k.Column, k.Type))
	}
	for i, times := range [][]*int64{h.events, h.created} {
		fields = append(fields, arrow.Field{Name: []string{asof.EventTimestamp, asof.CreatedTimestamp}[i], Type: asof.Timestamp, Nullable: true})
		columns = append(columns, timesOf(times, rows, mem))
	}
	for _, f := range h.view.Features {
		err = errors.Join(err, add(f.Output, f.Column, f.Type))
	}
	if err != nil {
		return nil, err
	}
	return reader(fields, columns, int64(len(rows)))
}

// timesOf returns the times of rows; a view without a created column has none.
func timesOf(times []*int64, rows []int, mem memory.Allocator) arrow.Array {
	b := array.NewTimestampBuilder(mem, asof.Timestamp.(*arrow.TimestampType))
	defer b.Release()
	for _, r := range rows {
		if times == nil || times[r] == nil {
			b.AppendNull()
		} else {
			b.Append(arrow.Timestamp(*times[r]))
		}
	}
	return b.NewArray()
}
