package arrowipc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// ReadFile returns the batches of an Arrow IPC file, checked. They point into
// text, which has to stay as it is; the caller releases them. The messages are
// read one after the other, as every writer puts them: the table of contents at
// the end, which could tell another story, is not asked.
func ReadFile(text []byte) (schema *arrow.Schema, batches []arrow.RecordBatch, err error) {
	if !bytes.HasPrefix(text, append(ipc.Magic, 0, 0)) || !bytes.HasSuffix(text, ipc.Magic) {
		return nil, nil, errors.New("it does not begin and end as such a file does")
	}
	defer func() {
		if err != nil {
			for _, b := range batches {
				b.Release()
			}
			batches = nil
		}
	}()
	r, err := ipc.NewReaderFromMessageReader(&messages{rest: text[len(ipc.Magic)+2:]})
	if err != nil {
		return nil, nil, err
	}
	defer r.Release()
	rows := int64(0)
	for r.Next() {
		batch := r.RecordBatch()
		if err := CheckBatch(batch); err != nil {
			return nil, batches, err
		}
		if rows += batch.NumRows(); rows > 8*int64(len(text))+freeRows {
			return nil, batches, fmt.Errorf("it says that it has %d rows or more, in %d bytes", rows, len(text))
		}
		batch.Retain()
		batches = append(batches, batch)
	}
	return r.Schema(), batches, r.Err()
}

// messages hands out the messages of a text that follow one another, each
// checked.
type messages struct {
	rest    []byte
	checker Checker
	last    *ipc.Message
}

// Message returns the next message.
func (m *messages) Message() (*ipc.Message, error) {
	m.Release()
	header, err := m.take(8)
	if err != nil {
		return nil, err
	}
	size := int64(binary.LittleEndian.Uint32(header[4:]))
	switch {
	case binary.LittleEndian.Uint32(header) != 0xffffffff:
		return nil, errors.New("a message does not begin as one does")
	case size == 0:
		return nil, io.EOF
	}
	if header, err = m.take(size); err != nil {
		return nil, err
	}
	length, err := bodyLength(header)
	if err != nil {
		return nil, err
	}
	body, err := m.take(length)
	if err != nil {
		return nil, err
	}
	if err := m.checker.Message(header, body); err != nil {
		return nil, err
	}
	m.last = ipc.NewMessage(memory.NewBufferBytes(header), memory.NewBufferBytes(body))
	return m.last, nil
}

func (m *messages) take(n int64) ([]byte, error) {
	if n < 0 || n > int64(len(m.rest)) {
		return nil, fmt.Errorf("%d bytes are announced, and %d are there", n, len(m.rest))
	}
	taken := m.rest[:n:n]
	m.rest = m.rest[n:]
	return taken, nil
}

// Retain does nothing: one reader has the messages.
func (m *messages) Retain() {}

// Release lets go of the last message.
func (m *messages) Release() {
	if m.last != nil {
		m.last.Release()
		m.last = nil
	}
}
