package asof_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
)

// column makes a column of an Arrow type from the texts of its values.
func column(t *testing.T, mem memory.Allocator, kind arrow.DataType, values string) arrow.Array {
	t.Helper()
	a, _, err := array.FromJSON(mem, kind, strings.NewReader(values))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestCast(t *testing.T) {
	decimal := &arrow.Decimal128Type{Precision: 38, Scale: 10}
	nanos := &arrow.TimestampType{Unit: arrow.Nanosecond}
	for _, c := range []struct {
		from   arrow.DataType
		values string
		to     asof.ValueType
		want   string // "" where the last value does not fit
	}{
		{arrow.PrimitiveTypes.Int16, `[1, null, -3]`, asof.TypeInt64, `[1 (null) -3]`},
		{arrow.Null, `[null, null]`, asof.TypeStringList, `[(null) (null)]`},
		{arrow.ListOf(arrow.Null), `[[null], []]`, asof.TypeInt64List, `[[(null)] []]`},
		{arrow.PrimitiveTypes.Int64, `[2147483647]`, asof.TypeInt32, `[2147483647]`},
		{arrow.PrimitiveTypes.Int64, `[1, 2147483648]`, asof.TypeInt32, ``},
		{arrow.PrimitiveTypes.Uint64, `[18446744073709551615]`, asof.TypeInt64, ``},
		{arrow.PrimitiveTypes.Float64, `[3.0, -0.0]`, asof.TypeInt64, `[3 0]`},
		{arrow.PrimitiveTypes.Float64, `[3.5]`, asof.TypeInt64, ``},
		{decimal, `["7.0000000000"]`, asof.TypeInt32, `[7]`},
		{decimal, `["7.5"]`, asof.TypeInt32, ``},
		// One rounding: by way of a double this decimal would be 16777216.
		{decimal, `["16777217.0000000001"]`, asof.TypeFloat32, `[1.6777218e+07]`},
		{arrow.BinaryTypes.String, `["16777217.0000000001", " 1"]`, asof.TypeFloat32, ``},
		{arrow.BinaryTypes.String, `["16777217.0000000001"]`, asof.TypeFloat32, `[1.6777218e+07]`},
		{arrow.PrimitiveTypes.Float64, `[1e39]`, asof.TypeFloat32, ``},
		{arrow.BinaryTypes.String, `["1e39"]`, asof.TypeFloat32, ``},
		{arrow.BinaryTypes.String, `["1_0"]`, asof.TypeFloat64, ``},
		{arrow.BinaryTypes.String, `["0x10"]`, asof.TypeFloat64, ``},
		{arrow.BinaryTypes.String, `["12", "-3.00"]`, asof.TypeInt64, `[12 -3]`},
		{arrow.BinaryTypes.String, `["1e999999999"]`, asof.TypeInt64, ``},
		{arrow.BinaryTypes.String, `["True", "t", "0", "FALSE"]`, asof.TypeBool, `[true true false false]`},
		{arrow.BinaryTypes.String, `["yes"]`, asof.TypeBool, ``},
		{arrow.PrimitiveTypes.Int64, `[0, 1]`, asof.TypeBool, `[false true]`},
		{arrow.PrimitiveTypes.Int64, `[2]`, asof.TypeBool, ``},
		{arrow.FixedWidthTypes.Boolean, `[true]`, asof.TypeInt64, `[1]`},
		{arrow.FixedWidthTypes.Boolean, `[true]`, asof.TypeFloat32, ``},
		{arrow.FixedWidthTypes.Date32, `["2024-01-31"]`, asof.TypeUnixTimestamp, `[1706659200000000]`},
		{nanos, `["1969-12-31T23:59:59.999999999"]`, asof.TypeUnixTimestamp, `[-1]`},
		{arrow.BinaryTypes.String, `["2024-01-31 12:00:00+02:00", "2024-01-31"]`, asof.TypeUnixTimestamp, `[1706695200000000 1706659200000000]`},
		{arrow.PrimitiveTypes.Int64, `[86400]`, asof.TypeUnixTimestamp, `[86400000000]`},
		{decimal, `["45.25"]`, asof.TypeString, `["45.25"]`},
		{arrow.PrimitiveTypes.Float32, `[0.1]`, asof.TypeString, `["0.1"]`},
		{arrow.ListOf(arrow.PrimitiveTypes.Int32), `[[1, null], []]`, asof.TypeInt64List, `[[1 (null)] []]`},
		{arrow.ListOf(arrow.PrimitiveTypes.Float64), `[[1.5]]`, asof.TypeInt64List, ``},
		{&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}, `["a", "b", "a"]`, asof.TypeString, `["a" "b" "a"]`},
	} {
		mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
		from := column(t, mem, c.from, c.values)
		got, err := asof.Cast(from, asof.Scalar(c.to), mem)
		switch {
		case err != nil && c.want != "":
			t.Errorf("%s of %s: %v", asof.Scalar(c.to), c.values, err)
		case err != nil:
			var bad *asof.CastError
			if !errors.As(err, &bad) || bad.Row != from.Len()-1 {
				t.Errorf("%s of %s: %v does not name row %d", asof.Scalar(c.to), c.values, err, from.Len()-1)
			}
		case got.String() != c.want:
			t.Errorf("%s of %s: %s, want %s", asof.Scalar(c.to), c.values, got, c.want)
		}
		if err == nil {
			got.Release()
		}
		from.Release()
		mem.AssertSize(t, 0)
	}
}

func TestInstantsRoundAwayFromTheFuture(t *testing.T) {
	mem := memory.NewGoAllocator()
	times := column(t, mem, &arrow.TimestampType{Unit: arrow.Nanosecond}, `["1970-01-01T00:00:00.000001001", "1969-12-31T23:59:59.999998999", "1970-01-01T00:00:00.000002"]`)
	for _, c := range []struct {
		r    asof.Rounding
		want [3]int64
	}{{asof.RoundDown, [3]int64{1, -2, 2}}, {asof.RoundUp, [3]int64{2, -1, 2}}} {
		at, ok := asof.Instants(times, c.r)
		if got := [3]int64{at(0), at(1), at(2)}; !ok || got != c.want {
			t.Errorf("rounding %d: %v, want %v", c.r, got, c.want)
		}
	}
}

func TestParseTime(t *testing.T) {
	for text, want := range map[string]string{
		"2024-01-31":                       "2024-01-31T00:00:00Z",
		"2024-01-31 10:20":                 "2024-01-31T10:20:00Z",
		"2024-01-31T10:20:30.5":            "2024-01-31T10:20:30.5Z",
		"2024-01-31 10:20:30+05:30":        "2024-01-31T04:50:30Z",
		"2024-01-31 10:20:30.000001 +0200": "2024-01-31T08:20:30.000001Z",
		"2024-01-31 10:20:30+00":           "2024-01-31T10:20:30Z",
		"2024-01-31 10:20:30 UTC":          "2024-01-31T10:20:30Z",
		"2024-02-30":                       "", "31.01.2024": "", "2024": "", "2024-01-31 noon at work": "",
	} {
		got, ok := asof.ParseTime(text)
		if ok != (want != "") || ok && got.Format("2006-01-02T15:04:05.999999999Z07:00") != want {
			t.Errorf("%q: %v %v, want %q", text, got, ok, want)
		}
	}
}
