package historical

import (
	"context"
	"io"
	"iter"
	"os"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
)

// openArrow describes an Arrow file (Feather's second version is one), and
// leaves it to the reader to read its rows.
func (r *Request) openArrow(ctx context.Context, c *choice) (*entityRows, error) {
	in := r.input()
	f, err := in.openArrow()
	if err != nil {
		return nil, err
	}
	defer f.close()
	e := &entityRows{}
	if err := e.check(in.path, columnsOf(f.schema), c, r.Label); err != nil {
		return nil, err
	}
	e.Schema = f.schema
	e.Records = array.ReaderFromIter(f.schema, in.arrowBatches(ctx))
	return e, nil
}

// columnsOf describes the columns of a schema.
func columnsOf(s *arrow.Schema) []column {
	columns := make([]column, s.NumFields())
	for i, f := range s.Fields() {
		typ := asof.TypeOf(f.Type)
		columns[i] = column{name: f.Name, shown: f.Type.String(), typ: typ, isTime: typ.Value == asof.TypeUnixTimestamp}
	}
	return columns
}

// arrowFile is an open file and the schema of what is read from it.
type arrowFile struct {
	file   *os.File
	reader *ipc.FileReader
	schema *arrow.Schema
}

func (in *input) openArrow() (*arrowFile, error) {
	file, err := in.open()
	if err != nil {
		return nil, err
	}
	reader, err := ipc.NewFileReader(file, ipc.WithAllocator(in.mem))
	if err != nil {
		file.Close()
		return nil, asof.Errorf(asof.CodeInvalid, "%s cannot be read as an Arrow file: %w", in.what, err)
	}
	return &arrowFile{file, reader, plainSchema(reader.Schema())}, nil
}

func (f *arrowFile) close() {
	f.reader.Close()
	f.file.Close()
}

func (in *input) arrowBatches(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		f, err := in.openArrow()
		if err != nil {
			yield(nil, err)
			return
		}
		defer f.close()
		for i, done := 0, int64(0); i < f.reader.NumRecords(); i++ {
			batch, err := f.batch(ctx, i, in.mem)
			if err != nil {
				yield(nil, asof.Errorf(asof.CodeInvalid, "%s cannot be read: %w", in.what, err))
				return
			}
			done += batch.NumRows()
			in.progress.Report("read entity rows", done, 0)
			if !yield(batch, nil) {
				return
			}
		}
	}
}

func (f *arrowFile) batch(ctx context.Context, i int, mem memory.Allocator) (arrow.RecordBatch, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	read, err := f.reader.RecordBatchAt(i)
	if err != nil {
		return nil, err
	}
	defer read.Release()
	return plainBatch(read, f.schema, mem)
}

// writeArrow writes rows as an Arrow file, compressed with zstd.
func writeArrow(ctx context.Context, rows *tally, out *output, mem memory.Allocator) error {
	// The file is closed by output, so its Close is hidden.
	w, err := ipc.NewFileWriter(struct{ io.WriteSeeker }{out.file}, ipc.WithSchema(rows.Schema()), ipc.WithAllocator(mem), ipc.WithZstd())
	if err != nil {
		return asof.Errorf(asof.CodeInvalid, "%s cannot hold these columns: %w", out.path, err)
	}
	err = rows.each(ctx, func(batch arrow.RecordBatch) error { return out.fault(w.Write(batch)) })
	if err != nil {
		_ = w.Close() // gives its memory back; the file is thrown away
		return err
	}
	return out.fault(w.Close())
}
