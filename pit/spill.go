package pit

import (
	"bufio"
	"fmt"
	"os"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
)

// spill keeps entity rows in a file until they are read again, once, in their
// order.
type spill struct {
	file    *os.File
	unnamed bool // the file is gone from its folder already, and from the disk when it is closed
	mem     memory.Allocator
	buffer  *bufio.Writer
	writer  *ipc.Writer
	reader  *ipc.Reader // nil until it is turned
}

// newSpill makes the file. Where the system allows it the name is taken away
// at once, so that nothing stays behind however the process ends.
func newSpill(folder func() (string, error), schema *arrow.Schema, mem memory.Allocator) (*spill, error) {
	dir, err := folder()
	var file *os.File
	if err == nil {
		file, err = os.CreateTemp(dir, "asof-entities-*.arrow")
	}
	if err != nil {
		return nil, asof.Errorf(asof.CodeUnavailable, "the entity rows do not fit in memory and cannot be kept on disk: %w", err)
	}
	s := &spill{file: file, unnamed: os.Remove(file.Name()) == nil, mem: mem, buffer: bufio.NewWriterSize(file, 1<<20)}
	s.writer = ipc.NewWriter(s.buffer, ipc.WithSchema(schema), ipc.WithAllocator(mem))
	return s, nil
}

func (s *spill) fault(err error) error {
	if err == nil {
		return nil
	}
	return asof.Errorf(asof.CodeUnavailable, "the entity rows do not fit in memory and cannot be kept in %s: %w", s.file.Name(), err)
}

func (s *spill) add(batch arrow.RecordBatch) error { return s.fault(s.writer.Write(batch)) }

// turn ends the writing; what was added is read from now on.
func (s *spill) turn() error {
	err := s.writer.Close()
	s.writer = nil
	if err == nil {
		err = s.buffer.Flush()
	}
	if err == nil {
		_, err = s.file.Seek(0, 0)
	}
	if err == nil {
		s.reader, err = ipc.NewReader(bufio.NewReaderSize(s.file, 1<<20), ipc.WithAllocator(s.mem))
	}
	return s.fault(err)
}

func (s *spill) next() (part, bool, error) {
	if s.reader == nil {
		return part{}, false, fmt.Errorf("the entity rows are read before all of them are kept")
	}
	if !s.reader.Next() {
		return part{}, false, s.fault(s.reader.Err())
	}
	batch := s.reader.RecordBatch()
	batch.Retain()
	return part{rows: batch}, true, nil
}

func (s *spill) close() {
	if s.writer != nil {
		_ = s.writer.Close() // gives its memory back; the file is thrown away
	}
	if s.reader != nil {
		s.reader.Release()
	}
	s.file.Close()
	if !s.unnamed {
		os.Remove(s.file.Name())
	}
}
