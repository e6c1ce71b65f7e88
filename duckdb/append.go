//go:build duckdb_arrow

package duckdb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/parquet/compress"

	"github.com/asof-dev/asof"
)

// unfinished begins the name of a file beside a source's, before it is one of
// them: other programs that read a folder pass over names with a dot.
const unfinished = ".asof-"

var _ asof.Appender = (*Offline)(nil)

// target is where rows are appended: they become a Parquet file, which is then
// put in its place.
type target struct {
	what   string // for messages
	folder string // in which the file grows: on the same disk as its place
	schema *arrow.Schema
	form   form
	put    func(ctx context.Context, file *os.File, rows int64) error
}

// Append adds rows to a folder of Parquet files, as a file of its own; to one
// Parquet file, which is written anew and put in its place; or to a live table
// of the warehouse. What another database holds is appended there.
func (o *Offline) Append(ctx context.Context, source *asof.DataSource, rows array.RecordReader) (int64, error) {
	for source.Batch != nil && source.Kind != asof.SourcePostgres && source.Kind != asof.SourceFile {
		source = source.Batch
	}
	c, err := o.elsewhere(ctx, source)
	if err != nil {
		return 0, err
	}
	if c != nil {
		return c.append(ctx, source, rows)
	}
	t, err := o.target(ctx, source)
	if err != nil {
		return 0, err
	}
	arranged, err := asof.Arrange(t.what, rows, t.schema, o.mem)
	if err != nil {
		return 0, err
	}
	defer arranged.Release()
	return o.appendTo(ctx, t, arranged)
}

func (o *Offline) target(ctx context.Context, source *asof.DataSource) (*target, error) {
	columns, err := o.Columns(ctx, source) // says what is wrong with a source
	if err != nil {
		return nil, err
	}
	t := &target{what: fmt.Sprintf("data source %q", source.Name), form: form{codec: compress.Codecs.Zstd}}
	switch {
	case source.Kind == asof.SourceFile:
		err = o.fileTarget(ctx, t, source, columns)
	case source.Query != "":
		err = asof.Errorf(asof.CodeInvalid, "%s reads a query, to which no rows can be added; give the source a table", t.what)
	default:
		err = o.tableTarget(t, bareName(source.Table))
	}
	return t, err
}

// appendTo writes the rows beside their place, and puts them there.
func (o *Offline) appendTo(ctx context.Context, t *target, rows array.RecordReader) (n int64, err error) {
	f, err := grow(t.folder, unfinished, o.step)
	if err != nil {
		return 0, t.fault(err)
	}
	defer func() { err = errors.Join(err, t.fault(discard(f))) }()
	if n, err = t.fill(ctx, f, rows); err != nil || n == 0 {
		return 0, err
	}
	o.step("rows written")
	if err := t.put(ctx, f, n); err != nil {
		return 0, t.fault(err)
	}
	return n, nil
}

// fill writes rows into a file that reaches the disk.
func (t *target) fill(ctx context.Context, f *os.File, rows array.RecordReader) (int64, error) {
	w, err := parquetWriter(f, t.schema, t.form)
	if err != nil {
		return 0, t.fault(err)
	}
	n, err := write(ctx, w, rows, t.fault)
	if err != nil {
		_ = w.Close() // gives its memory back; the file is thrown away
		return 0, err
	}
	if err := w.Close(); err != nil {
		return 0, t.fault(err)
	}
	return n, t.fault(f.Sync())
}

// discard closes a file, and removes it where it has no other name by now.
func discard(f *os.File) error {
	err := os.Remove(f.Name())
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, f.Close())
}

func (t *target) fault(err error) error {
	var known *asof.Error
	if err == nil || errors.As(err, &known) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return asof.Errorf(asof.CodeUnavailable, "%s: the rows cannot be written: %w", t.what, err)
}

func (c *connection) append(ctx context.Context, source *asof.DataSource, rows array.RecordReader) (int64, error) {
	store, ok := c.OfflineStore.(asof.Appender)
	if !ok {
		return 0, asof.Errorf(asof.CodeInvalid, "connection %s: no rows are added to its kind of database", c.name)
	}
	n, err := store.Append(ctx, source, rows)
	return n, c.fault(fmt.Sprintf("data source %q", source.Name), err)
}
