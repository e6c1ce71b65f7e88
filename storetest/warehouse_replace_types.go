package storetest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
)

// kept is a column of a replacement: its values, as JSON, and how a view that
// reads it declares it.
type kept struct {
	name   string
	typ    arrow.DataType
	values string // of three rows; the last is null
	as     asof.Type
	want   string // the values that the view reads, where they are written otherwise
}

var zoned = &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "Europe/Berlin"}

// keptColumns are values of every type that a training set's columns can have.
var keptColumns = []kept{
	{"bool", arrow.FixedWidthTypes.Boolean, `[true, false, null]`, asof.Scalar(asof.TypeBool), ""},
	{"int8", arrow.PrimitiveTypes.Int8, `[-128, 127, null]`, asof.Scalar(asof.TypeInt32), ""},
	{"uint8", arrow.PrimitiveTypes.Uint8, `[0, 255, null]`, asof.Scalar(asof.TypeInt32), ""},
	{"int16", arrow.PrimitiveTypes.Int16, `[-32768, 32767, null]`, asof.Scalar(asof.TypeInt32), ""},
	{"uint16", arrow.PrimitiveTypes.Uint16, `[0, 65535, null]`, asof.Scalar(asof.TypeInt32), ""},
	{"int32", arrow.PrimitiveTypes.Int32, `[-2147483648, 2147483647, null]`, asof.Scalar(asof.TypeInt32), ""},
	{"uint32", arrow.PrimitiveTypes.Uint32, `[0, 4294967295, null]`, asof.Scalar(asof.TypeInt64), ""},
	{"int64", arrow.PrimitiveTypes.Int64, `["-9223372036854775808", "9223372036854775807", null]`, asof.Scalar(asof.TypeInt64), ""},
	{"uint64", arrow.PrimitiveTypes.Uint64, `["0", "18446744073709551615", null]`, asof.Scalar(asof.TypeString), ""},
	{"float32", arrow.PrimitiveTypes.Float32, `[1.1, -3.4028235e38, null]`, asof.Scalar(asof.TypeFloat32), ""},
	{"float64", arrow.PrimitiveTypes.Float64, `[0.1, 1.7976931348623157e308, null]`, asof.Scalar(asof.TypeFloat64), ""},
	{"text", arrow.BinaryTypes.String, `["", "tab\tnew\nline \\ 'quote' \"two\" 结果 🦉", null]`, asof.Scalar(asof.TypeString), ""},
	{"large", arrow.BinaryTypes.LargeString, `["x", "\\N", null]`, asof.Scalar(asof.TypeString), ""},
	{"bytes", arrow.BinaryTypes.Binary, `["", "AP/+gA==", null]`, asof.Scalar(asof.TypeBytes), ""},
	{"date", arrow.FixedWidthTypes.Date32, `["1900-01-01", "2200-12-31", null]`, asof.Scalar(asof.TypeUnixTimestamp), ""},
	{"instant", asof.Timestamp, `["1900-01-01T00:00:00.000001Z", "2200-06-30T23:59:59.999999Z", null]`, asof.Scalar(asof.TypeUnixTimestamp), ""},
	{"naive", &arrow.TimestampType{Unit: arrow.Microsecond}, `["1969-12-31 23:59:59.999999", "2024-03-31 02:30:00", null]`, asof.Scalar(asof.TypeUnixTimestamp), ""},
	{"zoned ns", zoned, `["2024-03-31T02:30:00.123456+02:00", "1969-12-31T23:59:59.999999Z", null]`, asof.Scalar(asof.TypeUnixTimestamp), ""},
	{"seconds", &arrow.TimestampType{Unit: arrow.Second, TimeZone: "UTC"}, `["2024-01-31T00:00:00Z", "1900-01-01T00:00:01Z", null]`, asof.Scalar(asof.TypeUnixTimestamp), ""},
	{"decimal", &arrow.Decimal128Type{Precision: 38, Scale: 18}, `["0.000000000000000001", "-99999999999999999999.999999999999999999", null]`, asof.Scalar(asof.TypeDecimal), ""},
	{"money", &arrow.Decimal128Type{Precision: 8, Scale: 2}, `["45.25", "-0.01", null]`, asof.Scalar(asof.TypeDecimal), ""},
	{"ints", arrow.ListOf(arrow.PrimitiveTypes.Int64), `[[1, null, 3], [], null]`, asof.ListOf(asof.Scalar(asof.TypeInt64)), ""},
	{"floats", arrow.ListOf(arrow.PrimitiveTypes.Float32), `[[1.1, null], [0.1], null]`, asof.ListOf(asof.Scalar(asof.TypeFloat32)), ""},
	{"texts", arrow.ListOf(arrow.BinaryTypes.String), `[["a,b", null, "{\"}"], [""], null]`, asof.ListOf(asof.Scalar(asof.TypeString)), ""},
	{"blobs", arrow.ListOf(arrow.BinaryTypes.Binary), `[["AP8="], [], null]`, asof.ListOf(asof.Scalar(asof.TypeBytes)), ""},
	{"bools", arrow.ListOf(arrow.FixedWidthTypes.Boolean), `[[true, false], [null], null]`, asof.ListOf(asof.Scalar(asof.TypeBool)), ""},
	{"times", arrow.ListOf(asof.Timestamp), `[["2024-01-31T12:00:00Z"], [], null]`, asof.ListOf(asof.Scalar(asof.TypeUnixTimestamp)), ""},
	{"map", arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int64), `[[{"key": "b", "value": 2}, {"key": "a ü", "value": null}], [], null]`,
		asof.Scalar(asof.TypeMap), `[{"b": 2, "a ü": null}, {}, null]`},
	{"struct", arrow.StructOf(arrow.Field{Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, arrow.Field{Name: "t", Type: arrow.ListOf(arrow.BinaryTypes.String), Nullable: true}),
		`[{"n": 9007199254740993, "t": ["x"]}, {"n": null, "t": null}, null]`, asof.Scalar(asof.TypeMap), `[{"n": 9007199254740993, "t": ["x"]}, {"n": null, "t": null}, null]`},
	{"typed", arrow.StructOf(arrow.Field{Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true}), `[{"n": -9007199254740993}, {"n": null}, null]`,
		asof.Type{Value: asof.TypeStruct, Fields: []asof.Field{{Name: "n", Type: asof.Scalar(asof.TypeInt64)}}}, ""},
	{"lists", arrow.ListOf(arrow.ListOf(arrow.PrimitiveTypes.Int64)), `[[[1, null], []], [null], null]`, asof.ListOf(asof.ListOf(asof.Scalar(asof.TypeInt64))), ""},
	{"nothing", arrow.Null, `[null, null, null]`, asof.Scalar(asof.TypeString), `[null, null, null]`},
}

func (k kept) array(t *testing.T) arrow.Array {
	t.Helper()
	values, _, err := array.FromJSON(memory.DefaultAllocator, k.typ, strings.NewReader(k.values))
	if err != nil {
		t.Fatalf("%s: %v", k.name, err)
	}
	return values
}

// testReplaceTypes reads a replacement back as a source of features.
func testReplaceTypes(t *testing.T, w WarehouseUnderTest) {
	schema := []arrow.Field{{Name: "key", Type: arrow.PrimitiveTypes.Int64}, {Name: "at", Type: asof.Timestamp}}
	columns := []arrow.Array{kept{typ: schema[0].Type, values: `[0, 1, 2]`}.array(t),
		kept{typ: asof.Timestamp, values: `["2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"]`}.array(t)}
	view := asof.ViewQuery{View: "v", Timestamp: "at", Keys: []asof.KeyColumn{{Column: "key", Entity: "key", Type: asof.Scalar(asof.TypeInt64)}},
		Source: &asof.DataSource{Name: "s", Kind: asof.SourcePostgres, Table: `"` + result + `"`, TimestampField: "at"}}
	for _, k := range keptColumns {
		schema = append(schema, arrow.Field{Name: k.name, Type: k.typ, Nullable: true})
		columns = append(columns, k.array(t))
		view.Features = append(view.Features, asof.FeatureColumn{Column: k.name, Output: k.name, Type: k.as})
	}
	batch := array.NewRecordBatch(arrow.NewSchema(schema, nil), columns, 3)
	rows, err := array.NewRecordReader(batch.Schema(), []arrow.RecordBatch{batch})
	if err != nil {
		t.Fatal(err)
	}
	mustReplace(t, w, result, "", rows)

	answer, err := w.Offline.Historical(t.Context(), &asof.PointInTime{Timestamp: "event_timestamp", Views: []asof.ViewQuery{view},
		Entities: asof.EntityRows{SQL: fmt.Sprintf(`SELECT "key", "at" AS event_timestamp FROM "%s" ORDER BY "key"`, result)}})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Release()
	if !answer.Next() || answer.RecordBatch().NumRows() != 3 {
		t.Fatalf("no three rows: %v", answer.Err())
	}
	for i, k := range keptColumns {
		got := answer.RecordBatch().Column(2 + i)
		if k.want != "" {
			sameJSON(t, k, got)
			continue
		}
		want, err := asof.Cast(k.array(t), k.as, memory.DefaultAllocator)
		if err != nil {
			t.Fatal(err)
		}
		if !array.Equal(got, want) {
			t.Errorf("column %s of %s comes back as %s, want %s", k.name, k.typ, got, want)
		}
	}
}

// sameJSON compares texts of JSON with what a column has to hold.
func sameJSON(t *testing.T, k kept, got arrow.Array) {
	t.Helper()
	var want []any
	d := json.NewDecoder(strings.NewReader(k.want))
	d.UseNumber()
	if err := d.Decode(&want); err != nil {
		t.Fatal(err)
	}
	for i, value := range want {
		var have any
		if !got.IsNull(i) {
			d := json.NewDecoder(strings.NewReader(got.ValueStr(i)))
			d.UseNumber()
			if err := d.Decode(&have); err != nil {
				t.Errorf("column %s, row %d: %q is no JSON", k.name, i, got.ValueStr(i))
			}
		}
		diff(t, "column "+k.name, value, have)
	}
}
