package asof_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
)

func TestArrange(t *testing.T) {
	ns, us, s := &arrow.TimestampType{Unit: arrow.Nanosecond}, &arrow.TimestampType{Unit: arrow.Microsecond}, &arrow.TimestampType{Unit: arrow.Second, TimeZone: "UTC"}
	text, number := arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int64
	decimal := &arrow.Decimal128Type{Precision: 6, Scale: 2}
	dictionary := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: text}
	for _, c := range []struct {
		from   arrow.DataType
		values string
		to     arrow.DataType
		want   string // "" where the last value does not fit
	}{
		{number, `[1, null]`, number, `[1 (null)]`},
		{arrow.Null, `[null, null]`, decimal, `[(null) (null)]`},
		{number, `[1, 300]`, arrow.PrimitiveTypes.Uint8, ``},
		{number, `[1, 255, null]`, arrow.PrimitiveTypes.Uint8, `[1 255 (null)]`},
		{arrow.PrimitiveTypes.Float64, `[1.0, 2.5]`, arrow.PrimitiveTypes.Int16, ``},
		{arrow.PrimitiveTypes.Int32, `[7]`, arrow.PrimitiveTypes.Float32, `[7]`},
		{text, `["7", "seven"]`, number, ``},
		{arrow.PrimitiveTypes.Float64, `[1.006, -2]`, decimal, `[1.01 -2]`},
		{text, `["12.50"]`, decimal, `[12.5]`},
		{text, `["12345.1"]`, decimal, ``},
		{dictionary, `["a", "b", "a"]`, text, `["a" "b" "a"]`},
		{text, `["a", null, "a"]`, dictionary, "{ dictionary: [\"a\"]\n  indices: [0 (null) 0] }"},
		{text, `["ä"]`, arrow.BinaryTypes.LargeString, `["ä"]`},
		{arrow.BinaryTypes.Binary, `["AP8="]`, arrow.BinaryTypes.LargeBinary, "[\"\\x00\\xff\"]"},
		{arrow.BinaryTypes.Binary, `["AP8=", "AA=="]`, &arrow.FixedSizeBinaryType{ByteWidth: 2}, ``},
		{ns, `["2024-01-01T00:00:00.000000001", "1969-12-31T23:59:59.999999001"]`, us, `[1704067200000001 0]`},
		{us, `["2024-01-01T00:00:00.25"]`, s, `[1704067201]`},
		{us, `["2024-01-01T00:00:00.000001"]`, ns, `[1704067200000001000]`},
		{arrow.FixedWidthTypes.Date32, `["2024-02-29"]`, ns, `[1709164800000000000]`},
		{text, `["2024-01-01 02:00:00+02:00", "2024-01-01"]`, us, `[1704067200000000 1704067200000000]`},
		{text, `["2024-01-01", "soon"]`, us, ``},
		{us, `["2000-01-01", "3000-01-01"]`, ns, ``},
		{us, `["2024-01-01", "2024-01-01T00:00:01"]`, arrow.FixedWidthTypes.Date32, ``},
		{text, `["1900-03-01"]`, arrow.FixedWidthTypes.Date32, `[1900-03-01]`},
		{arrow.ListOf(arrow.PrimitiveTypes.Int32), `[[1, null], []]`, arrow.ListOf(number), `[[1 (null)] []]`},
	} {
		mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
		from := column(t, mem, c.from, c.values)
		other := column(t, mem, text, `[`+strings.Repeat(`"x", `, from.Len()-1)+`"x"]`)
		batch := array.NewRecordBatch(arrow.NewSchema([]arrow.Field{{Name: "other", Type: text}, {Name: "v", Type: c.from, Nullable: true}}, nil), []arrow.Array{other, from}, int64(from.Len()))
		rows, err := array.NewRecordReader(batch.Schema(), []arrow.RecordBatch{batch})
		if err != nil {
			t.Fatal(err)
		}
		arranged, err := asof.Arrange("the table", rows, arrow.NewSchema([]arrow.Field{{Name: "v", Type: c.to, Nullable: true}, {Name: "other", Type: text}}, nil), mem)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if arranged.Next() {
			got = fmt.Sprint(arranged.RecordBatch().Column(0))
		}
		wrong := fmt.Sprintf(`the table: row %d, column "v": `, from.Len())
		switch err := arranged.Err(); {
		case c.want == "" && (asof.ErrorCode(err) != asof.CodeInvalid || !strings.HasPrefix(err.Error(), wrong)):
			t.Errorf("%s as %s: %v, want one that begins with %s", c.values, c.to, err, wrong)
		case c.want != "" && (err != nil || got != c.want):
			t.Errorf("%s as %s is %s, %v, want %s", c.values, c.to, got, err, c.want)
		}
		arranged.Release()
		rows.Release()
		batch.Release()
		from.Release()
		other.Release()
		mem.AssertSize(t, 0)
	}
}
