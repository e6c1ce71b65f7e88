package asof

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// misfit is a value that an Arrow type cannot hold.
type misfit struct {
	row   int
	value string
}

// Error says which value.
func (m *misfit) Error() string { return m.value + " does not fit" }

// fitted returns the values of a column in an Arrow type, as Arrange has it. A
// value that does not fit is a *misfit.
func fitted(column arrow.Array, to arrow.DataType, mem memory.Allocator) (arrow.Array, error) {
	switch typ := TypeOf(to); {
	case arrow.TypeEqual(column.DataType(), to):
		column.Retain()
		return column, nil
	case column.DataType().ID() == arrow.NULL:
		return array.MakeArrayOfNull(mem, to, column.Len()), nil
	case to.ID() == arrow.TIMESTAMP || to.ID() == arrow.DATE32:
		return fittedTimes(column, to, mem)
	case typ.Value != TypeInvalid && arrow.TypeEqual(typ.Arrow(), to):
		values, err := Cast(column, typ, mem)
		return values, misfitOf(err)
	}
	return fittedOthers(column, to, mem)
}

func misfitOf(err error) error {
	if bad := (*CastError)(nil); errors.As(err, &bad) {
		return &misfit{bad.Row, bad.Value}
	}
	return err
}

// fittedTimes makes timestamps of any unit, or dates, of times or their text.
func fittedTimes(column arrow.Array, to arrow.DataType, mem memory.Allocator) (arrow.Array, error) {
	at, ok := nanoseconds(column)
	if !ok {
		return nil, fmt.Errorf("%s is no time", column.DataType())
	}
	b := array.NewBuilder(mem, to)
	defer b.Release()
	b.Reserve(column.Len())
	for i := range column.Len() {
		if column.IsNull(i) {
			b.AppendNull()
			continue
		}
		t, ok := at(i)
		if ok {
			ok = appendTime(b, t)
		}
		if !ok {
			return nil, &misfit{i, shown(column, i)}
		}
	}
	return b.NewArray(), nil
}

// nanoseconds returns how to read a column of times, or of their texts, without
// rounding.
func nanoseconds(column arrow.Array) (func(i int) (time.Time, bool), bool) {
	switch c := column.(type) {
	case *array.Timestamp:
		unit := c.DataType().(*arrow.TimestampType).Unit
		return func(i int) (time.Time, bool) { return c.Value(i).ToTime(unit), true }, true
	case array.StringLike:
		return func(i int) (time.Time, bool) { return ParseTime(c.Value(i)) }, true
	case array.ExtensionArray:
		return nanoseconds(c.Storage())
	case *array.Dictionary:
		at, ok := nanoseconds(c.Dictionary())
		return func(i int) (time.Time, bool) { return at(c.GetValueIndex(i)) }, ok
	}
	at, ok := Instants(column, RoundUp)
	return func(i int) (time.Time, bool) { return time.UnixMicro(at(i)), true }, ok
}

// appendTime appends a time, rounded up to the builder's unit; a date has to be
// a midnight.
func appendTime(b array.Builder, t time.Time) bool {
	second, rest := t.Unix(), int64(t.Nanosecond())
	switch b := b.(type) {
	case *array.Date32Builder:
		day := second / 86_400
		b.Append(arrow.Date32(day))
		return rest == 0 && second%86_400 == 0 && day == int64(int32(day))
	case *array.TimestampBuilder:
		per := int64(1)
		for range int(b.Type().(*arrow.TimestampType).Unit) {
			per *= 1000
		}
		grain := 1_000_000_000 / per
		b.Append(arrow.Timestamp(second*per + (rest+grain-1)/grain))
		return second < math.MaxInt64/per && second > math.MinInt64/per
	}
	return false
}

// fittedOthers makes values of a type that is no Type's own, of the bytes or
// the text of others.
func fittedOthers(column arrow.Array, to arrow.DataType, mem memory.Allocator) (arrow.Array, error) {
	through := Scalar(TypeString)
	if TypeOf(to).Value == TypeBytes {
		through = Scalar(TypeBytes)
	}
	cast, err := Cast(column, through, mem)
	if err != nil {
		return nil, misfitOf(err)
	}
	defer cast.Release()
	b := array.NewBuilder(mem, to)
	defer b.Release()
	for i := range cast.Len() {
		if cast.IsNull(i) {
			b.AppendNull()
		} else if !appendOther(b, cast, i) {
			return nil, &misfit{i, shown(column, i)}
		}
	}
	return b.NewArray(), nil
}

func appendOther(b array.Builder, from arrow.Array, i int) bool {
	bytes, ok := from.(*array.Binary)
	if !ok {
		return b.AppendValueFromString(from.(*array.String).Value(i)) == nil
	}
	switch b := b.(type) {
	case *array.BinaryBuilder:
		b.Append(bytes.Value(i))
		return true
	case *array.FixedSizeBinaryBuilder:
		if bytes.ValueLen(i) != b.Type().(*arrow.FixedSizeBinaryType).ByteWidth {
			return false
		}
		b.Append(bytes.Value(i))
		return true
	}
	return false
}
