package tablefile

import (
	"bytes"
	"slices"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// column appends cells to a column of a batch.
type column struct {
	builder array.Builder
	text    *array.StringBuilder // nil where the column holds something else
	parse   func(value []byte) string
	nulls   []string // texts that are null
}

// newColumns returns what appends to the fields of a batch, in their order.
func newColumns(b *array.RecordBuilder, d Dialect) []column {
	columns := make([]column, len(b.Fields()))
	for i, field := range b.Fields() {
		columns[i] = column{builder: field, parse: parseInto(field), nulls: d.Nulls}
		columns[i].text, _ = field.(*array.StringBuilder)
		columns[i].speak(d)
	}
	return columns
}

// speak has the column read values as a dialect writes them.
func (c *column) speak(d Dialect) {
	plain := c.parse
	switch b := c.builder.(type) {
	case *array.Int64Builder, *array.Int32Builder, *array.Float64Builder, *array.Float32Builder, *array.Decimal128Builder:
		if d.plainNumbers() {
			return
		}
		var buf []byte
		c.parse = func(value []byte) (wrong string) {
			var ok bool
			if buf, ok = d.number(buf, value); !ok || len(buf) == 0 {
				return notANumber
			}
			return plain(buf)
		}
	case *array.Date32Builder:
		if d.Dates != "" {
			c.parse = func(value []byte) string {
				t, err := time.Parse(d.Dates, string(value))
				if err != nil {
					return "has to be a date like " + time.Date(2024, 1, 31, 0, 0, 0, 0, time.UTC).Format(d.Dates)
				}
				b.Append(arrow.Date32(floorDays(t.Unix())))
				return ""
			}
		}
	case *array.TimestampBuilder:
		if d.Times != "" {
			c.parse = func(value []byte) string {
				t, err := time.Parse(d.Times, string(value))
				if err != nil {
					return "has to be a time like " + time.Date(2024, 1, 31, 23, 59, 58, 0, time.UTC).Format(d.Times)
				}
				b.Append(arrow.Timestamp(t.UnixMicro()))
				return ""
			}
		}
	}
}

// append appends the value that a cell spells, and returns what the text had
// to be where it spells none; "" is right. An empty cell, or one of the words
// for it, is null, but for a quoted one in a text column, which is that text.
func (c *column) append(f field) string {
	if (c.text == nil || !f.quoted) && (len(f.value) == 0 || len(c.nulls) > 0 && slices.Contains(c.nulls, string(f.value))) {
		c.builder.AppendNull()
		return ""
	}
	if c.text != nil {
		c.text.BinaryBuilder.Append(f.value)
		return ""
	}
	wrong := c.parse(f.value)
	if wrong != "" {
		c.builder.AppendNull()
	}
	return wrong
}

// parseInto returns what appends a value of the builder's type, or returns what
// the text has to be.
func parseInto(b array.Builder) func(value []byte) string {
	switch b := b.(type) {
	case *array.Int64Builder:
		return func(value []byte) string {
			v, ok := parseWhole(value, 64)
			if !ok {
				return "has to be a whole number of 64 bits"
			}
			b.Append(v)
			return ""
		}
	case *array.Int32Builder:
		return func(value []byte) string {
			v, ok := parseWhole(value, 32)
			if !ok {
				return "has to be a whole number between -2147483648 and 2147483647"
			}
			b.Append(int32(v))
			return ""
		}
	case *array.BooleanBuilder:
		return func(value []byte) string {
			switch string(value) {
			case "True", "true", "t", "1":
				b.Append(true)
			case "False", "false", "f", "0":
				b.Append(false)
			default:
				return "has to be True or False (or true, false, t, f, 1, 0)"
			}
			return ""
		}
	case *array.Float64Builder:
		return func(value []byte) string {
			v, wrong := parseFloat(value, 64)
			if wrong == "" {
				b.Append(v)
			}
			return wrong
		}
	case *array.Float32Builder:
		return func(value []byte) string {
			v, wrong := parseFloat(value, 32)
			if wrong == "" {
				b.Append(float32(v))
			}
			return wrong
		}
	case *array.Date32Builder:
		return func(value []byte) string {
			days, ok := parseDate(value)
			if !ok || len(value) != dateLength {
				return "has to be a date like 2024-01-31"
			}
			b.Append(arrow.Date32(days))
			return ""
		}
	case *array.TimestampBuilder:
		return func(value []byte) string {
			v, ok := parseInstant(value)
			if !ok {
				return "has to be a time like 2024-01-31 23:59:59+00:00; without a zone it is UTC"
			}
			b.Append(arrow.Timestamp(v))
			return ""
		}
	case *array.Decimal128Builder:
		typ := b.Type().(*arrow.Decimal128Type)
		return func(value []byte) string {
			v, wrong := parseDecimal(value, typ)
			if wrong == "" {
				b.Append(v)
			}
			return wrong
		}
	}
	return nil // a text
}

// shown is a cell in a message: in quotes, and cut where it is long.
func shown(value []byte) string {
	const most = 60
	if text := []rune(string(bytes.ToValidUTF8(value, []byte("?")))); len(text) > most {
		return strconv.Quote(string(text[:most])) + "…"
	}
	return strconv.Quote(string(value))
}
