package historical

import (
	"context"
	"io"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/asof-dev/asof"
)

// openParquet describes a file, and leaves it to the reader to read its rows.
func (r *Request) openParquet(ctx context.Context, c *choice) (*entityRows, error) {
	in := r.input()
	p, err := in.openParquet()
	if err != nil {
		return nil, err
	}
	defer p.file.Close()
	e := &entityRows{count: p.file.NumRows()}
	if err := e.check(in.path, columnsOf(p.schema), c, r.Label); err != nil {
		return nil, err
	}
	e.Schema = p.schema
	e.Records = array.ReaderFromIter(p.schema, in.parquetBatches(ctx))
	return e, nil
}

// parquetFile is an open file and the schema of what is read from it.
type parquetFile struct {
	file   *file.Reader
	arrow  *pqarrow.FileReader
	schema *arrow.Schema
}

func (in *input) openParquet() (*parquetFile, error) {
	f, err := file.OpenParquetFile(in.path, false)
	if err != nil {
		return nil, asof.Errorf(asof.CodeInvalid, "%s cannot be read as Parquet: %w", in.what, err)
	}
	reader, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{BatchSize: int64(in.batch)}, in.mem)
	if err == nil {
		var schema *arrow.Schema
		if schema, err = reader.Schema(); err == nil {
			return &parquetFile{f, reader, plainSchema(schema)}, nil
		}
	}
	f.Close()
	return nil, asof.Errorf(asof.CodeInvalid, "%s cannot be read as Parquet: %w", in.what, err)
}

// plainSchema is what is handed on of a file's schema: no notes that other
// programs left there, and values instead of dictionaries of them.
func plainSchema(s *arrow.Schema) *arrow.Schema {
	fields := make([]arrow.Field, s.NumFields())
	for i, f := range s.Fields() {
		fields[i] = arrow.Field{Name: f.Name, Type: f.Type, Nullable: true}
		if d, ok := f.Type.(*arrow.DictionaryType); ok {
			fields[i].Type = asof.TypeOf(d.ValueType).Arrow()
		}
	}
	return arrow.NewSchema(fields, nil)
}

func (in *input) parquetBatches(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		fail := func(err error) {
			yield(nil, asof.Errorf(asof.CodeInvalid, "%s cannot be read: %w", in.what, err))
		}
		p, err := in.openParquet()
		if err != nil {
			yield(nil, err)
			return
		}
		defer p.file.Close()
		rows, err := p.arrow.GetRecordReader(ctx, nil, nil)
		if err != nil {
			fail(err)
			return
		}
		defer rows.Release()
		for done := int64(0); rows.Next(); {
			batch, err := plainBatch(rows.RecordBatch(), p.schema, in.mem)
			if err != nil {
				fail(err)
				return
			}
			done += batch.NumRows()
			in.progress.Report("read entity rows", done, p.file.NumRows())
			if !yield(batch, nil) {
				return
			}
		}
		switch err := rows.Err(); {
		case ctx.Err() != nil:
			yield(nil, ctx.Err())
		case err != nil && err != io.EOF:
			fail(err)
		}
	}
}

func plainBatch(batch arrow.RecordBatch, schema *arrow.Schema, mem memory.Allocator) (arrow.RecordBatch, error) {
	columns := make([]arrow.Array, 0, batch.NumCols())
	defer func() {
		for _, c := range columns {
			c.Release()
		}
	}()
	for _, c := range batch.Columns() {
		d, ok := c.(*array.Dictionary)
		if !ok {
			c.Retain()
			columns = append(columns, c)
			continue
		}
		values, err := asof.Cast(d, asof.TypeOf(d.Dictionary().DataType()), mem)
		if err != nil {
			return nil, err
		}
		columns = append(columns, values)
	}
	return array.NewRecordBatch(schema, columns, batch.NumRows()), nil
}

// rowGroup is how many rows a row group of a written file holds at most.
const rowGroup = 1 << 17

// writeParquet writes rows into a file.
func writeParquet(ctx context.Context, rows *tally, out *output, mem memory.Allocator) error {
	// The file is closed by output, so its Close is hidden.
	return printParquet(ctx, rows, struct{ io.Writer }{out.file}, out.fault, mem)
}

// printParquet writes rows with their types, compressed with snappy, as pandas
// does. Floats hardly ever repeat, so they go without a dictionary.
func printParquet(ctx context.Context, rows *tally, to io.Writer, fault func(error) error, mem memory.Allocator) error {
	options := []parquet.WriterProperty{parquet.WithCompression(compress.Codecs.Snappy),
		parquet.WithMaxRowGroupLength(rowGroup), parquet.WithAllocator(mem)}
	for _, f := range rows.Schema().Fields() {
		if arrow.IsFloating(f.Type.ID()) {
			options = append(options, parquet.WithDictionaryFor(f.Name, false))
		}
	}
	properties := parquet.NewWriterProperties(options...)
	w, err := pqarrow.NewFileWriter(rows.Schema(), to, properties,
		pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema(), pqarrow.WithAllocator(mem)))
	if err != nil {
		return fault(asof.Errorf(asof.CodeInvalid, "Parquet cannot hold these columns: %w", err))
	}
	err = rows.each(ctx, func(batch arrow.RecordBatch) error { return fault(w.WriteBuffered(batch)) })
	if err != nil {
		_ = w.Close() // gives its memory back; what was written is thrown away
		return err
	}
	return fault(w.Close())
}
