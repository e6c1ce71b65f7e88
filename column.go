package asof

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// NumericPrecision and NumericScale are what a numeric without a precision of
// its own holds on its way through a pipeline: 20 digits before the point and
// 18 after it. The embedded warehouse stores it so; Postgres stores the value.
const (
	NumericPrecision = 38
	NumericScale     = 18
)

var columnTypes = map[string]arrow.DataType{
	"text": arrow.BinaryTypes.String, "bigint": arrow.PrimitiveTypes.Int64, "integer": arrow.PrimitiveTypes.Int32,
	"boolean": arrow.FixedWidthTypes.Boolean, "date": arrow.FixedWidthTypes.Date32, "timestamptz": Timestamp,
	"double precision": arrow.PrimitiveTypes.Float64, "real": arrow.PrimitiveTypes.Float32,
	"numeric": &arrow.Decimal128Type{Precision: NumericPrecision, Scale: NumericScale},
}

var columnAliases = map[string]string{
	"varchar": "text", "string": "text", "int8": "bigint", "int": "integer", "int4": "integer", "bool": "boolean",
	"timestamp with time zone": "timestamptz", "float8": "double precision", "double": "double precision",
	"float4": "real", "decimal": "numeric",
}

var numericType = regexp.MustCompile(`^(?:numeric|decimal) ?\( ?(\d{1,3}) ?(?:, ?(\d{1,3}) ?)?\)$`)

// ColumnType returns the one way in which a TableColumn's type is written, for
// any way in which SQL writes it: "INT" is "integer", "decimal (8, 2)" is
// "numeric(8,2)". A type that no warehouse keeps is CodeInvalid.
func ColumnType(name string) (string, error) {
	s := strings.Join(strings.Fields(strings.ToLower(name)), " ")
	if alias, ok := columnAliases[s]; ok {
		s = alias
	}
	if _, ok := columnTypes[s]; ok {
		return s, nil
	}
	if m := numericType.FindStringSubmatch(s); m != nil {
		precision, _ := strconv.Atoi(m[1])
		scale, _ := strconv.Atoi(m[2]) // "" is 0, as in SQL
		if precision < 1 || precision > NumericPrecision || scale > precision {
			return "", Errorf(CodeInvalid, "the type %q holds at most %d digits, and no more after the point than in all", name, NumericPrecision)
		}
		return fmt.Sprintf("numeric(%d,%d)", precision, scale), nil
	}
	known := []string{"text", "bigint", "integer", "boolean", "date", "timestamptz", "double precision", "real", "numeric", "numeric(p,s)"}
	return "", Errorf(CodeInvalid, "the type %q is not known; known: %s", name, strings.Join(known, ", "))
}

// Arrow returns the Arrow type in which the column's values travel: numerics
// are decimals, with NumericPrecision and NumericScale where they have none of
// their own. A type that is not written as ColumnType writes it is CodeInvalid.
func (c TableColumn) Arrow() (arrow.DataType, error) {
	if t, ok := columnTypes[c.Type]; ok {
		return t, nil
	}
	canonical, err := ColumnType(c.Type)
	if err != nil {
		return nil, Errorf(CodeInvalid, "column %q: %w", c.Name, err)
	}
	if t, ok := columnTypes[canonical]; ok {
		return t, nil
	}
	var precision, scale int32
	if _, err := fmt.Sscanf(canonical, "numeric(%d,%d)", &precision, &scale); err != nil {
		return nil, Errorf(CodeInternal, "column %q: the type %q cannot be read", c.Name, canonical)
	}
	return &arrow.Decimal128Type{Precision: precision, Scale: scale}, nil
}

// Schema returns the Arrow schema of the table's rows, every column nullable.
func (t Table) Schema() (*arrow.Schema, error) {
	fields := make([]arrow.Field, len(t.Columns))
	for i, c := range t.Columns {
		typ, err := c.Arrow()
		if err != nil {
			return nil, Errorf(ErrorCode(err), "table %q: %w", t.Name, err)
		}
		fields[i] = arrow.Field{Name: c.Name, Type: typ, Nullable: true}
	}
	return arrow.NewSchema(fields, nil), nil
}

// AsOfColumn is the column of a snapshot that says of which day it is.
const AsOfColumn = "as_of"

// ColumnNames returns the names of the columns, in their order.
func (t Table) ColumnNames() []string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	return names
}

// SnapshotColumns returns the columns of a snapshot of the table: its own,
// with as_of, a date, after the last one of the key.
func (t Table) SnapshotColumns() []TableColumn {
	last := -1
	for i, c := range t.Columns {
		for _, k := range t.Key {
			if c.Name == k {
				last = i
			}
		}
	}
	columns := append([]TableColumn{}, t.Columns[:last+1]...)
	columns = append(columns, TableColumn{Name: AsOfColumn, Type: "date"})
	return append(columns, t.Columns[last+1:]...)
}

// DuplicateKey is why a file or a query is refused as the rows of a table: two
// of its rows have the same key. An error of Stage.Load wraps it.
type DuplicateKey struct {
	Table  string
	Key    []string // the columns
	Values []string // theirs, as text
	Count  int64    // how many rows have it
}

// Error names the table and the key.
func (e *DuplicateKey) Error() string {
	return fmt.Sprintf("table %q: %d rows have the key %s; keep one of them", e.Table, e.Count, keyText(e.Key, e.Values))
}

// KeyTaken is why rows are not added to a table: it has one of their keys, with
// other values. An error of Stage.Publish wraps it.
type KeyTaken struct {
	Table  string
	Key    []string // the columns
	Values []string // theirs, as text
}

func (e *KeyTaken) Error() string {
	return fmt.Sprintf("table %q has the key %s already, with other values, and rows are only added to it; take the row out of the file, or set `mode: upsert`",
		e.Table, keyText(e.Key, e.Values))
}

// keyText writes a key for messages.
func keyText(key, values []string) string {
	parts := make([]string, len(key))
	for i, k := range key {
		parts[i] = k + "=" + values[i]
	}
	return strings.Join(parts, ", ")
}
