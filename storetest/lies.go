package storetest

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	flatbuffers "github.com/google/flatbuffers/go"
)

// Message is an Arrow IPC message as it travels: a header and a body.
type Message struct{ Header, Body []byte }

// Lie are messages that say what is not so.
type Lie struct {
	Name     string
	Messages []Message
}

// Messages returns the messages of which an IPC stream of a batch consists.
func Messages(t testing.TB, batch arrow.RecordBatch) (messages []Message) {
	t.Helper()
	var out bytes.Buffer
	w := ipc.NewWriter(&out, ipc.WithSchema(batch.Schema()))
	if err := w.Write(batch); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for rest := out.Bytes(); binary.LittleEndian.Uint32(rest[4:]) != 0; {
		header := rest[8 : 8+binary.LittleEndian.Uint32(rest[4:])]
		rest = rest[8+len(header):]
		length := 0
		if at := root(header).Offset(10); at != 0 {
			length = int(root(header).GetInt64(root(header).Pos + flatbuffers.UOffsetT(at)))
		}
		messages = append(messages, Message{header, rest[:length]})
		rest = rest[length:]
	}
	return messages
}

// File is the Arrow IPC file that the messages make, without a table of contents.
func File(messages []Message) []byte {
	text := append([]byte(nil), ipc.Magic...)
	text = append(text, 0, 0)
	for _, m := range messages {
		text = binary.LittleEndian.AppendUint32(append(text, 0xff, 0xff, 0xff, 0xff), uint32(len(m.Header)))
		text = append(append(text, m.Header...), m.Body...)
	}
	return append(append(text, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0), ipc.Magic...)
}

// Lies returns what a server has to see through: an honest batch, whose first
// column is of texts without nulls, with one thing changed at a time.
func Lies(t testing.TB, batch arrow.RecordBatch) (lies []Lie) {
	t.Helper()
	add := func(name string, message int, change func(m *Message)) {
		all := Messages(t, batch)
		change(&all[message])
		lies = append(lies, Lie{name, all})
	}
	// of a message of rows: places of its length, first node and third buffer,
	// which holds the texts
	number := func(slot flatbuffers.VOffsetT, offset int, value uint64) func(*Message) {
		return func(m *Message) {
			part := headerOf(m.Header)
			at := int(part.Pos) + int(part.Offset(slot))
			if slot > 4 {
				at = int(part.Vector(flatbuffers.UOffsetT(part.Offset(slot)))) + offset
			}
			binary.LittleEndian.PutUint64(m.Header[at:], value)
		}
	}
	const giant = 1 << 40
	add("rows without number", 1, number(4, 0, giant))
	add("fewer rows than none", 1, number(4, 0, 1<<63))
	add("values without number", 1, number(6, 0, giant))
	add("more nulls than values", 1, number(6, 8, 1<<20))
	add("bytes without number", 1, number(8, 2*16+8, giant))
	add("bytes before the first", 1, number(8, 2*16, 1<<63))
	add("bytes behind the last", 1, number(8, 2*16, giant))
	add("no bytes at all", 1, func(m *Message) { m.Body = nil })
	add("half of the bytes", 1, func(m *Message) { m.Body = m.Body[:len(m.Body)/2] })
	add("half of a header", 1, func(m *Message) { m.Header = m.Header[:len(m.Header)/2] })
	add("half of the schema", 0, func(m *Message) { m.Header = m.Header[:len(m.Header)/2] })
	add("fields without number", 0, func(m *Message) {
		part := headerOf(m.Header)
		binary.LittleEndian.PutUint32(m.Header[part.Vector(flatbuffers.UOffsetT(part.Offset(6)))-4:], 1<<30)
	})
	for name, offset := range map[string]uint32{"an offset behind the values": 1 << 20, "an offset before the values": 0xffffffff} {
		add(name, 1, func(m *Message) {
			part := headerOf(m.Header)
			buffer := part.Vector(flatbuffers.UOffsetT(part.Offset(8))) + 16
			binary.LittleEndian.PutUint32(m.Body[flatbuffers.GetInt64(m.Header[buffer:])+4:], offset)
		})
	}
	return lies
}

func root(header []byte) *flatbuffers.Table {
	return &flatbuffers.Table{Bytes: header, Pos: flatbuffers.GetUOffsetT(header)}
}

func headerOf(message []byte) *flatbuffers.Table {
	t := root(message)
	return &flatbuffers.Table{Bytes: message, Pos: t.Indirect(t.Pos + flatbuffers.UOffsetT(t.Offset(8)))}
}
