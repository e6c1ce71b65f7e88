package asof

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// appendJSON appends value i as JSON, and reports whether it has a form there:
// structs and maps as objects, a map's members by name, of equal names the last;
// bytes as base64, times in RFC 3339, NaN and the infinities as strings, floats
// in the shortest form that reads back, with a point or an exponent.
func appendJSON(dst []byte, column arrow.Array, i int) ([]byte, bool) {
	if column.IsNull(i) {
		return append(dst, "null"...), true
	}
	switch c := column.(type) {
	case *array.Dictionary:
		return appendJSON(dst, c.Dictionary(), c.GetValueIndex(i))
	case array.ExtensionArray:
		return appendJSON(dst, c.Storage(), i)
	case *array.Map:
		return appendEntries(dst, c, i)
	case *array.Struct:
		ok := true
		dst = append(dst, '{')
		for f, field := range c.DataType().(*arrow.StructType).Fields() {
			var fits bool
			dst, fits = appendJSON(append(appendQuoted(separated(dst, f), field.Name), ':'), c.Field(f), i)
			ok = ok && fits
		}
		return append(dst, '}'), ok
	case array.ListLike:
		ok := true
		from, to := c.ValueOffsets(i)
		dst = append(dst, '[')
		for j := from; j < to; j++ {
			var fits bool
			dst, fits = appendJSON(separated(dst, int(j-from)), c.ListValues(), int(j))
			ok = ok && fits
		}
		return append(dst, ']'), ok
	case *array.Boolean:
		return strconv.AppendBool(dst, c.Value(i)), true
	case *array.Float64:
		return appendFloat(dst, c.Value(i), 64), true
	case *array.Float32:
		return appendFloat(dst, float64(c.Value(i)), 32), true
	case array.StringLike:
		return appendQuoted(dst, c.Value(i)), true
	case binary:
		return append(base64.StdEncoding.AppendEncode(append(dst, '"'), c.Value(i)), '"'), true
	}
	s, ok := text(column, i)
	if _, number := digits(column, i); number {
		return append(dst, s...), ok
	}
	return appendQuoted(dst, s), ok
}

func appendEntries(dst []byte, entries *array.Map, i int) ([]byte, bool) {
	from, to := entries.ValueOffsets(i)
	at := map[string]int{}
	ok := true
	for j := int(from); j < int(to); j++ {
		name, fits := text(entries.Keys(), j)
		at[name], ok = j, ok && fits
	}
	dst = append(dst, '{')
	for n, name := range slices.Sorted(maps.Keys(at)) {
		var fits bool
		dst, fits = appendJSON(append(appendQuoted(separated(dst, n), name), ':'), entries.Items(), at[name])
		ok = ok && fits
	}
	return append(dst, '}'), ok
}

// appendNode appends what parseJSON read in one form: members by name, whole
// numbers that fit 64 bits as those, others as doubles. A number beyond the
// range of those has none.
func appendNode(dst []byte, node any) ([]byte, bool) {
	switch v := node.(type) {
	case map[string]any:
		ok := true
		dst = append(dst, '{')
		for n, name := range slices.Sorted(maps.Keys(v)) {
			var fits bool
			dst, fits = appendNode(append(appendQuoted(separated(dst, n), name), ':'), v[name])
			ok = ok && fits
		}
		return append(dst, '}'), ok
	case []any:
		ok := true
		dst = append(dst, '[')
		for n, elem := range v {
			var fits bool
			dst, fits = appendNode(separated(dst, n), elem)
			ok = ok && fits
		}
		return append(dst, ']'), ok
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return strconv.AppendInt(dst, n, 10), true
		}
		f, err := v.Float64()
		return appendFloat(dst, f, 64), err == nil
	case string:
		return appendQuoted(dst, v), true
	case bool:
		return strconv.AppendBool(dst, v), true
	}
	return append(dst, "null"...), true
}

// separated appends the comma in front of all members but the first.
func separated(dst []byte, n int) []byte {
	if n > 0 {
		return append(dst, ',')
	}
	return dst
}

func appendFloat(dst []byte, v float64, bits int) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, `"NaN"`...)
	case math.IsInf(v, 0):
		return append(dst, map[bool]string{true: `"Infinity"`, false: `"-Infinity"`}[v > 0]...)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, v, 'g', -1, bits)
	if !bytes.ContainsAny(dst[start:], ".e") {
		dst = append(dst, ".0"...)
	}
	return dst
}

func appendQuoted(dst []byte, s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always has a form
	return append(dst, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}
