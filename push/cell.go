package push

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/value"
)

// cast returns the column's values as values of type t, by the rules of
// asof.Cast. In JSON, bytes are base64 and times are ISO 8601 or whole seconds
// since 1970. What a value is for, `feature "x" of feature view "v"`, ends the
// message of one that does not fit.
func (c *Column) cast(t asof.Type, role string) (arrow.Array, error) {
	from := c.Values
	if from == nil {
		var err error
		if from, err = c.fromJSON(t, role); err != nil {
			return nil, err
		}
		defer from.Release()
	}
	if t.Value == asof.TypeInvalid { // a key whose type nothing declares
		from.Retain()
		return from, nil
	}
	values, err := asof.Cast(from, t, memory.DefaultAllocator)
	if wrong := (*asof.CastError)(nil); errors.As(err, &wrong) {
		return nil, c.misfit(wrong.Row, c.text(wrong.Row), t, role)
	}
	if err != nil {
		return nil, err
	}
	if err := c.storable(values, t, role); err != nil {
		values.Release()
		return nil, err
	}
	return values, nil
}

// storable finds what has no form as a stored value though it is of the type: a
// NULL in a list of numbers, say. Single values all have one.
func (c *Column) storable(values arrow.Array, t asof.Type, role string) error {
	if _, list := t.Element(); !list && len(t.Fields) == 0 {
		return nil
	}
	var message []byte
	for row := range values.Len() {
		var err error
		if message, err = value.Append(message[:0], t, values, row); err != nil {
			return asof.Errorf(asof.CodeInvalid, "row %d, column %q, %s: %w", row+1, c.Name, role, err)
		}
	}
	return nil
}

func (c *Column) misfit(row int, shown string, t asof.Type, role string) error {
	return asof.Errorf(asof.CodeInvalid, "row %d, column %q: %s does not fit %s, the type of %s", row+1, c.Name, shown, t, role)
}

// text returns a value for a message: as the client wrote it, shortened.
func (c *Column) text(row int) string {
	if c.Values != nil {
		return shortened(strconv.Quote(c.Values.ValueStr(row)))
	}
	return shortened(c.JSON[row])
}

// shortened is a JSON text for a message.
func shortened(text string) string {
	const most = 60
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

// fromJSON makes a column of what asof.Cast reads values of type t from.
func (c *Column) fromJSON(t asof.Type, role string) (arrow.Array, error) {
	switch t.Value {
	case asof.TypeBytes, asof.TypePdfBytes, asof.TypeImageBytes:
		return c.octets(t, role)
	case asof.TypeInvalid:
		return c.inferred(role)
	}
	b := array.NewStringBuilder(memory.DefaultAllocator)
	defer b.Release()
	b.Reserve(len(c.JSON))
	for _, text := range c.JSON {
		switch {
		case text == "null":
			b.AppendNull()
		case text[0] == '"':
			b.Append(unquote(text))
		case t.Value == asof.TypeUnixTimestamp && isNumber(text):
			b.Append(secondsText(text))
		default:
			b.Append(text)
		}
	}
	return b.NewArray(), nil
}

// octets reads base64.
func (c *Column) octets(t asof.Type, role string) (arrow.Array, error) {
	b := array.NewBinaryBuilder(memory.DefaultAllocator, arrow.BinaryTypes.Binary)
	defer b.Release()
	for row, text := range c.JSON {
		if text == "null" {
			b.AppendNull()
			continue
		}
		if text[0] != '"' {
			return nil, c.misfit(row, shortened(text), t, role)
		}
		octets, err := base64.StdEncoding.DecodeString(unquote(text))
		if err != nil {
			return nil, c.misfit(row, shortened(text)+", which is no base64,", t, role)
		}
		b.Append(octets)
	}
	return b.NewArray(), nil
}

// inferred takes the values of a join key for what they look like.
func (c *Column) inferred(role string) (arrow.Array, error) {
	t := asof.Scalar(asof.TypeInt64)
	for _, text := range c.JSON {
		if text[0] == '"' {
			t = asof.Scalar(asof.TypeString)
		}
	}
	return c.cast(t, role)
}

// The times that are kept, in microseconds since 1970: a later or earlier one is
// none in the protobuf messages by which clients read it.
const (
	firstTime = -62_135_596_800_000_000 // the beginning of year 1
	lastTime  = 253_402_300_799_999_999 // the end of year 9999
)

// instants reads the column as event or created times, in microseconds. A number
// is refused: nothing tells its unit.
func (c *Column) instants(role string) (arrow.Array, error) {
	b := newTimes()
	defer b.Release()
	b.Reserve(c.len())
	put, err := c.instant(b, role)
	if err != nil {
		return nil, err
	}
	for row := range c.len() {
		if err := put(row); err != nil {
			return nil, err
		}
	}
	times := b.NewTimestampArray()
	for row, at := range times.TimestampValues() {
		if times.IsValid(row) && (at < firstTime || at > lastTime) {
			times.Release()
			return nil, asof.Errorf(asof.CodeInvalid, "row %d, column %q: %s is outside of the years 1 to 9999", row+1, c.Name, role)
		}
	}
	return times, nil
}

// instant returns what appends the time of a row.
func (c *Column) instant(b *array.TimestampBuilder, role string) (func(row int) error, error) {
	text := func(row int) (string, bool) { return c.JSON[row], c.JSON[row] == "null" }
	if c.Values != nil {
		if at, ok := asof.Instants(c.Values, asof.RoundUp); ok {
			return func(row int) error {
				if c.Values.IsNull(row) {
					b.AppendNull()
				} else {
					b.Append(arrow.Timestamp(at(row)))
				}
				return nil
			}, nil
		}
		texts, ok := c.Values.(array.StringLike)
		if !ok {
			return nil, asof.Errorf(asof.CodeInvalid, "column %q holds %s and no times, which %s needs", c.Name, c.Values.DataType(), role)
		}
		text = func(row int) (string, bool) { return strconv.Quote(texts.Value(row)), texts.IsNull(row) }
	}
	return func(row int) error {
		s, null := text(row)
		if null {
			b.AppendNull()
			return nil
		}
		t, ok := time.Time{}, false
		if s[0] == '"' {
			t, ok = asof.ParseTime(unquote(s))
		}
		if !ok {
			return asof.Errorf(asof.CodeInvalid, "row %d, column %q: %s is no time for %s; write 2024-01-31T12:00:00, in UTC where it has no zone", row+1, c.Name, shortened(s), role)
		}
		b.Append(arrow.Timestamp(roundUp(t)))
		return nil
	}, nil
}

// roundUp returns microseconds since 1970: what happened is not seen before.
func roundUp(t time.Time) int64 {
	us := t.UnixMicro()
	if t.Nanosecond()%1000 != 0 {
		us++
	}
	return us
}

func isNumber(text string) bool { return text[0] == '-' || text[0] >= '0' && text[0] <= '9' }

// secondsText writes whole seconds since 1970 as a time; another number stays as
// it is, and fits nothing.
func secondsText(number string) string {
	seconds, err := strconv.ParseInt(number, 10, 64)
	if err != nil || seconds < -1<<37 || seconds > 1<<37 {
		return number
	}
	return time.Unix(seconds, 0).UTC().Format(time.RFC3339)
}

// unquote returns what a JSON string stands for.
func unquote(text string) string {
	var s string
	_ = json.Unmarshal([]byte(text), &s) // a valid string always unmarshals
	return s
}
