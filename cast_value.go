package asof

import (
	"encoding/base64"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// whole returns value i as a whole number.
func whole(column arrow.Array, i int) (int64, bool) {
	switch c := column.(type) {
	case *array.Int64:
		return c.Value(i), true
	case *array.Int32:
		return int64(c.Value(i)), true
	case *array.Int16:
		return int64(c.Value(i)), true
	case *array.Int8:
		return int64(c.Value(i)), true
	case *array.Uint64:
		return int64(c.Value(i)), c.Value(i) <= math.MaxInt64
	case *array.Uint32:
		return int64(c.Value(i)), true
	case *array.Uint16:
		return int64(c.Value(i)), true
	case *array.Uint8:
		return int64(c.Value(i)), true
	case *array.Float64:
		return wholeFloat(c.Value(i))
	case *array.Float32:
		return wholeFloat(float64(c.Value(i)))
	case *array.Boolean:
		if c.Value(i) {
			return 1, true
		}
		return 0, true
	}
	s, ok := digits(column, i)
	if !ok {
		return 0, false
	}
	if v, err := strconv.ParseInt(s, 10, 64); err == nil {
		return v, true
	}
	r, ok := rational(s)
	if !ok || !r.IsInt() || !r.Num().IsInt64() {
		return 0, false
	}
	return r.Num().Int64(), true
}

func wholeFloat(v float64) (int64, bool) {
	return int64(v), v == math.Trunc(v) && v >= -(1<<63) && v < 1<<63
}

// float returns value i as the nearest number of so many bits.
func float(column arrow.Array, i, bits int) (float64, bool) {
	switch c := column.(type) {
	case *array.Float64:
		v := c.Value(i)
		narrow := float64(float32(v))
		if bits == 64 {
			return v, true
		}
		return narrow, !math.IsInf(narrow, 0) || math.IsInf(v, 0)
	case *array.Float32:
		return float64(c.Value(i)), true
	case *array.Boolean:
		return 0, false
	}
	if v, ok := integer(column, i); ok {
		if bits == 32 {
			return float64(float32(v)), true
		}
		return float64(v), true
	}
	s, ok := digits(column, i)
	if !ok {
		return 0, false
	}
	v, err := strconv.ParseFloat(s, bits)
	return v, err == nil && plain(s)
}

// plain refuses what Go reads as a number and nobody else does: 0x1p-2, 1_000.
func plain(s string) bool { return !strings.ContainsAny(s, "xXpP_") }

func truth(column arrow.Array, i int) (value, ok bool) {
	if c, is := column.(*array.Boolean); is {
		return c.Value(i), true
	}
	if c, is := column.(array.StringLike); is {
		switch strings.ToLower(c.Value(i)) {
		case "true", "t", "1":
			return true, true
		case "false", "f", "0":
			return false, true
		}
		return false, false
	}
	v, ok := whole(column, i)
	return v == 1, ok && (v == 0 || v == 1)
}

func moment(column arrow.Array, i int) (int64, bool) {
	if at, ok := Instants(column, RoundDown); ok {
		return at(i), true
	}
	if c, is := column.(array.StringLike); is {
		t, ok := ParseTime(c.Value(i))
		return t.UnixMicro(), ok
	}
	if _, is := column.(*array.Boolean); is {
		return 0, false
	}
	v, ok := whole(column, i)
	return v * 1_000_000, ok && v > -1<<43 && v < 1<<43
}

// binary is a column of bytes, whatever the layout.
type binary interface{ Value(i int) []byte }

func octets(column arrow.Array, i int) ([]byte, bool) {
	switch c := column.(type) {
	case binary:
		return c.Value(i), true
	case array.StringLike:
		return []byte(c.Value(i)), true
	}
	return nil, false
}

func text(column arrow.Array, i int) (string, bool) {
	switch c := column.(type) {
	case array.StringLike:
		return c.Value(i), true
	case binary:
		return string(c.Value(i)), utf8.Valid(c.Value(i))
	case *array.Float64:
		return strconv.FormatFloat(c.Value(i), 'g', -1, 64), true
	case *array.Float32:
		return strconv.FormatFloat(float64(c.Value(i)), 'g', -1, 32), true
	case *array.Boolean:
		return strconv.FormatBool(c.Value(i)), true
	case *array.Date32:
		return c.Value(i).ToTime().Format(time.DateOnly), true
	case array.ListLike, *array.Struct:
		v, ok := appendJSON(nil, column, i)
		return string(v), ok
	}
	if at, ok := Instants(column, RoundDown); ok {
		return time.UnixMicro(at(i)).UTC().Format(time.RFC3339Nano), true
	}
	s, ok := digits(column, i)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s, ok
}

// digits returns the exact number that value i is, or the text that it is.
func digits(column arrow.Array, i int) (string, bool) {
	switch c := column.(type) {
	case array.StringLike:
		return c.Value(i), true
	case *array.Decimal128:
		return c.Value(i).ToString(c.DataType().(arrow.DecimalType).GetScale()), true
	case *array.Decimal256:
		return c.Value(i).ToString(c.DataType().(arrow.DecimalType).GetScale()), true
	case *array.Float64, *array.Float32, *array.Boolean, *array.Timestamp, *array.Date32:
		return "", false
	}
	if v, ok := column.(*array.Uint64); ok {
		return strconv.FormatUint(v.Value(i), 10), true
	}
	if v, ok := integer(column, i); ok {
		return strconv.FormatInt(v, 10), true
	}
	return "", false
}

// integer returns value i of a column of integers.
func integer(column arrow.Array, i int) (int64, bool) {
	if !arrow.IsInteger(column.DataType().ID()) {
		return 0, false
	}
	return whole(column, i)
}

// rational reads a decimal number; its exponent is bounded, so that a short
// text cannot ask for a number of a billion digits.
func rational(s string) (*big.Rat, bool) {
	if _, exponent, has := strings.Cut(strings.ToLower(s), "e"); has {
		if e, err := strconv.Atoi(exponent); err != nil || e > 400 || e < -400 {
			return nil, false
		}
	}
	if !plain(s) || strings.Contains(s, "/") {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

// shown returns a value for a message, shortened.
func shown(column arrow.Array, i int) string {
	s := column.ValueStr(i)
	if b, ok := column.(binary); ok {
		s = base64.StdEncoding.EncodeToString(b.Value(i))
	}
	if _, ok := column.(array.StringLike); ok {
		s = strconv.Quote(s)
	}
	if len(s) > 60 {
		s = strings.ToValidUTF8(s[:60], "") + "…"
	}
	return s
}
