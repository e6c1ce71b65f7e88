package postgres

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// micros returns a time of a unit in microseconds; what is finer, or beyond
// what they count, is an error: nothing is rounded on the way into a table.
func micros(value int64, unit arrow.TimeUnit) (int64, error) {
	switch unit {
	case arrow.Nanosecond:
		if value%1000 != 0 {
			return 0, fmt.Errorf("the time %s is finer than the microsecond, which is as fine as PostgreSQL keeps it",
				arrow.Timestamp(value).ToTime(unit).Format("2006-01-02T15:04:05.999999999"))
		}
		return value / 1000, nil
	case arrow.Microsecond:
		return value, nil
	}
	factor := int64(1_000_000)
	if unit == arrow.Millisecond {
		factor = 1_000
	}
	if value > math.MaxInt64/factor || value < math.MinInt64/factor {
		return 0, fmt.Errorf("the time %d is beyond what PostgreSQL keeps", value)
	}
	return value * factor, nil
}

func putInstant(c arrow.Array) put {
	values, unit := c.(*array.Timestamp), c.DataType().(*arrow.TimestampType).Unit
	return func(buf []byte, i int) ([]byte, error) {
		us, err := micros(int64(values.Value(i)), unit)
		if err == nil && us < math.MinInt64+epochMicros {
			err = fmt.Errorf("the time is beyond what PostgreSQL keeps")
		}
		return binary.BigEndian.AppendUint64(buf, uint64(us-epochMicros)), err
	}
}

func putDate(c arrow.Array) put {
	days := func(i int) int64 { return int64(c.(*array.Date32).Value(i)) }
	if millis, ok := c.(*array.Date64); ok {
		days = func(i int) int64 { return int64(millis.Value(i)) / 86_400_000 }
	}
	return func(buf []byte, i int) ([]byte, error) {
		day := days(i) - epochDays
		if day != int64(int32(day)) {
			return buf, fmt.Errorf("the date is beyond what PostgreSQL keeps")
		}
		return binary.BigEndian.AppendUint32(buf, uint32(day)), nil
	}
}

// putTime writes a time of day.
func putTime(c arrow.Array) put {
	var at func(int) int64
	var unit arrow.TimeUnit
	switch c := c.(type) {
	case *array.Time32:
		at, unit = func(i int) int64 { return int64(c.Value(i)) }, c.DataType().(*arrow.Time32Type).Unit
	case *array.Time64:
		at, unit = func(i int) int64 { return int64(c.Value(i)) }, c.DataType().(*arrow.Time64Type).Unit
	}
	return func(buf []byte, i int) ([]byte, error) {
		us, err := micros(at(i), unit)
		return binary.BigEndian.AppendUint64(buf, uint64(us)), err
	}
}
