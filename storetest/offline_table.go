package storetest

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
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
// numeric(precision,scale), timestamptz@ZONE, struct(NAME:TYPE,…),
// map(TYPE,TYPE) and TYPE[]. Arrow has no JSON: it is text there.
var tableTypes = map[string]arrow.DataType{
	"text": arrow.BinaryTypes.String, "uuid": arrow.BinaryTypes.String, "json": arrow.BinaryTypes.String,
	"bigint": arrow.PrimitiveTypes.Int64, "integer": arrow.PrimitiveTypes.Int32, "bytea": arrow.BinaryTypes.Binary,
	"boolean": arrow.FixedWidthTypes.Boolean, "date": arrow.FixedWidthTypes.Date32, "real": arrow.PrimitiveTypes.Float32,
	"double": arrow.PrimitiveTypes.Float64, "timestamptz": asof.Timestamp, "timestamp": &arrow.TimestampType{Unit: arrow.Microsecond},
	"timestamp_ns": &arrow.TimestampType{Unit: arrow.Nanosecond},
}

func arrowType(sql string) (arrow.DataType, error) {
	t := parseSQLType(sql)
	parts := make([]arrow.DataType, len(t.parts))
	for i, part := range t.parts {
		var err error
		if parts[i], err = arrowType(part.source); err != nil {
			return nil, err
		}
	}
	switch {
	case t.name == "[]":
		return arrow.ListOf(parts[0]), nil
	case t.name == "map" && len(parts) == 2:
		return arrow.MapOf(parts[0], parts[1]), nil
	case t.name == "struct":
		fields := make([]arrow.Field, len(parts))
		for i, part := range parts {
			fields[i] = arrow.Field{Name: t.fields[i], Type: part, Nullable: true}
		}
		return arrow.StructOf(fields...), nil
	}
	if zone, ok := strings.CutPrefix(sql, "timestamptz@"); ok {
		return &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: zone}, nil
	}
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
			} else if err := appendWord(b.Field(i), parseSQLType(o.Columns[i].Type), *v); err != nil {
				tb.Fatalf("table %s, column %s: %v", o.Name, fields[i].Name, err)
			}
		}
	}
	return b.NewRecordBatch()
}

// appendWord appends a value as a case writes it.
func appendWord(b array.Builder, t sqlType, word string) error {
	if !t.isDocument() {
		return appendText(b, word)
	}
	var node any
	d := json.NewDecoder(strings.NewReader(word))
	d.UseNumber()
	if err := d.Decode(&node); err != nil {
		return fmt.Errorf("%s: %w", word, err)
	}
	return appendNode(b, node)
}

// appendNode appends what was JSON; a map's members in the order of their names.
func appendNode(b array.Builder, node any) error {
	if node == nil {
		b.AppendNull()
		return nil
	}
	var err error
	switch b := b.(type) {
	case *array.StructBuilder:
		object, _ := node.(map[string]any)
		b.Append(true)
		for i, f := range b.Type().(*arrow.StructType).Fields() {
			err = errors.Join(err, appendNode(b.FieldBuilder(i), object[f.Name]))
		}
		return err
	case *array.MapBuilder:
		object, _ := node.(map[string]any)
		b.Append(true)
		for _, name := range slices.Sorted(maps.Keys(object)) {
			err = errors.Join(err, appendText(b.KeyBuilder(), name), appendNode(b.ItemBuilder(), object[name]))
		}
		return err
	case *array.ListBuilder:
		list, _ := node.([]any)
		b.Append(true)
		for _, elem := range list {
			err = errors.Join(err, appendNode(b.ValueBuilder(), elem))
		}
		return err
	}
	switch node := node.(type) {
	case string:
		return appendText(b, node)
	default:
		text, _ := json.Marshal(node) // what was JSON is JSON
		return appendText(b, string(text))
	}
}

func appendText(b array.Builder, s string) error {
	at, isTime := asof.ParseTime(s)
	switch b := b.(type) {
	case *array.TimestampBuilder:
		v, err := arrow.TimestampFromTime(at, b.Type().(*arrow.TimestampType).Unit)
		if err != nil {
			return err
		}
		b.Append(v)
	case *array.Date32Builder:
		b.Append(arrow.Date32FromTime(at))
	case *array.BinaryBuilder:
		v, err := octets(s)
		b.Append(v)
		return err
	case *array.ListBuilder:
		elements, err := listOf(s)
		b.Append(true)
		for _, e := range elements {
			if e == nil {
				b.ValueBuilder().AppendNull()
			} else if err == nil {
				err = appendText(b.ValueBuilder(), *e)
			}
		}
		return err
	default:
		return b.AppendValueFromString(s)
	}
	if !isTime {
		return fmt.Errorf("%q is not a time", s)
	}
	return nil
}

// octets returns the bytes that a word stands for: \x and hexadecimal digits,
// or its own.
func octets(s string) ([]byte, error) {
	if digits, ok := strings.CutPrefix(s, `\x`); ok {
		return hex.DecodeString(digits)
	}
	return []byte(s), nil
}

// listOf reads the elements of [1,-,3].
func listOf(s string) ([]*string, error) {
	rest, opened := strings.CutPrefix(s, "[")
	inner, closed := strings.CutSuffix(rest, "]")
	if !opened || !closed {
		return nil, fmt.Errorf("%q is not a list", s)
	}
	if inner == "" {
		return nil, nil
	}
	return corpusValues(strings.Split(inner, ",")), nil
}

// SQLType returns a column's type as DuckDB writes it, and PostgreSQL where the
// table is flat.
func SQLType(c asof.TableColumn) string { return parseSQLType(c.Type).sql() }

// sqlValue returns a value of a column, likewise.
func sqlValue(c asof.TableColumn, v *string) string {
	typ := SQLType(c)
	if v == nil {
		return "CAST(NULL AS " + typ + ")"
	}
	if t := parseSQLType(c.Type); t.isDocument() {
		return "CAST(CAST('" + strings.ReplaceAll(*v, "'", "''") + "' AS json) AS " + typ + ")"
	}
	if elem, ok := strings.CutSuffix(c.Type, "[]"); ok {
		elements, _ := listOf(*v) // Records says what is wrong with it
		values := make([]string, len(elements))
		for i, e := range elements {
			values[i] = sqlValue(asof.TableColumn{Type: elem}, e)
		}
		return "CAST(ARRAY[" + strings.Join(values, ", ") + "] AS " + typ + ")"
	}
	text := func(s string) string { return "CAST('" + strings.ReplaceAll(s, "'", "''") + "' AS " + typ + ")" }
	if typ != "bytea" {
		return text(*v)
	}
	bytes, _ := octets(*v)
	values := []string{text("")}
	for _, b := range bytes { // the only form of bytes that both read: one at a time
		values = append(values, text(fmt.Sprintf(`\x%02x`, b)))
	}
	return strings.Join(values, " || ")
}

// Values returns the table's rows, in their order, as the SELECT that DuckDB
// understands, and PostgreSQL where the table is flat.
func (o OfflineTable) Values() string {
	var rows, names []string
	for _, c := range o.Columns {
		names = append(names, `"`+c.Name+`"`)
	}
	for _, row := range o.Rows {
		var values []string
		for i, v := range row {
			values = append(values, sqlValue(o.Columns[i], v))
		}
		rows = append(rows, "("+strings.Join(values, ", ")+")")
	}
	where := ""
	if len(rows) == 0 { // VALUES needs a row
		var nulls []string
		for _, c := range o.Columns {
			nulls = append(nulls, sqlValue(c, nil))
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
