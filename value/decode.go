package value

import (
	"encoding/binary"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/asof-dev/asof"
)

// Decode makes a column of type t of n feast.types.Value messages; none is a
// null. A message of another type is cast; what does not fit is an
// *asof.CastError.
func Decode(t asof.Type, n int, message func(i int) []byte, mem memory.Allocator) (arrow.Array, error) {
	b := array.NewBuilder(mem, t.Arrow())
	defer b.Release()
	b.Reserve(n)
	for i := range n {
		v := message(i)
		if len(v) == 0 {
			b.AppendNull()
		} else if !appendScalar(b, t.Value, v) {
			return castColumn(t, n, message, mem)
		}
	}
	return b.NewArray(), nil
}

// castColumn goes by way of JSON.
func castColumn(t asof.Type, n int, message func(i int) []byte, mem memory.Allocator) (arrow.Array, error) {
	b := array.NewStringBuilder(mem)
	defer b.Release()
	for i := range n {
		switch v := message(i); {
		case len(v) == 0:
			b.AppendNull()
		case v[0] == tagString:
			text, _ := protowire.ConsumeBytes(v[1:])
			b.Append(string(text))
		default:
			b.Append(string(AppendJSON(nil, v, Plain)))
		}
	}
	texts := b.NewArray()
	defer texts.Release()
	return asof.Cast(texts, t, mem)
}

// appendScalar appends a message that holds one value of type t, and reports
// whether it did.
func appendScalar(b array.Builder, t asof.ValueType, v []byte) bool {
	number, wireType, size := protowire.ConsumeTag(v)
	if size < 0 || number != field(t) || wireType != wire(t) {
		return false
	}
	rest := v[size:]
	switch b := b.(type) {
	case *array.Float64Builder:
		if len(rest) == 8 {
			b.Append(math.Float64frombits(binary.LittleEndian.Uint64(rest)))
		}
		return len(rest) == 8
	case *array.Float32Builder:
		if len(rest) == 4 {
			b.Append(math.Float32frombits(binary.LittleEndian.Uint32(rest)))
		}
		return len(rest) == 4
	case *array.StringBuilder:
		text, n := protowire.ConsumeBytes(rest)
		if n >= 0 {
			b.Append(string(text))
		}
		return n >= 0
	case *array.BinaryBuilder:
		text, n := protowire.ConsumeBytes(rest)
		if n >= 0 {
			b.Append(text)
		}
		return n >= 0
	}
	whole, n := protowire.ConsumeVarint(rest)
	if n < 0 || wireType != protowire.VarintType {
		return false
	}
	switch b := b.(type) {
	case *array.Int64Builder:
		b.Append(int64(whole))
	case *array.Int32Builder:
		b.Append(int32(whole))
	case *array.BooleanBuilder:
		b.Append(whole != 0)
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(int64(whole) * 1e6))
	default:
		return false
	}
	return true
}
