package historical

import (
	"bytes"
	"encoding/base64"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
)

// cell appends what stands in a row of a column that is not NULL there.
//
//   - Numbers in the shortest form that reads back as the same number of that
//     width, those that are not whole by type always with a point or an
//     exponent; NaN is an empty cell. True, False.
//   - Times without a zone in the precision of the column: seconds, or as many
//     of 3, 6 or 9 digits as its finest value needs; times with a zone in UTC,
//     with +00:00 and each with the digits that it needs. Dates, and columns of
//     times that are all midnight UTC: 2024-01-31.
//   - Text as it is; bytes in base64; lists, maps and structs as JSON.
type cell func(dst []byte, row int) []byte

// forms says how the columns are written; of times, after all were seen.
type forms []*form

// form is how one column is written.
type form struct {
	times    bool
	zoned    bool
	midnight bool // all that were seen so far are
	digits   int  // that the finest seen so far needs, after the point
	finest   int  // that a value can need
}

func newForms(s *arrow.Schema) forms {
	list := make(forms, s.NumFields())
	for i, field := range s.Fields() {
		list[i] = &form{}
		if t, ok := field.Type.(*arrow.TimestampType); ok {
			list[i] = &form{times: true, zoned: t.TimeZone != "", midnight: true, finest: 3 * int(t.Unit)}
		}
	}
	return list
}

// see looks at the times of a batch.
func (fs forms) see(batch arrow.RecordBatch) {
	for i, f := range fs {
		if f.known() {
			continue
		}
		times := batch.Column(i).(*array.Timestamp)
		unit := int64(times.DataType().(*arrow.TimestampType).Unit.Multiplier())
		second := int64(time.Second) / unit
		for row, v := range times.TimestampValues() {
			if times.IsNull(row) {
				continue
			}
			f.midnight = f.midnight && int64(v)%(86_400*second) == 0
			for rest := int64(v) % second * unit; f.digits < f.finest && rest%digitUnit[f.digits] != 0; {
				f.digits += 3
			}
		}
	}
}

// digitUnit is what a number of digits after the point counts, in nanoseconds.
var digitUnit = map[int]int64{0: 1e9, 3: 1e6, 6: 1e3, 9: 1}

// known reports whether no later value can change the form.
func (f *form) known() bool {
	return !f.times || !f.midnight && (f.zoned || f.digits == f.finest)
}

func (fs forms) known() bool {
	for _, f := range fs {
		if !f.known() {
			return false
		}
	}
	return true
}

// cells returns how to write the rows of a column.
func (f *form) cells(column arrow.Array) (cell, error) {
	switch c := column.(type) {
	case *array.Timestamp:
		return f.timeCells(c), nil
	case *array.Boolean:
		return func(dst []byte, i int) []byte {
			if c.Value(i) {
				return append(dst, "True"...)
			}
			return append(dst, "False"...)
		}, nil
	case *array.Int64:
		return func(dst []byte, i int) []byte { return strconv.AppendInt(dst, c.Value(i), 10) }, nil
	case *array.Int32:
		return func(dst []byte, i int) []byte { return strconv.AppendInt(dst, int64(c.Value(i)), 10) }, nil
	case *array.Float64:
		return func(dst []byte, i int) []byte { return appendFloat(dst, c.Value(i), 64) }, nil
	case *array.Float32:
		return func(dst []byte, i int) []byte { return appendFloat(dst, float64(c.Value(i)), 32) }, nil
	case array.StringLike:
		return func(dst []byte, i int) []byte { return appendCell(dst, c.Value(i)) }, nil
	case binary:
		return func(dst []byte, i int) []byte { return base64.StdEncoding.AppendEncode(dst, c.Value(i)) }, nil
	case array.ListLike, *array.Struct:
		return jsonCells(column)
	}
	return func(dst []byte, i int) []byte { return appendCell(dst, column.ValueStr(i)) }, nil
}

// binary is a column of bytes, whatever its layout.
type binary interface{ Value(i int) []byte }

// jsonCells writes nested values by the rule that gives them to text features.
func jsonCells(column arrow.Array) (cell, error) {
	text, err := asof.Cast(column, asof.Scalar(asof.TypeString), memory.NewGoAllocator())
	if err != nil {
		return nil, err
	}
	values := text.(*array.String) // on Go's heap, so nothing to release
	return func(dst []byte, i int) []byte { return appendCell(dst, values.Value(i)) }, nil
}

func (f *form) timeCells(c *array.Timestamp) cell {
	toTime, _ := c.DataType().(*arrow.TimestampType).GetToTimeFunc()
	layout := "2006-01-02 15:04:05"
	if f.digits > 0 {
		layout += "." + strings.Repeat("0", f.digits)
	}
	return func(dst []byte, i int) []byte {
		t := toTime(c.Value(i)).UTC()
		switch {
		case f.midnight:
			return t.AppendFormat(dst, time.DateOnly)
		case !f.zoned:
			return t.AppendFormat(dst, layout)
		case t.Nanosecond() == 0:
			return t.AppendFormat(dst, "2006-01-02 15:04:05+00:00")
		case t.Nanosecond()%1000 == 0:
			return t.AppendFormat(dst, "2006-01-02 15:04:05.000000+00:00")
		}
		return t.AppendFormat(dst, "2006-01-02 15:04:05.000000000+00:00")
	}
}

// appendFloat appends a float as pandas (with NumPy 2.4) writes it: a float64 has
// an exponent from 1e16 on, a float32 from a million on.
func appendFloat(dst []byte, v float64, bits int) []byte {
	large := 1e16
	if bits == 32 {
		large = 1e6
	}
	switch abs := math.Abs(v); {
	case math.IsNaN(v):
		return dst
	case math.IsInf(v, 1):
		return append(dst, "inf"...)
	case math.IsInf(v, -1):
		return append(dst, "-inf"...)
	case abs != 0 && (abs < 1e-4 || abs >= large):
		return strconv.AppendFloat(dst, v, 'e', -1, bits)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, v, 'f', -1, bits)
	if bytes.IndexByte(dst[start:], '.') < 0 {
		dst = append(dst, ".0"...)
	}
	return dst
}

// appendCell appends text, in quotes where a comma, a quote or the end of a
// line in it would be misread.
func appendCell(dst []byte, text string) []byte {
	if !strings.ContainsAny(text, ",\"\r\n") {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	for i := range len(text) {
		if text[i] == '"' {
			dst = append(dst, '"')
		}
		dst = append(dst, text[i])
	}
	return append(dst, '"')
}
