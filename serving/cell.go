package serving

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/entitykey"
	"github.com/asof-dev/asof/value"
)

// keyValue reads a cell as the value of a join key of type t. A key of a type
// that nothing declares or infers is what the cell looks like. The second
// result says what is wrong, "" where nothing is.
func keyValue(c Cell, t asof.ValueType) (entitykey.Value, string) {
	if c.kind == null {
		return entitykey.Value{}, "null is no key"
	}
	switch t {
	case asof.TypeInvalid:
		switch c.kind {
		case text:
			return entitykey.String(c.text), ""
		case binary:
			return keyValue(c, asof.TypeBytes)
		}
		return keyValue(c, asof.TypeInt64)
	case asof.TypeString:
		switch {
		case c.kind == number && !strings.ContainsAny(c.text, ".eE"): // as Feast takes it
			return entitykey.String(c.text), ""
		case c.kind != text:
			return entitykey.Value{}, "it is no string"
		case !utf8.ValidString(c.text):
			return entitykey.Value{}, "it is no UTF-8"
		}
		return entitykey.String(c.text), ""
	case asof.TypeInt32, asof.TypeInt64:
		return wholeKey(c, t)
	case asof.TypeUnixTimestamp:
		return timeKey(c)
	case asof.TypeBytes:
		switch c.kind {
		case binary:
			return entitykey.Bytes([]byte(c.text)), ""
		case text:
			if b, err := base64.StdEncoding.DecodeString(c.text); err == nil {
				return entitykey.Bytes(b), ""
			}
		}
		return entitykey.Value{}, "it is no base64 string"
	}
	return entitykey.Value{}, "no key can be of that type; declare it as String, Bytes, Int32, Int64 or UnixTimestamp"
}

func wholeKey(c Cell, t asof.ValueType) (entitykey.Value, string) {
	v, ok := wholeNumber(c)
	switch {
	case !ok:
		return entitykey.Value{}, "it is no whole number"
	case t == asof.TypeInt64:
		return entitykey.Int64(v), ""
	case v != int64(int32(v)):
		return entitykey.Value{}, "it is out of range"
	}
	return entitykey.Int32(int32(v)), ""
}

// wholeNumber reads a whole number; 5.0 is one, as data frames write it.
func wholeNumber(c Cell) (int64, bool) {
	if c.kind == whole {
		return c.whole, true
	}
	if c.kind != number && c.kind != text {
		return 0, false
	}
	v, err := strconv.ParseInt(c.text, 10, 64)
	if err == nil {
		return v, true
	}
	f, err := strconv.ParseFloat(c.text, 64)
	exact := err == nil && f == math.Trunc(f) && math.Abs(f) <= 1<<53
	return int64(f), exact && c.kind == number && strings.ContainsAny(c.text, ".eE")
}

func timeKey(c Cell) (entitykey.Value, string) {
	if seconds, ok := wholeNumber(c); ok {
		return entitykey.UnixTimestamp(seconds), ""
	}
	if c.kind == text {
		if t, ok := asof.ParseTime(c.text); ok && t.Nanosecond() == 0 {
			return entitykey.UnixTimestamp(t.Unix()), ""
		}
	}
	return entitykey.Value{}, "it is neither whole seconds since 1970 nor a time without fractions of a second"
}

// shown returns the cell for a message.
func (c Cell) shown() string {
	const most = 60
	s := c.text
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	switch c.kind {
	case null:
		return "null"
	case text, binary:
		return strconv.Quote(s)
	case whole:
		return strconv.FormatInt(c.whole, 10)
	}
	return s
}

// appendKey appends a key's value as the message of a feature value.
func appendKey(dst []byte, v entitykey.Value) []byte {
	switch v.Type() {
	case asof.TypeString:
		return value.AppendString(dst, v.Text())
	case asof.TypeBytes:
		return value.AppendBytes(dst, []byte(v.Text()))
	case asof.TypeInt32:
		return value.AppendInt32(dst, int32(v.Int()))
	case asof.TypeUnixTimestamp:
		return value.AppendUnixTimestamp(dst, v.Int())
	}
	return value.AppendInt64(dst, v.Int())
}
