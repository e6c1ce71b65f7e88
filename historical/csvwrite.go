package historical

import (
	"bufio"
	"context"
	"os"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// writeCSV writes rows as pandas' to_csv(index=False) does. How a column of
// times is written hangs on all of its values, so rows are held back in a file
// beside the output until that is known: any number takes the same memory.
func writeCSV(ctx context.Context, rows *tally, out *output, mem memory.Allocator) error {
	forms := newForms(rows.Schema())
	w := &csvWriter{fault: out.fault, out: bufio.NewWriterSize(out.file, 1<<16), forms: forms}
	w.header(rows.Schema())
	held := &spool{output: out, schema: rows.Schema(), mem: mem}
	defer held.close()
	err := rows.each(ctx, func(batch arrow.RecordBatch) error {
		if forms.see(batch); !forms.known() {
			return held.add(batch)
		}
		if err := held.replay(ctx, w.write); err != nil {
			return err
		}
		return w.write(batch)
	})
	if err == nil {
		err = held.replay(ctx, w.write)
	}
	if err != nil {
		return err
	}
	return out.fault(w.out.Flush())
}

// csvWriter writes record batches as lines of text.
type csvWriter struct {
	out   *bufio.Writer     // keeps its first error
	fault func(error) error // says what cannot be written
	forms forms
	line  []byte
}

func (w *csvWriter) header(s *arrow.Schema) {
	for i, name := range names(s) {
		if i > 0 {
			w.line = append(w.line, ',')
		}
		w.line = appendCell(w.line, name)
	}
	w.end(s.NumFields())
}

func (w *csvWriter) write(batch arrow.RecordBatch) error {
	columns := batch.Columns()
	cells := make([]cell, len(columns))
	for i, c := range batch.Columns() {
		var err error
		if cells[i], err = w.forms[i].cells(c); err != nil {
			return err
		}
	}
	for row := range int(batch.NumRows()) {
		for i, appendTo := range cells {
			if i > 0 {
				w.line = append(w.line, ',')
			}
			if columns[i].IsValid(row) {
				w.line = appendTo(w.line, row)
			}
		}
		w.end(len(cells))
	}
	_, err := w.out.Write(nil) // the first error there was
	return w.fault(err)
}

// end ends a line. The only cell of a line is quoted where it is empty, so that
// the line does not look like none.
func (w *csvWriter) end(columns int) {
	if columns == 1 && len(w.line) == 0 {
		w.line = append(w.line, `""`...)
	}
	w.line = append(w.line, '\n')
	_, _ = w.out.Write(w.line)
	w.line = w.line[:0]
}

// spool holds record batches in a file beside the output.
type spool struct {
	output *output
	schema *arrow.Schema
	mem    memory.Allocator
	file   *os.File // nil until the first batch, and after the replay
	buffer *bufio.Writer
	writer *ipc.Writer
}

func (s *spool) add(batch arrow.RecordBatch) error {
	if s.file == nil {
		file, err := s.output.beside(".held")
		if err != nil {
			return s.output.fault(err)
		}
		s.file, s.buffer = file, bufio.NewWriterSize(file, 1<<20)
		s.writer = ipc.NewWriter(s.buffer, ipc.WithSchema(s.schema), ipc.WithAllocator(s.mem))
	}
	return s.output.fault(s.writer.Write(batch))
}

// replay hands over what was added, and forgets it.
func (s *spool) replay(ctx context.Context, take func(arrow.RecordBatch) error) error {
	if s.file == nil {
		return nil
	}
	defer s.close()
	err := s.writer.Close()
	s.writer = nil
	if err == nil {
		err = s.buffer.Flush()
	}
	if err == nil {
		_, err = s.file.Seek(0, 0)
	}
	if err != nil {
		return s.output.fault(err)
	}
	r, err := ipc.NewReader(bufio.NewReaderSize(s.file, 1<<20), ipc.WithAllocator(s.mem))
	if err != nil {
		return s.output.fault(err)
	}
	defer r.Release()
	for r.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := take(r.RecordBatch()); err != nil {
			return err
		}
	}
	return s.output.fault(r.Err())
}

func (s *spool) close() {
	if s.writer != nil {
		_ = s.writer.Close() // gives its memory back; the file is thrown away
		s.writer = nil
	}
	if s.file != nil {
		s.file.Close()
		os.Remove(s.file.Name())
		s.file = nil
	}
}
