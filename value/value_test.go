package value_test

import (
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/types"
	"github.com/asof-dev/asof/value"
)

func cells(t *testing.T, typ asof.Type, json string) arrow.Array {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	t.Cleanup(func() { mem.AssertSize(t, 0) })
	a, _, err := array.FromJSON(mem, typ.Arrow(), strings.NewReader(json))
	if err != nil {
		t.Fatalf("%s from %s: %v", typ, json, err)
	}
	t.Cleanup(a.Release)
	return a
}

var structType = asof.Type{Value: asof.TypeStruct, Fields: []asof.Field{
	{Name: "a", Type: asof.Scalar(asof.TypeInt64)}, {Name: "b", Type: asof.Scalar(asof.TypeStringList)}}}

// scalars has each type with the cells of one array in Arrow's JSON, and the
// messages expected of them in protobuf's text form, whose names are Feast's.
var scalars = []struct {
	typ   asof.Type
	cells string
	want  []string
}{
	{asof.Scalar(asof.TypeBytes), `["AAH/", null, ""]`, []string{`bytes_val: "\000\001\377"`, ``, `bytes_val: ""`}},
	{asof.Scalar(asof.TypePdfBytes), `["AAH/"]`, []string{`bytes_val: "\000\001\377"`}},
	{asof.Scalar(asof.TypeImageBytes), `["AAH/"]`, []string{`bytes_val: "\000\001\377"`}},
	{asof.Scalar(asof.TypeString), `["héllo", null, ""]`, []string{`string_val: "héllo"`, ``, `string_val: ""`}},
	{asof.Scalar(asof.TypeInt32), `[-1, 0, 2147483647]`, []string{`int32_val: -1`, `int32_val: 0`, `int32_val: 2147483647`}},
	{asof.Scalar(asof.TypeInt64), `[-9223372036854775808, 1]`, []string{`int64_val: -9223372036854775808`, `int64_val: 1`}},
	{asof.Scalar(asof.TypeFloat64), `[10, 0.1, null]`, []string{`double_val: 10`, `double_val: 0.1`, ``}},
	{asof.Scalar(asof.TypeFloat32), `[45.25, 0.1]`, []string{`float_val: 45.25`, `float_val: 0.1`}},
	{asof.Scalar(asof.TypeBool), `[true, false, null]`, []string{`bool_val: true`, `bool_val: false`, ``}},
	{asof.Scalar(asof.TypeUnixTimestamp), `["2024-01-31T00:00:00.999999Z", "1969-12-31T23:59:59.5Z"]`, []string{`unix_timestamp_val: 1706659200`, `unix_timestamp_val: -1`}},
	{asof.Scalar(asof.TypeZonedTimestamp), `["2024-01-31T00:00:00Z"]`, []string{`zoned_timestamp_val { unix_timestamp: 1706659200 zone: "UTC" }`}},
	{asof.Scalar(asof.TypeBytesList), `[["AA==", "AQ=="], []]`, []string{`bytes_list_val { val: "\000" val: "\001" }`, `bytes_list_val {}`}},
	{asof.Scalar(asof.TypeStringList), `[["a", ""], null]`, []string{`string_list_val { val: "a" val: "" }`, ``}},
	{asof.Scalar(asof.TypeInt32List), `[[1, -2]]`, []string{`int32_list_val { val: 1 val: -2 }`}},
	{asof.Scalar(asof.TypeInt64List), `[[0], [1], []]`, []string{`int64_list_val { val: 0 }`, `int64_list_val { val: 1 }`, `int64_list_val {}`}},
	{asof.Scalar(asof.TypeFloat64List), `[[1.5, 2]]`, []string{`double_list_val { val: 1.5 val: 2 }`}},
	{asof.Scalar(asof.TypeFloat32List), `[[1.5, 0.1]]`, []string{`float_list_val { val: 1.5 val: 0.1 }`}},
	{asof.Scalar(asof.TypeBoolList), `[[true, false]]`, []string{`bool_list_val { val: true val: false }`}},
	{asof.Scalar(asof.TypeTimestampList), `[["2024-01-31T00:00:00Z", null]]`, []string{`unix_timestamp_list_val { val: 1706659200 val: -9223372036854775808 }`}},
	{asof.Scalar(asof.TypeInt64Set), `[[3, 4]]`, []string{`int64_set_val { val: 3 val: 4 }`}},
	{asof.Scalar(asof.TypeStringSet), `[["x"]]`, []string{`string_set_val { val: "x" }`}},
	{asof.Scalar(asof.TypeFloat32Set), `[[0.5]]`, []string{`float_set_val { val: 0.5 }`}},
	{asof.Scalar(asof.TypeMap), `["{\"a\": 1, \"b\": [1.5, 2], \"c\": {\"d\": null}, \"e\": [{\"f\": \"g\"}], \"h\": true, \"i\": [1, \"x\"], \"j\": [], \"k\": [true], \"l\": [\"m\"], \"n\": [7]}"]`, []string{`map_val {
		val { key: "a" value { int64_val: 1 } } val { key: "b" value { double_list_val { val: 1.5 val: 2 } } }
		val { key: "c" value { map_val { val { key: "d" value {} } } } }
		val { key: "e" value { map_list_val { val { val { key: "f" value { string_val: "g" } } } } } }
		val { key: "h" value { bool_val: true } } val { key: "i" value { list_val { val { int64_val: 1 } val { string_val: "x" } } } }
		val { key: "j" value { list_val {} } } val { key: "k" value { bool_list_val { val: true } } }
		val { key: "l" value { string_list_val { val: "m" } } } val { key: "n" value { int64_list_val { val: 7 } } } }`}},
	{asof.Scalar(asof.TypeMap), `["{\"a\": 1, \"b\": 2, \"a\": 3}"]`, []string{`map_val { val { key: "a" value { int64_val: 3 } } val { key: "b" value { int64_val: 2 } } }`}},
	{asof.Scalar(asof.TypeMapList), `[["{\"a\": 1}", "{}"]]`, []string{`map_list_val { val { val { key: "a" value { int64_val: 1 } } } val {} }`}},
	{asof.Scalar(asof.TypeScalarMap), `["{\"7\": \"a\", \"2.5\": null, \"true\": 3}"]`, []string{`scalar_map_val { val { key { int64_key: 7 } value { string_val: "a" } } val { key { double_key: 2.5 } value {} } val { key { bool_key: true } value { int64_val: 3 } } }`}},
	{asof.Scalar(asof.TypeJSON), `["{\"a\": 1}"]`, []string{`json_val: "{\"a\": 1}"`}},
	{asof.Scalar(asof.TypeJSONList), `[["1", "[]"]]`, []string{`json_list_val { val: "1" val: "[]" }`}},
	{structType, `[{"a": 1, "b": ["x"]}, {"a": null, "b": null}, null]`, []string{
		`struct_val { val { key: "a" value { int64_val: 1 } } val { key: "b" value { string_list_val { val: "x" } } } }`,
		`struct_val { val { key: "a" value {} } val { key: "b" value {} } }`, ``}},
	{asof.Type{Value: asof.TypeStructList, Fields: structType.Fields}, `[[{"a": 1, "b": []}]]`, []string{
		`struct_list_val { val { val { key: "a" value { int64_val: 1 } } val { key: "b" value { string_list_val {} } } } }`}},
	{asof.Scalar(asof.TypeUUID), `["550e8400-e29b-41d4-a716-446655440000"]`, []string{`uuid_val: "550e8400-e29b-41d4-a716-446655440000"`}},
	{asof.Scalar(asof.TypeTimeUUIDList), `[["a"]]`, []string{`time_uuid_list_val { val: "a" }`}},
	{asof.Scalar(asof.TypeDecimal), `["12.340"]`, []string{`decimal_val: "12.340"`}},
	{asof.Scalar(asof.TypeDecimalSet), `[["1.5"]]`, []string{`decimal_set_val { val: "1.5" }`}},
	{asof.Type{Value: asof.TypeValueList, Elem: &asof.Type{Value: asof.TypeInt64List}}, `[[[1, 2], [], null]]`, []string{
		`list_val { val { int64_list_val { val: 1 val: 2 } } val { int64_list_val {} } val {} }`}},
}

func TestAppendWritesFeastsMessages(t *testing.T) {
	for _, c := range scalars {
		a := cells(t, c.typ, c.cells)
		if a.Len() != len(c.want) {
			t.Fatalf("%s: %d cells, %d wanted", c.typ, a.Len(), len(c.want))
		}
		for i, text := range c.want {
			var want, got types.Value
			if err := prototext.Unmarshal([]byte(text), &want); err != nil {
				t.Fatal(err)
			}
			b, err := value.Append([]byte("before"), c.typ, a, i)
			if err != nil {
				t.Errorf("%s, cell %d: %v", c.typ, i, err)
				continue
			}
			b = b[len("before"):]
			if err := proto.Unmarshal(b, &got); err != nil || !proto.Equal(&got, &want) {
				t.Errorf("%s, cell %d: got %v (%v), want %v", c.typ, i, &got, err, &want)
			}
			if theirs, _ := proto.Marshal(&want); len(theirs) != len(b) {
				t.Errorf("%s, cell %d: %x is not as long as the generated code's %x", c.typ, i, b, theirs)
			}
		}
	}
}

func TestAppendRefuses(t *testing.T) {
	for _, c := range []struct {
		typ   asof.Type
		as    asof.Type
		cells string
		want  string
	}{
		{asof.Scalar(asof.TypeInt64List), asof.Scalar(asof.TypeInt64List), `[[1, null]]`, "element 2 of the list is NULL"},
		{asof.Scalar(asof.TypeInt64), asof.Scalar(asof.TypeInt32), `[1]`, "declared as Int64 arrived as Arrow's int32"},
		{asof.Scalar(asof.TypeMap), asof.Scalar(asof.TypeMap), `["[1]"]`, "is not the JSON object"},
		{asof.Scalar(asof.TypeMap), asof.Scalar(asof.TypeMap), `["{} x"]`, "is not the JSON object"},
		{asof.Scalar(asof.TypeScalarMap), asof.Scalar(asof.TypeScalarMap), `["{\"a\": 1}"]`, `key "a" of a ScalarMap`},
	} {
		_, err := value.Append(nil, c.typ, cells(t, c.as, c.cells), 0)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s from %s: got error %v, want %q", c.typ, c.cells, err, c.want)
		}
	}
}

// TestHolds tells values of Feast's rows from what counts as null.
func TestHolds(t *testing.T) {
	time, missing := value.AppendUnixTimestamp(nil, 1706659200), []byte(value.NoTimestamp)
	for _, c := range []struct {
		typ     asof.ValueType
		message []byte
		want    bool
	}{
		{asof.TypeUnixTimestamp, time, true}, {asof.TypeUnixTimestamp, missing, false}, {asof.TypeUnixTimestamp, nil, true},
		{asof.TypeInt64, time, false}, {asof.TypeInt64, missing, false}, {asof.TypeString, []byte{0x12, 0}, true},
	} {
		if got := value.Holds(asof.Scalar(c.typ), c.message); got != c.want {
			t.Errorf("%s from %x: %t, want %t", asof.Scalar(c.typ), c.message, got, c.want)
		}
	}
}
