package arrowipc

import (
	flatbuffers "github.com/google/flatbuffers/go"
)

// table reads a table of a header by the numbers of its fields. What lies
// outside the header panics.
type table struct{ flatbuffers.Table }

// place is where a field is, 0 where there is none.
func (t table) place(slot int) flatbuffers.UOffsetT {
	if at := t.Offset(flatbuffers.VOffsetT(4 + 2*slot)); at != 0 {
		return t.Pos + flatbuffers.UOffsetT(at)
	}
	return 0
}

func (t table) byte(slot int) byte {
	if at := t.place(slot); at != 0 {
		return t.GetByte(at)
	}
	return 0
}

func (t table) number(slot int) int64 {
	if at := t.place(slot); at != 0 {
		return t.GetInt64(at)
	}
	return 0
}

func (t table) text(slot int) []byte {
	if at := t.place(slot); at != 0 {
		return t.ByteVector(at)
	}
	return nil
}

func (t table) table(slot int) (table, bool) {
	at := t.place(slot)
	if at == 0 {
		return table{}, false
	}
	return table{flatbuffers.Table{Bytes: t.Bytes, Pos: t.Indirect(at)}}, true
}

// vector is a vector of n elements, all of which are within the header.
type vector struct {
	bytes []byte
	from  flatbuffers.UOffsetT
	n     int
	size  int // of an element
}

func (t table) structs(slot, size int) vector {
	at := t.place(slot)
	if at == 0 {
		return vector{}
	}
	at = t.Indirect(at)
	v := vector{t.Bytes, at + flatbuffers.SizeUOffsetT, int(flatbuffers.GetUOffsetT(t.Bytes[at:])), size}
	_ = v.bytes[v.from:][:v.n*size]
	return v
}

// tables is a vector of places of tables.
func (t table) tables(slot int) vector { return t.structs(slot, flatbuffers.SizeUOffsetT) }

func (v vector) at(i int) table {
	place := v.from + flatbuffers.UOffsetT(i*v.size)
	return table{flatbuffers.Table{Bytes: v.bytes, Pos: place + flatbuffers.GetUOffsetT(v.bytes[place:])}}
}

func (v vector) number(i, offset int) int64 {
	return flatbuffers.GetInt64(v.bytes[int(v.from)+i*v.size+offset:])
}
