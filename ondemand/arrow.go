package ondemand

import (
	"fmt"
	"math"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"go.starlark.net/starlark"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/python"
)

func timeOf(micros int64) starlark.Value {
	return python.Datetime{Time: time.UnixMicro(micros).UTC()}
}

func spanOf(micros int64) starlark.Value {
	return python.Timedelta(time.Duration(micros) * time.Microsecond)
}

func microseconds(d python.Timedelta) int64 { return time.Duration(d).Microseconds() }

// fromArrow reads a column. Narrow numbers are widened, so that a function
// computes with 64 bits whatever the type in which an engine answers.
func fromArrow(a arrow.Array) (*vector, error) {
	n := a.Len()
	var v *vector
	switch a := a.(type) {
	case *array.Null:
		return newVector(kindNull, n), nil
	case *array.Boolean:
		v = newVector(kindBool, n)
		for i := range n {
			v.bools[i] = a.Value(i)
		}
	case *array.Int64:
		v = newVector(kindInt, n)
		copy(v.ints, a.Int64Values())
	case *array.Int32:
		v = newVector(kindInt, n)
		for i, x := range a.Int32Values() {
			v.ints[i] = int64(x)
		}
	case *array.Float64:
		v = newVector(kindFloat, n)
		copy(v.floats, a.Float64Values())
	case *array.Float32:
		v = newVector(kindFloat, n)
		for i, x := range a.Float32Values() {
			v.floats[i] = float64(x)
		}
	case *array.String:
		v = newVector(kindText, n)
		for i := range n {
			v.texts[i] = a.Value(i)
		}
	case *array.Timestamp:
		v = newVector(kindTime, n)
		unit := a.DataType().(*arrow.TimestampType).Unit
		for i, x := range a.TimestampValues() {
			v.ints[i] = x.ToTime(unit).UnixMicro()
		}
	default:
		return objectsOf(a)
	}
	for i := range n {
		if a.IsNull(i) {
			v.setNull(i)
		}
	}
	return v, nil
}

// objectsOf reads bytes and nested columns as Python's values.
func objectsOf(a arrow.Array) (*vector, error) {
	v := newVector(kindObject, a.Len())
	for i := range v.n {
		if a.IsNull(i) {
			v.setNull(i)
			continue
		}
		switch a := a.(type) {
		case *array.Binary:
			v.objects[i] = starlark.Bytes(a.Value(i))
		case array.ListLike:
			start, end := a.ValueOffsets(i)
			part := array.NewSlice(a.ListValues(), start, end)
			values, err := fromArrow(part)
			part.Release()
			if err != nil {
				return nil, err
			}
			v.objects[i] = starlark.NewList(values.list())
		case *array.Struct:
			d := new(starlark.Dict)
			for f, field := range a.DataType().(*arrow.StructType).Fields() {
				part := array.NewSlice(a.Field(f), int64(i), int64(i)+1)
				values, err := fromArrow(part)
				part.Release()
				if err != nil {
					return nil, err
				}
				_ = d.SetKey(starlark.String(field.Name), values.value(0)) // a new dict takes any text
			}
			v.objects[i] = d
		default:
			return nil, fmt.Errorf("values of type %s cannot be given to a function", a.DataType())
		}
	}
	return v, nil
}

// list returns all values as Python has them. In a list a missing float is None.
func (v *vector) list() []starlark.Value {
	all := make([]starlark.Value, v.n)
	for i := range all {
		if v.isNull(i) {
			all[i] = starlark.None
		} else {
			all[i] = v.value(i)
		}
	}
	return all
}

// column is the vector in the Arrow type of its kind; objects are JSON texts.
func (v *vector) column(mem memory.Allocator) arrow.Array {
	types := map[kind]arrow.DataType{kindNull: arrow.Null, kindBool: arrow.FixedWidthTypes.Boolean, kindInt: arrow.PrimitiveTypes.Int64,
		kindFloat: arrow.PrimitiveTypes.Float64, kindText: arrow.BinaryTypes.String, kindTime: asof.Timestamp,
		kindSpan: arrow.PrimitiveTypes.Int64, kindObject: arrow.BinaryTypes.String}
	b := array.NewBuilder(mem, types[v.kind])
	defer b.Release()
	b.Reserve(v.n)
	for i := range v.n {
		if v.isNull(i) {
			b.AppendNull()
			continue
		}
		switch b := b.(type) {
		case *array.BooleanBuilder:
			b.Append(v.bools[i])
		case *array.Int64Builder:
			b.Append(v.ints[i])
		case *array.Float64Builder:
			b.Append(v.floats[i])
		case *array.TimestampBuilder:
			b.Append(arrow.Timestamp(v.ints[i]))
		case *array.StringBuilder:
			if v.kind == kindText {
				b.Append(v.texts[i])
			} else {
				b.Append(objectText(v.objects[i]))
			}
		}
	}
	return b.NewArray()
}

// objectText is an object as a text that asof.Cast reads: JSON of lists and
// dicts, a plain value as it stands.
func objectText(x starlark.Value) string {
	switch x := x.(type) {
	case starlark.String:
		return string(x)
	case starlark.Bytes:
		return string(x)
	case starlark.Bool:
		if x {
			return "true"
		}
		return "false"
	case python.Datetime:
		return x.Time.Format(time.RFC3339Nano)
	case starlark.Float:
		if math.IsInf(float64(x), 0) {
			return fmt.Sprint(float64(x))
		}
	}
	text, err := python.JSON(x)
	if err != nil {
		return x.String()
	}
	return text
}
