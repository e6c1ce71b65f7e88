package receipt_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"pgregory.net/rapid"

	"github.com/asof-dev/asof/receipt"
)

var mem = memory.NewGoAllocator()

// sum hashes columns of one batch.
func sum(columns ...arrow.Array) string {
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		fields[i] = arrow.Field{Name: string(rune('a' + i)), Type: c.DataType(), Nullable: true}
	}
	schema := arrow.NewSchema(fields, nil)
	h := receipt.NewHash(schema)
	h.Add(array.NewRecordBatch(schema, columns, int64(columns[0].Len())))
	return receipt.Sum(h.Rows(), h.Columns())
}

func build(t arrow.DataType, texts ...string) arrow.Array {
	b := array.NewBuilder(mem, t)
	for _, s := range texts {
		if s == "-" {
			b.AppendNull()
		} else if err := b.AppendValueFromString(s); err != nil {
			panic(err)
		}
	}
	return b.NewArray()
}

// The hash is what its description says, computed by hand.
func TestHashIsAsDescribed(t *testing.T) {
	le := func(v uint64) string { return string(binary.LittleEndian.AppendUint64(nil, v)) }
	hash := func(s string) string { h := sha256.Sum256([]byte(s)); return string(h[:]) }
	numbers := hash("\x01" + le(math.MaxUint64) + "\x00")
	texts := hash("\x01" + le(2) + "ab" + "\x01" + le(0))
	want := hash("asof content 1\n" + le(2) + le(1) + "a" + le(5) + "int32" + numbers + le(1) + "b" + le(4) + "text" + texts)
	got := sum(build(arrow.PrimitiveTypes.Int32, "-1", "-"), build(arrow.BinaryTypes.String, "ab", ""))
	if got != "sha256:"+hex.EncodeToString([]byte(want)) {
		t.Errorf("%s, want %x", got, want)
	}
}

// The layout of the same values changes nothing; types and values do.
func TestHashKnowsValuesNotLayouts(t *testing.T) {
	day := time.Date(1969, 12, 31, 23, 59, 59, 999_000_000, time.UTC)
	stamp := func(unit arrow.TimeUnit, zone string) arrow.Array {
		typ := &arrow.TimestampType{Unit: unit, TimeZone: zone}
		b := array.NewTimestampBuilder(mem, typ)
		at, _ := arrow.TimestampFromTime(day, unit)
		b.Append(at)
		return b.NewArray()
	}
	list := func(t arrow.DataType) arrow.Array { return build(t, "[1, null]", "-", "[]", "[2]") }
	floats := func(bits ...uint64) arrow.Array {
		b := array.NewFloat64Builder(mem)
		for _, v := range bits {
			b.Append(math.Float64frombits(v))
		}
		return b.NewArray()
	}
	text := build(arrow.BinaryTypes.String, "x", "-", "y", "x")
	for name, pair := range map[string][2]arrow.Array{
		"large text":     {text, build(arrow.BinaryTypes.LargeString, "x", "-", "y", "x")},
		"text view":      {text, build(arrow.BinaryTypes.StringView, "x", "-", "y", "x")},
		"dictionary":     {text, build(&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}, "x", "-", "y", "x")},
		"slice":          {text, array.NewSlice(build(arrow.BinaryTypes.String, "q", "x", "-", "y", "x", "-"), 1, 5)},
		"time units":     {stamp(arrow.Millisecond, "UTC"), stamp(arrow.Nanosecond, "Europe/Bern")},
		"days":           {build(arrow.FixedWidthTypes.Date32, "1969-12-30"), build(arrow.FixedWidthTypes.Date64, "1969-12-30")},
		"large lists":    {list(arrow.ListOf(arrow.PrimitiveTypes.Int64)), list(arrow.LargeListOf(arrow.PrimitiveTypes.Int64))},
		"slice of lists": {list(arrow.ListOf(arrow.PrimitiveTypes.Int64)), array.NewSlice(build(arrow.ListOf(arrow.PrimitiveTypes.Int64), "[9]", "[1, null]", "-", "[]", "[2]"), 1, 5)},
		"NaN":            {floats(0x7ff8000000000001), floats(0xfff8000000000abc)},
	} {
		if a, b := sum(pair[0]), sum(pair[1]); a != b {
			t.Errorf("%s: %s and %s", name, a, b)
		}
	}
	ints := func(t arrow.DataType) arrow.Array { return build(t, "1", "2") }
	for name, pair := range map[string][2]arrow.Array{
		"width":        {ints(arrow.PrimitiveTypes.Int32), ints(arrow.PrimitiveTypes.Int64)},
		"zone":         {stamp(arrow.Millisecond, ""), stamp(arrow.Millisecond, "UTC")},
		"bytes":        {build(arrow.BinaryTypes.String, "x"), build(arrow.BinaryTypes.Binary, "eA==")},
		"null, empty":  {build(arrow.BinaryTypes.String, "-"), build(arrow.BinaryTypes.String, "")},
		"cut of texts": {build(arrow.BinaryTypes.String, "ab", "c"), build(arrow.BinaryTypes.String, "a", "bc")},
		"cut of lists": {build(arrow.ListOf(arrow.PrimitiveTypes.Int64), "[1]", "[2, 3]"), build(arrow.ListOf(arrow.PrimitiveTypes.Int64), "[1, 2]", "[3]")},
		"signed zero":  {floats(0), floats(1 << 63)},
		"order":        {ints(arrow.PrimitiveTypes.Int64), build(arrow.PrimitiveTypes.Int64, "2", "1")},
		"decimals":     {build(&arrow.Decimal128Type{Precision: 5, Scale: 1}, "1.5"), build(&arrow.Decimal128Type{Precision: 5, Scale: 2}, "1.5")},
		"fields": {build(arrow.StructOf(arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Int64, Nullable: true}), `{"x": 1}`),
			build(arrow.StructOf(arrow.Field{Name: "y", Type: arrow.PrimitiveTypes.Int64, Nullable: true}), `{"y": 1}`)},
	} {
		if a, b := sum(pair[0]), sum(pair[1]); a == b {
			t.Errorf("%s: both are %s", name, a)
		}
	}
	if a, b := sum(text, ints4()), sum(ints4(), text); a == b {
		t.Error("the order of columns makes no difference")
	}
}

func ints4() arrow.Array { return build(arrow.PrimitiveTypes.Int64, "1", "2", "3", "-") }

// However rows are cut into batches, the hash is that of one batch.
func TestHashIgnoresBatches(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		words := rapid.SliceOfN(rapid.SampledFrom([]string{"-", "", "a", "ab", "ü"}), 1, 40).Draw(r, "words")
		column := build(arrow.BinaryTypes.String, words...)
		schema := arrow.NewSchema([]arrow.Field{{Name: "a", Type: column.DataType(), Nullable: true}}, nil)
		whole := array.NewRecordBatch(schema, []arrow.Array{column}, int64(column.Len()))
		h := receipt.NewHash(schema)
		for from := int64(0); from < whole.NumRows(); {
			to := rapid.Int64Range(from, whole.NumRows()).Draw(r, "to")
			h.Add(whole.NewSlice(from, to))
			from = to
		}
		if got, want := receipt.Sum(h.Rows(), h.Columns()), sum(column); got != want {
			r.Errorf("%s in parts, %s as one", got, want)
		}
	})
}

// The time of a value, numbers of two kinds in turn.
func BenchmarkHash(b *testing.B) {
	const rows = 1 << 17
	ints, floats := array.NewInt64Builder(mem), array.NewFloat32Builder(mem)
	for i := range rows {
		ints.Append(int64(i))
		floats.Append(float32(i) / 3)
	}
	columns := []arrow.Array{ints.NewArray(), floats.NewArray()}
	schema := arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int64}, {Name: "b", Type: arrow.PrimitiveTypes.Float32}}, nil)
	batch := array.NewRecordBatch(schema, columns, rows)
	for b.Loop() {
		receipt.NewHash(schema).Add(batch)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows/2, "ns/value")
}
