package postgres

import (
	"context"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/asof-dev/asof"
)

// copyText reads record batches as the text that COPY takes.
type copyText struct {
	rows array.RecordReader
	text []byte // what is left of the present batch
	buf  []byte
}

// Read makes copyText an io.Reader.
func (c *copyText) Read(p []byte) (int, error) {
	for len(c.text) == 0 {
		if !c.rows.Next() {
			if err := c.rows.Err(); err != nil {
				return 0, err
			}
			return 0, io.EOF
		}
		c.buf = appendBatch(c.buf[:0], c.rows.RecordBatch())
		c.text = c.buf
	}
	n := copy(p, c.text)
	c.text = c.text[n:]
	return n, nil
}

func appendBatch(dst []byte, batch arrow.RecordBatch) []byte {
	for row := range int(batch.NumRows()) {
		for i, column := range batch.Columns() {
			if i > 0 {
				dst = append(dst, '\t')
			}
			dst = appendText(dst, column, row)
		}
		dst = append(dst, '\n')
	}
	return dst
}

// appendText appends one value of a type that asof.TableColumn has.
func appendText(dst []byte, column arrow.Array, row int) []byte {
	if column.IsNull(row) {
		return append(dst, `\N`...)
	}
	switch a := column.(type) {
	case *array.String:
		return append(dst, copyEscape.Replace(a.Value(row))...)
	case *array.Int64:
		return strconv.AppendInt(dst, a.Value(row), 10)
	case *array.Int32:
		return strconv.AppendInt(dst, int64(a.Value(row)), 10)
	case *array.Boolean:
		return strconv.AppendBool(dst, a.Value(row))
	case *array.Float64:
		return strconv.AppendFloat(dst, a.Value(row), 'g', -1, 64)
	case *array.Float32:
		return strconv.AppendFloat(dst, float64(a.Value(row)), 'g', -1, 32)
	case *array.Decimal128:
		scale := a.DataType().(*arrow.Decimal128Type).Scale
		text := a.Value(row).ToString(scale)
		if scale == asof.NumericScale {
			text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
		}
		return append(dst, text...)
	case *array.Date32:
		return appendInstant(dst, a.Value(row).ToTime(), "-01-02")
	case *array.Timestamp:
		return appendInstant(dst, a.Value(row).ToTime(arrow.Microsecond), "-01-02 15:04:05.999999Z07:00")
	}
	return append(dst, copyEscape.Replace(column.ValueStr(row))...)
}

// appendInstant writes a time in the form that PostgreSQL reads, whose year
// has an era.
func appendInstant(dst []byte, t time.Time, layout string) []byte {
	year, era := t.Year(), ""
	if year < 1 {
		year, era = 1-year, " BC"
	}
	for digits := 1000; year < digits && digits > 1; digits /= 10 {
		dst = append(dst, '0')
	}
	dst = strconv.AppendInt(dst, int64(year), 10)
	return append(t.AppendFormat(dst, layout), era...)
}

var copyEscape = strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`)

// textRows gives the answer of a query as record batches. Numbers, booleans,
// dates and instants have their Arrow types, everything else is its text.
type textRows struct {
	db      *DB
	result  *pgconn.ResultReader
	schema  *arrow.Schema
	builder *array.RecordBuilder
	batch   arrow.RecordBatch
	err     error
	refs    int
}

// batchRows is how many rows a batch of an answer has at most.
const batchRows = 8192

func queryText(ctx context.Context, conn *pgconn.PgConn, db *DB, sql string) (array.RecordReader, error) {
	const doing = "the query fails on the warehouse"
	// Described first, so that a mistake in the query is found here, and not by
	// whoever reads the answer.
	statement, err := conn.Prepare(ctx, "", sql, nil)
	if err != nil {
		return nil, db.fault(doing, err)
	}
	fields := make([]arrow.Field, len(statement.Fields))
	for i, f := range statement.Fields {
		fields[i] = arrow.Field{Name: f.Name, Type: arrowType(f.DataTypeOID), Nullable: true}
	}
	schema := arrow.NewSchema(fields, nil)
	return &textRows{db: db, result: conn.ExecPrepared(ctx, "", nil, nil, nil), schema: schema,
		builder: array.NewRecordBuilder(memory.DefaultAllocator, schema), refs: 1}, nil
}

func arrowType(oid uint32) arrow.DataType {
	switch oid {
	case pgtype.Int2OID, pgtype.Int4OID:
		return arrow.PrimitiveTypes.Int32
	case pgtype.Int8OID:
		return arrow.PrimitiveTypes.Int64
	case pgtype.BoolOID:
		return arrow.FixedWidthTypes.Boolean
	case pgtype.Float4OID:
		return arrow.PrimitiveTypes.Float32
	case pgtype.Float8OID:
		return arrow.PrimitiveTypes.Float64
	case pgtype.DateOID:
		return arrow.FixedWidthTypes.Date32
	case pgtype.TimestamptzOID, pgtype.TimestampOID:
		return asof.Timestamp
	}
	return arrow.BinaryTypes.String
}

func (r *textRows) Schema() *arrow.Schema          { return r.schema }
func (r *textRows) RecordBatch() arrow.RecordBatch { return r.batch }
func (r *textRows) Record() arrow.RecordBatch      { return r.batch }
func (r *textRows) Err() error                     { return r.db.fault("the query fails on the warehouse", r.err) }
func (r *textRows) Retain()                        { r.refs++ }

// Release ends the query.
func (r *textRows) Release() {
	if r.refs--; r.refs > 0 {
		return
	}
	r.drop()
	r.builder.Release()
	_, err := r.result.Close()
	if r.err == nil {
		r.err = err
	}
}

func (r *textRows) drop() {
	if r.batch != nil {
		r.batch.Release()
		r.batch = nil
	}
}

// Next reads the next batch.
func (r *textRows) Next() bool {
	r.drop()
	n := 0
	for ; r.err == nil && n < batchRows && r.result.NextRow(); n++ {
		for i, value := range r.result.Values() {
			if r.err = appendParsed(r.builder.Field(i), value); r.err != nil {
				return false
			}
		}
	}
	if n == 0 {
		if r.err == nil {
			_, r.err = r.result.Close()
		}
		return false
	}
	r.batch = r.builder.NewRecordBatch()
	return true
}

// appendParsed appends a value that PostgreSQL wrote as text; nil is NULL.
func appendParsed(b array.Builder, value []byte) error {
	switch instants, ok := b.(*array.TimestampBuilder); {
	case value == nil:
		b.AppendNull()
		return nil
	case ok:
		for _, layout := range []string{"2006-01-02 15:04:05.999999999Z07", "2006-01-02 15:04:05.999999999"} {
			if t, err := time.Parse(layout, string(value)); err == nil {
				instants.Append(arrow.Timestamp(t.UnixMicro()))
				return nil
			}
		}
		return asof.Errorf(asof.CodeInvalid, "the time %s is none of the years 1 to 9999", value)
	}
	return b.AppendValueFromString(string(value))
}
