package storetest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
)

// OfflineTable is a table of a case: columns with SQL types, and the values as
// text, nil for NULL.
type OfflineTable struct {
	Name    string
	Columns []asof.TableColumn
	Rows    [][]*string
}

// tableTypes are the types that a case's tables may have, beside
// numeric(precision,scale).
var tableTypes = map[string]arrow.DataType{
	"text": arrow.BinaryTypes.String, "bigint": arrow.PrimitiveTypes.Int64, "integer": arrow.PrimitiveTypes.Int32,
	"boolean": arrow.FixedWidthTypes.Boolean, "date": arrow.FixedWidthTypes.Date32, "real": arrow.PrimitiveTypes.Float32,
	"double": arrow.PrimitiveTypes.Float64, "timestamptz": asof.Timestamp, "timestamp": &arrow.TimestampType{Unit: arrow.Microsecond},
}

func arrowType(sql string) (arrow.DataType, error) {
	var precision, scale int32
	if n, _ := fmt.Sscanf(sql, "numeric(%d,%d)", &precision, &scale); n == 2 {
		return &arrow.Decimal128Type{Precision: precision, Scale: scale}, nil
	}
	if t, ok := tableTypes[sql]; ok {
		return t, nil
	}
	return nil, fmt.Errorf("the type %q is not one that a case may use", sql)
}

// Records returns the table's rows as Arrow. The caller releases them.
func (o OfflineTable) Records(tb testing.TB) arrow.RecordBatch {
	tb.Helper()
	fields := make([]arrow.Field, len(o.Columns))
	for i, c := range o.Columns {
		t, err := arrowType(c.Type)
		if err != nil {
			tb.Fatal(err)
		}
		fields[i] = arrow.Field{Name: c.Name, Type: t, Nullable: true}
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	defer b.Release()
	for _, row := range o.Rows {
		for i, v := range row {
			if v == nil {
				b.Field(i).AppendNull()
			} else if err := appendText(b.Field(i), *v); err != nil {
				tb.Fatalf("table %s, column %s: %v", o.Name, fields[i].Name, err)
			}
		}
	}
	return b.NewRecordBatch()
}

func appendText(b array.Builder, s string) error {
	at, isTime := asof.ParseTime(s)
	switch b := b.(type) {
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(at.UnixMicro()))
	case *array.Date32Builder:
		b.Append(arrow.Date32FromTime(at))
	default:
		return b.AppendValueFromString(s)
	}
	if !isTime {
		return fmt.Errorf("%q is not a time", s)
	}
	return nil
}

// SQLType returns a column's type as DuckDB and PostgreSQL both write it.
func SQLType(c asof.TableColumn) string {
	if c.Type == "double" {
		return "double precision"
	}
	return c.Type
}

// Values returns the table's rows, in their order, as the SELECT that DuckDB and
// PostgreSQL both understand.
func (o OfflineTable) Values() string {
	var rows, names []string
	for _, c := range o.Columns {
		names = append(names, `"`+c.Name+`"`)
	}
	for _, row := range o.Rows {
		var values []string
		for i, v := range row {
			text := "NULL"
			if v != nil {
				text = "'" + strings.ReplaceAll(*v, "'", "''") + "'"
			}
			values = append(values, "CAST("+text+" AS "+SQLType(o.Columns[i])+")")
		}
		rows = append(rows, "("+strings.Join(values, ", ")+")")
	}
	where := ""
	if len(rows) == 0 { // VALUES needs a row
		var nulls []string
		for _, c := range o.Columns {
			nulls = append(nulls, "CAST(NULL AS "+SQLType(c)+")")
		}
		rows, where = []string{"(" + strings.Join(nulls, ", ") + ")"}, " WHERE false"
	}
	return "SELECT * FROM (VALUES " + strings.Join(rows, ", ") + ") AS v(" + strings.Join(names, ", ") + ")" + where
}

// text returns a value for comparison: times in RFC 3339, NULL as -.
func text(column arrow.Array, i int) string {
	if column.IsNull(i) {
		return "-"
	}
	if at, ok := asof.Instants(column, asof.RoundDown); ok {
		return micros(at(i))
	}
	return strings.Clone(column.ValueStr(i)) // the column may be an engine's memory
}
