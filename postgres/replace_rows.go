package postgres

import (
	"encoding/binary"
	"io"
	"math"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqltext"
)

// copyRows reads the rows of any schema in the form of COPY … (FORMAT binary),
// a batch at a time.
type copyRows struct {
	what  string // the table, for messages
	rows  array.RecordReader
	kinds []kind // by column

	count int64 // rows written so far
	puts  []put // of the present batch
	row   int   // the next one of the present batch
	left  int   // how many rows of it are left
	buf   []byte
	ended bool
	err   error // why the rows ended early
}

func newCopyRows(what string, rows array.RecordReader) (*copyRows, error) {
	c := &copyRows{what: what, rows: rows, buf: []byte("PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00")}
	for _, f := range rows.Schema().Fields() {
		k, ok := kindOf(f.Type)
		if !ok {
			return nil, asof.Errorf(asof.CodeInvalid, "%s: column %q holds values of type %s, which PostgreSQL has no type for; leave it out, or write a file",
				what, f.Name, f.Type)
		}
		if len(f.Name) > 63 {
			return nil, asof.Errorf(asof.CodeInvalid, "%s: the name of column %q has more than the 63 bytes that PostgreSQL keeps; give it a shorter one", what, f.Name)
		}
		c.kinds = append(c.kinds, k)
	}
	return c, nil
}

// columns returns the definitions of the table's columns.
func (c *copyRows) columns() string {
	list := make([]string, len(c.kinds))
	for i, k := range c.kinds {
		list[i] = sqltext.Name(c.rows.Schema().Field(i).Name) + " " + k.sql
	}
	return strings.Join(list, ", ")
}

// Read makes copyRows an io.Reader.
func (c *copyRows) Read(p []byte) (int, error) {
	for len(c.buf) < len(p) && !c.ended && c.err == nil {
		c.next()
	}
	switch {
	case c.err != nil:
		return 0, c.err
	case len(c.buf) == 0:
		return 0, io.EOF
	}
	n := copy(p, c.buf)
	c.buf = c.buf[:copy(c.buf, c.buf[n:])]
	return n, nil
}

// next appends the next row, or the end.
func (c *copyRows) next() {
	for c.left == 0 {
		if !c.rows.Next() {
			if c.err = c.rows.Err(); c.err == nil {
				c.buf, c.ended = append(c.buf, 0xff, 0xff), true
			}
			return
		}
		batch := c.rows.RecordBatch()
		c.row, c.left, c.puts = 0, int(batch.NumRows()), c.puts[:0]
		for i, column := range batch.Columns() {
			c.puts = append(c.puts, field(column, c.kinds[i].put(column)))
		}
	}
	c.buf = binary.BigEndian.AppendUint16(c.buf, uint16(len(c.puts)))
	for i, put := range c.puts {
		var err error
		if c.buf, err = put(c.buf, c.row); err != nil {
			c.err = asof.Errorf(asof.CodeInvalid, "%s: row %d, column %q: %w; correct it",
				c.what, c.count+1, c.rows.Schema().Field(i).Name, err)
			return
		}
	}
	c.count, c.row, c.left = c.count+1, c.row+1, c.left-1
}

// field returns what appends a value of a column behind its length, NULL as the
// length -1.
func field(column arrow.Array, value put) put {
	never := column.DataType().ID() == arrow.NULL // whose IsNull says no
	return func(buf []byte, i int) ([]byte, error) {
		if never || column.IsNull(i) {
			return binary.BigEndian.AppendUint32(buf, math.MaxUint32), nil
		}
		at := len(buf)
		buf, err := value(append(buf, 0, 0, 0, 0), i)
		binary.BigEndian.PutUint32(buf[at:], uint32(len(buf)-at-4))
		return buf, err
	}
}
