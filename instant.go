package asof

import (
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// Rounding says where an instant goes that is finer than a microsecond.
type Rounding int

// A time that is asked about is rounded down, the time of something that
// happened up: so nothing is seen before it happened.
const (
	RoundDown Rounding = iota
	RoundUp
)

// Instants returns how to read a column of timestamps or dates as microseconds
// since 1970 in UTC: a timestamp without a zone is UTC, a date its midnight.
// The second result is false where the column holds no times.
func Instants(column arrow.Array, r Rounding) (func(i int) int64, bool) {
	switch c := column.(type) {
	case *array.Timestamp:
		switch c.DataType().(*arrow.TimestampType).Unit {
		case arrow.Second:
			return func(i int) int64 { return int64(c.Value(i)) * 1_000_000 }, true
		case arrow.Millisecond:
			return func(i int) int64 { return int64(c.Value(i)) * 1_000 }, true
		case arrow.Microsecond:
			return func(i int) int64 { return int64(c.Value(i)) }, true
		}
		return func(i int) int64 { return microseconds(int64(c.Value(i)), r) }, true
	case *array.Date32:
		return func(i int) int64 { return int64(c.Value(i)) * 86_400_000_000 }, true
	case *array.Date64:
		return func(i int) int64 { return int64(c.Value(i)) * 1_000 }, true
	}
	return nil, false
}

// microseconds rounds nanoseconds, before 1970 too.
func microseconds(ns int64, r Rounding) int64 {
	us := ns / 1_000
	switch rest := ns % 1_000; {
	case rest < 0 && r == RoundDown:
		us--
	case rest > 0 && r == RoundUp:
		us++
	}
	return us
}

// layouts are the written forms of times, without what follows the seconds.
var layouts = []string{
	"2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05.999999999Z07:00",
	"2006-01-02T15:04:05.999999999Z0700", "2006-01-02T15:04:05.999999999Z07",
	"2006-01-02T15:04", "2006-01-02T15:04Z07:00",
}

// ParseTime reads a date or a time of day on a date, with T or a space between
// them and with or without a zone; without one it is UTC.
func ParseTime(s string) (time.Time, bool) {
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t, true
	}
	if len(s) < len("2006-01-02T15:04") {
		return time.Time{}, false
	}
	s = s[:10] + strings.Replace(s[10:], " ", "T", 1)
	s = strings.Replace(strings.TrimSuffix(s, " UTC"), " ", "", 1)
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
