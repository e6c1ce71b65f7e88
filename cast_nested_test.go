package asof_test

import (
	"errors"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
)

// Values of nested types come from nested columns and from JSON text alike.
func TestCastNested(t *testing.T) {
	text, whole, real := arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int64, arrow.PrimitiveTypes.Float64
	named := func(fields ...arrow.Field) arrow.DataType { return arrow.StructOf(fields...) }
	nullable := func(name string, t arrow.DataType) arrow.Field {
		return arrow.Field{Name: name, Type: t, Nullable: true}
	}
	pair := asof.Type{Value: asof.TypeStruct, Fields: []asof.Field{{Name: "a", Type: asof.Scalar(asof.TypeInt64)}, {Name: "b", Type: asof.Scalar(asof.TypeString)}}}
	pairs := asof.Type{Value: asof.TypeStructList, Fields: pair.Fields}
	lists := asof.ListOf(asof.Scalar(asof.TypeInt64List))
	sets := asof.Type{Value: asof.TypeValueSet, Elem: new(asof.Scalar(asof.TypeInt64List))}
	binaries := asof.Type{Value: asof.TypeStruct, Fields: []asof.Field{{Name: "v", Type: asof.Scalar(asof.TypeBytes)}}}
	counts := arrow.MapOf(text, whole)
	for _, c := range []struct {
		from   arrow.DataType
		values string
		to     asof.Type
		want   string // "" where the last value does not fit
	}{
		// Lists and sets.
		{text, `["[1, null, 3]", null, "[]", " null "]`, asof.Scalar(asof.TypeInt64List), `[[1 (null) 3] (null) [] (null)]`},
		{text, `["[1]", "[1.5]"]`, asof.Scalar(asof.TypeInt32List), ``},
		{text, `["[1]", "{}"]`, asof.Scalar(asof.TypeInt32List), ``},
		{text, `["[1]", "[1] 2"]`, asof.Scalar(asof.TypeInt32List), ``},
		{text, `["[1]", "1"]`, asof.Scalar(asof.TypeInt32List), ``},
		{text, `["[0.1, \"NaN\", 1e2]"]`, asof.Scalar(asof.TypeFloat32List), `[[0.1 NaN 100]]`},
		{text, `["[true, false]"]`, asof.Scalar(asof.TypeBoolList), `[[true false]]`},
		{text, `["[\"a\\u00e9\", 1, true, {\"x\": 1}]"]`, asof.Scalar(asof.TypeStringList), `[["aé" "1" "true" "{\"x\": 1}"]]`},
		{text, `["[\"aGk=\", \"\\\\x6869\"]"]`, asof.Scalar(asof.TypeBytesList), `[["hi" "hi"]]`},
		{text, `["[\"aGk=\"]", "[\"?\"]"]`, asof.Scalar(asof.TypeBytesList), ``},
		{text, `["[\"2024-01-31\", 86400]"]`, asof.Scalar(asof.TypeTimestampList), `[[1706659200000000 86400000000]]`},
		{text, `["[1, 2, 1, null, null]"]`, asof.Scalar(asof.TypeInt64Set), `[[1 2 (null)]]`},
		{arrow.ListOf(whole), `[[3, 1, 3], null]`, asof.Scalar(asof.TypeInt64Set), `[[3 1] (null)]`},
		{arrow.ListOf(text), `[["1", "01"]]`, asof.Scalar(asof.TypeInt64Set), `[[1]]`},
		{text, `["[[1, 2], [], null]"]`, lists, `[[[1 2] [] (null)]]`},
		{text, `["[[1, 2], [2], [1, 2]]"]`, sets, `[[[1 2] [2]]]`},
		{arrow.ListOf(arrow.ListOf(arrow.PrimitiveTypes.Int32)), `[[[1, 2], null]]`, lists, `[[[1 2] (null)]]`},
		// Structs.
		{text, `["{\"b\": \"x\", \"a\": 1, \"c\": 2}", "{}", null, "null"]`, pair, `{[1 (null) (null) (null)] ["x" (null) (null) (null)]}`},
		{text, `["{\"a\": 1, \"a\": 2}"]`, pair, `{[2] [(null)]}`},
		{text, `["{\"A\": 1}"]`, pair, `{[(null)] [(null)]}`},
		{text, `["{}", "{\"a\": \"x\"}"]`, pair, ``},
		{text, `["{}", "[]"]`, pair, ``},
		{text, `["{}", "{"]`, pair, ``},
		{named(nullable("b", text), nullable("a", arrow.PrimitiveTypes.Int32)), `[{"a": 1, "b": "x"}]`, pair, `{[1] ["x"]}`},
		{counts, `[[{"key": "a", "value": 1}, {"key": "z", "value": 2}], null, []]`, pair, `{[1 (null) (null)] [(null) (null) (null)]}`},
		{text, `["[{\"a\": 1}, null]"]`, pairs, `[{[1 (null)] [(null) (null)]}]`},
		{text, `["{\"v\": \"aGk=\"}"]`, binaries, `{["hi"]}`},
		// Maps have one form; JSON text stays as it is.
		{text, `["{ \"b\": 1.50, \"a\": [1e2, null, \"<é>\"], \"b\": 2, \"c\": 12345678901234567890 }", "null"]`, asof.Scalar(asof.TypeMap),
			`["{\"a\":[100.0,null,\"<é>\"],\"b\":2,\"c\":1.2345678901234567e+19}" (null)]`},
		{text, `["{}", "[]"]`, asof.Scalar(asof.TypeMap), ``},
		{text, `["{}", "{} {}"]`, asof.Scalar(asof.TypeMap), ``},
		{text, `["{}", "{\"a\": 1e400}"]`, asof.Scalar(asof.TypeMap), ``},
		{counts, `[[{"key": "b", "value": 1}, {"key": "a", "value": null}]]`, asof.Scalar(asof.TypeMap), `["{\"a\":null,\"b\":1}"]`},
		{named(nullable("b", real), nullable("a", arrow.BinaryTypes.Binary)), `[{"b": 1, "a": "aGk="}]`, asof.Scalar(asof.TypeMap), `["{\"a\":\"aGk=\",\"b\":1.0}"]`},
		{text, `["[{\"a\":1},null]"]`, asof.Scalar(asof.TypeMapList), `[["{\"a\":1}" (null)]]`},
		{text, `["[\"{\\\"a\\\":1}\"]"]`, asof.Scalar(asof.TypeMapList), `[["{\"a\":1}"]]`},
		{arrow.ListOf(text), `[["{\"a\" :1}"]]`, asof.Scalar(asof.TypeMapList), `[["{\"a\":1}"]]`},
		{arrow.MapOf(arrow.PrimitiveTypes.Int32, text), `[[{"key": 7, "value": "x"}]]`, asof.Scalar(asof.TypeScalarMap), `["{\"7\":\"x\"}"]`},
		{text, `["{\"b\": 1, \"a\": 2}", "[1]", "\"x\"", "null"]`, asof.Scalar(asof.TypeJSON), `["{\"b\": 1, \"a\": 2}" "[1]" "\"x\"" "null"]`},
		{text, `["1", "x"]`, asof.Scalar(asof.TypeJSON), ``},
		{whole, `[1]`, asof.Scalar(asof.TypeJSON), `["1"]`},
		{arrow.FixedWidthTypes.Date32, `["2024-01-31"]`, asof.Scalar(asof.TypeJSON), `["\"2024-01-31\""]`},
		{text, `["[{\"a\":1},\"x\",null]"]`, asof.Scalar(asof.TypeJSONList), `[["{\"a\":1}" "\"x\"" (null)]]`},
		{arrow.ListOf(real), `[[1, null, 0.5]]`, asof.Scalar(asof.TypeString), `["[1.0,null,0.5]"]`},
		{named(nullable("b", text), nullable("a", &arrow.Decimal128Type{Precision: 6, Scale: 2})), `[{"b": "<\"", "a": "1.50"}]`, asof.Scalar(asof.TypeString), `["{\"b\":\"<\\\"\",\"a\":1.5}"]`},
		// UUIDs and decimals.
		{text, `["123E4567-E89B-12D3-A456-426614174000", "123e4567e89b12d3a456426614174000"]`, asof.Scalar(asof.TypeUUID),
			`["123e4567-e89b-12d3-a456-426614174000" "123e4567-e89b-12d3-a456-426614174000"]`},
		{&arrow.FixedSizeBinaryType{ByteWidth: 16}, `["Ej5FZ+ibEtOkVkJmFBdAAA=="]`, asof.Scalar(asof.TypeTimeUUID), `["123e4567-e89b-12d3-a456-426614174000"]`},
		{text, `["123e4567e89b12d3a456426614174000", "x"]`, asof.Scalar(asof.TypeUUID), ``},
		{text, `["1.500", "-0.0", "+007", ".5", "12e3", "1.25E-3", "nan"]`, asof.Scalar(asof.TypeDecimal), `["1.5" "0" "7" "0.5" "12000" "0.00125" "NaN"]`},
		{real, `[0.1, 1e21]`, asof.Scalar(asof.TypeDecimal), `["0.1" "1000000000000000000000"]`},
		{text, `["1", "1,5"]`, asof.Scalar(asof.TypeDecimal), ``},
		{text, `["1", "1e9999"]`, asof.Scalar(asof.TypeDecimal), ``},
		{text, `["1", "."]`, asof.Scalar(asof.TypeDecimal), ``},
		{text, `["[1.50, \"2\"]"]`, asof.Scalar(asof.TypeDecimalSet), `[["1.5" "2"]]`},
	} {
		mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
		from := column(t, mem, c.from, c.values)
		got, err := asof.Cast(from, c.to, mem)
		switch {
		case err != nil && c.want != "":
			t.Errorf("%s of %s: %v", c.to, c.values, err)
		case err != nil:
			var bad *asof.CastError
			if !errors.As(err, &bad) || bad.Row != from.Len()-1 {
				t.Errorf("%s of %s: %v does not name row %d", c.to, c.values, err, from.Len()-1)
			}
		case got.String() != c.want:
			t.Errorf("%s of %s: %s, want %s", c.to, c.values, got, c.want)
		}
		if err == nil {
			got.Release()
		}
		from.Release()
		mem.AssertSize(t, 0)
	}
}
