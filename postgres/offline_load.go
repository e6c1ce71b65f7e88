package postgres

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/pit"
)

// wanted makes the table of the keys that a query is limited to.
func (t *question) wanted(ctx context.Context, view *asof.ViewQuery, asked arrow.RecordBatch, mem memory.Allocator) error {
	keys, err := pit.ReadWanted(view, asked, mem)
	if err != nil {
		return err
	}
	defer keys.Release()
	reader, err := array.NewRecordReader(keys.Schema(), []arrow.RecordBatch{keys})
	if err != nil {
		return err
	}
	defer reader.Release()
	return t.fault(ctx, "the keys asked for cannot be copied", t.load(ctx, pit.WantedTable, reader))
}

// loadRows makes the table of the entity rows.
func (t *question) loadRows(ctx context.Context, rows *pit.Rows) error {
	table := rows.Table(ctx, func() (string, error) { return os.TempDir(), nil })
	defer table.Release()
	return t.load(ctx, pit.EntityTable, table)
}

// load makes a temporary table of the batches of a reader, which goes with the
// transaction.
func (t *question) load(ctx context.Context, table string, reader array.RecordReader) error {
	columns := make([]string, reader.Schema().NumFields())
	for i, f := range reader.Schema().Fields() {
		columns[i] = f.Name + " " + columnType(f.Type)
	}
	if _, err := t.tx.Exec(ctx, fmt.Sprintf("CREATE TEMPORARY TABLE %s (%s) ON COMMIT DROP", table, strings.Join(columns, ", "))); err != nil {
		return err
	}
	if _, err := t.conn.PgConn().CopyFrom(ctx, &copyBatches{reader: reader}, "COPY "+table+" FROM STDIN (FORMAT binary)"); err != nil {
		return err
	}
	_, err := t.tx.Exec(ctx, "ANALYZE "+table)
	return err
}

// columnType returns the type in which keys and times reach PostgreSQL.
func columnType(t arrow.DataType) string {
	switch t.ID() {
	case arrow.INT32, arrow.INT64:
		return "bigint"
	case arrow.FLOAT32:
		return "real"
	case arrow.FLOAT64:
		return "double precision"
	case arrow.BOOL:
		return "boolean"
	case arrow.BINARY:
		return "bytea"
	case arrow.TIMESTAMP:
		return "timestamptz"
	}
	return "text"
}

// copyBatches writes batches in the form of COPY … (FORMAT binary): a header,
// for each row its number of fields and each field's length and bytes, and a
// count of -1. It asks the server nothing about the table, so that nothing is
// remembered of a table that the next transaction makes otherwise.
type copyBatches struct {
	reader array.RecordReader
	batch  arrow.RecordBatch // the reader's
	row    int
	buf    []byte
	begun  bool
	ended  bool
}

func (c *copyBatches) Read(p []byte) (int, error) {
	if !c.begun {
		c.buf, c.begun = append(c.buf, "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"...), true
	}
	for len(c.buf) < len(p) && !c.ended {
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	if len(c.buf) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.buf)
	c.buf = c.buf[:copy(c.buf, c.buf[n:])]
	return n, nil
}

// next appends the next row, or the end.
func (c *copyBatches) next() error {
	for c.batch == nil || c.row == int(c.batch.NumRows()) {
		if !c.reader.Next() {
			c.buf, c.ended = append(c.buf, 0xff, 0xff), true
			return c.reader.Err()
		}
		c.batch, c.row = c.reader.RecordBatch(), 0
	}
	columns := c.batch.Columns()
	c.buf = binary.BigEndian.AppendUint16(c.buf, uint16(len(columns)))
	for _, column := range columns {
		c.buf = appendField(c.buf, column, c.row)
	}
	c.row++
	return nil
}

// appendField appends a value of columnType's type, behind its length.
func appendField(buf []byte, column arrow.Array, i int) []byte {
	if column.IsNull(i) {
		return binary.BigEndian.AppendUint32(buf, math.MaxUint32)
	}
	eight := func(v uint64) []byte { return binary.BigEndian.AppendUint64(append(buf, 0, 0, 0, 8), v) }
	switch c := column.(type) {
	case *array.Int32:
		return eight(uint64(c.Value(i)))
	case *array.Int64:
		return eight(uint64(c.Value(i)))
	case *array.Float64:
		return eight(math.Float64bits(c.Value(i)))
	case *array.Timestamp:
		return eight(uint64(int64(c.Value(i)) - epochMicros))
	case *array.Float32:
		return binary.BigEndian.AppendUint32(append(buf, 0, 0, 0, 4), math.Float32bits(c.Value(i)))
	case *array.Boolean:
		if c.Value(i) {
			return append(buf, 0, 0, 0, 1, 1)
		}
		return append(buf, 0, 0, 0, 1, 0)
	case *array.Binary:
		return append(binary.BigEndian.AppendUint32(buf, uint32(c.ValueLen(i))), c.Value(i)...)
	}
	text := column.ValueStr(i)
	return append(binary.BigEndian.AppendUint32(buf, uint32(len(text))), text...)
}
