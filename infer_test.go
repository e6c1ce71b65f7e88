package asof_test

import (
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/asof-dev/asof"
)

func TestTypeOf(t *testing.T) {
	for _, c := range []struct {
		arrow arrow.DataType
		want  string
	}{
		{arrow.PrimitiveTypes.Int16, "Int32"},
		{arrow.PrimitiveTypes.Uint32, "Int64"},
		{&arrow.Decimal128Type{Precision: 10, Scale: 2}, "Float64"},
		{arrow.FixedWidthTypes.Date32, "UnixTimestamp"},
		{arrow.ListOf(arrow.BinaryTypes.String), "Array(String)"},
		{arrow.ListOf(arrow.ListOf(arrow.PrimitiveTypes.Float32)), "Array(Array(Float32))"},
		{arrow.StructOf(arrow.Field{Name: "a", Type: arrow.PrimitiveTypes.Int64}), `Struct({"a": Int64})`},
		{arrow.FixedWidthTypes.Duration_s, "Invalid"},
		{arrow.ListOf(arrow.FixedWidthTypes.Duration_s), "Invalid"},
	} {
		if got := asof.TypeOf(c.arrow).String(); got != c.want {
			t.Errorf("%s: %s, want %s", c.arrow, got, c.want)
		}
	}
}
