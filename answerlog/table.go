package answerlog

import (
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/uuid"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/serving"
	"github.com/asof-dev/asof/value"
)

// table is rows of a layout that wait to be written: values as the store held
// them, column by column.
type table struct {
	*layout
	columns  []cells // by layout.columns
	times    []int64 // by row: microseconds since 1970
	requests []string
}

// cells are the values of a column, and of a feature how they were answered.
type cells struct {
	buf      []byte
	ends     []int
	events   []int64 // microseconds since 1970
	statuses []asof.Status
}

// notAsked is the status of a feature that a request did not ask for.
const notAsked asof.Status = 255

// What a row and each of its values take beside the value itself.
const rowSize, cellSize = 24, 17

func newTable(l *layout) *table { return &table{layout: l, columns: make([]cells, len(l.columns))} }

// add copies the rows of an answer, and returns about how many bytes these are.
func (t *table) add(a *serving.Answer, p part) int {
	id, size := uuid.NewString(), a.Rows()*(rowSize+cellSize*len(t.columns))
	for i := range t.columns {
		c, from := &t.columns[i], p.from[i]
		before := len(c.buf)
		switch {
		case from.feature >= 0:
			c.addFeature(a, a.Keys()+from.feature)
		case t.layout.columns[i].feature:
			c.addNothing(a.Rows())
		default:
			c.addNamed(a, from.name, t.layout.columns[i].typ)
		}
		size += len(c.buf) - before
	}
	for range a.Rows() {
		t.times = append(t.times, a.Time().UnixMicro())
		t.requests = append(t.requests, id)
	}
	return size
}

func (c *cells) put(message []byte) {
	c.buf = append(c.buf, message...)
	c.ends = append(c.ends, len(c.buf))
}

func (c *cells) addFeature(a *serving.Answer, column int) {
	for row := range a.Rows() {
		c.put(a.Value(column, row))
		c.events = append(c.events, a.Event(column, row))
		c.statuses = append(c.statuses, a.Status(column, row))
	}
}

func (c *cells) addNothing(rows int) {
	for range rows {
		c.put(nil)
		c.events = append(c.events, 0)
		c.statuses = append(c.statuses, notAsked)
	}
}

// addNamed adds a join key or what the request sent; nulls where it has neither.
func (c *cells) addNamed(a *serving.Answer, name string, t asof.Type) {
	for i := range a.Keys() {
		if a.Name(i) == name {
			for row := range a.Rows() {
				c.put(a.Value(i, row))
			}
			return
		}
	}
	sent := a.Sent(name)
	for row := range a.Rows() {
		if sent != nil {
			if buf, err := value.Append(c.buf, t, sent, row); err == nil {
				c.buf = buf
			}
		}
		c.ends = append(c.ends, len(c.buf))
	}
}

// record makes Arrow columns of the rows.
func (t *table) record() (arrow.RecordBatch, error) {
	mem, n := memory.DefaultAllocator, len(t.times)
	var columns []arrow.Array
	defer func() {
		for _, c := range columns {
			c.Release()
		}
	}()
	for i := range t.columns {
		c := &t.columns[i]
		decoded, err := value.Decode(t.layout.columns[i].typ, n, c.message, mem)
		if err != nil {
			return nil, asof.Errorf(asof.CodeInvalid, "column %q: %w", t.layout.columns[i].name, err)
		}
		columns = append(columns, seconds(decoded))
		decoded.Release()
		if t.layout.columns[i].feature {
			columns = append(columns, c.answered(arrow.FixedWidthTypes.Timestamp_s, func(b array.Builder, i int) {
				b.(*array.TimestampBuilder).Append(arrow.Timestamp(time.UnixMicro(c.events[i]).Unix()))
			}), c.answered(arrow.PrimitiveTypes.Int32, func(b array.Builder, i int) { b.(*array.Int32Builder).Append(int32(c.statuses[i])) }))
		}
	}
	times, days, ids := array.NewTimestampBuilder(mem, asof.Timestamp.(*arrow.TimestampType)), array.NewDate32Builder(mem), array.NewStringBuilder(mem)
	for i, us := range t.times {
		times.Append(arrow.Timestamp(us))
		days.Append(arrow.Date32FromTime(time.UnixMicro(us).UTC()))
		ids.Append(t.requests[i])
	}
	columns = append(columns, times.NewArray(), days.NewArray(), ids.NewArray())
	return array.NewRecordBatch(t.schema, columns, int64(n)), nil
}

func (c *cells) message(i int) []byte {
	start := 0
	if i > 0 {
		start = c.ends[i-1]
	}
	return c.buf[start:c.ends[i]]
}

// answered makes a column of what is said of a feature's values, null where it
// was not asked for.
func (c *cells) answered(t arrow.DataType, put func(array.Builder, int)) arrow.Array {
	b := array.NewBuilder(memory.DefaultAllocator, t)
	defer b.Release()
	for i, status := range c.statuses {
		if status == notAsked {
			b.AppendNull()
			continue
		}
		put(b, i)
	}
	return b.NewArray()
}

// feastTime is how Feast logs values that are times: whole seconds.
var feastTime = &arrow.TimestampType{Unit: arrow.Second}

// inSeconds returns the type with Feast's times in the place of ours.
func inSeconds(t arrow.DataType) arrow.DataType {
	switch t := t.(type) {
	case *arrow.TimestampType:
		return feastTime
	case *arrow.ListType:
		return arrow.ListOf(inSeconds(t.Elem()))
	}
	return t
}

// seconds returns a column of the type inSeconds, itself where it is of that.
func seconds(a arrow.Array) arrow.Array {
	switch a := a.(type) {
	case *array.Timestamp:
		b := array.NewTimestampBuilder(memory.DefaultAllocator, feastTime)
		defer b.Release()
		for i := range a.Len() {
			if a.IsNull(i) {
				b.AppendNull()
				continue
			}
			b.Append(arrow.Timestamp(time.UnixMicro(int64(a.Value(i))).Unix()))
		}
		return b.NewArray()
	case *array.List:
		elements := seconds(a.ListValues())
		defer elements.Release()
		data := array.NewData(arrow.ListOf(elements.DataType()), a.Len(), a.Data().Buffers(), []arrow.ArrayData{elements.Data()}, a.NullN(), a.Data().Offset())
		defer data.Release()
		return array.NewListData(data)
	}
	a.Retain()
	return a
}
