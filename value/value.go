// Package value is the bytes of feature values: feast.types.Value messages, as
// every online store of Feast holds them and as an asof.Reading carries them.
// It writes them from Arrow cells, prints them as JSON, and packs the values of
// one entity and view into one row.
//
// A null is no bytes at all.
package value

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/asof-dev/asof"
)

// field returns the number of the Value field that holds values of t. Feast
// numbers its types and these fields alike, but for two kinds of bytes.
func field(t asof.ValueType) protowire.Number {
	if t == asof.TypePdfBytes || t == asof.TypeImageBytes {
		return protowire.Number(asof.TypeBytes)
	}
	return protowire.Number(t)
}

// wire returns how one value of t is written: as a varint, in four or eight
// bytes, or behind its length.
func wire(t asof.ValueType) protowire.Type {
	switch t {
	case asof.TypeInt32, asof.TypeInt64, asof.TypeBool, asof.TypeUnixTimestamp, asof.TypeNull:
		return protowire.VarintType
	case asof.TypeFloat64:
		return protowire.Fixed64Type
	case asof.TypeFloat32:
		return protowire.Fixed32Type
	}
	return protowire.BytesType
}

// AppendString, AppendBytes, AppendInt32, AppendInt64, AppendFloat32 and
// AppendUnixTimestamp append the message of one value; a timestamp is in whole
// seconds.
func AppendString(dst []byte, v string) []byte {
	return protowire.AppendString(protowire.AppendTag(dst, 2, protowire.BytesType), v)
}
func AppendBytes(dst, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(dst, 1, protowire.BytesType), v)
}
func AppendInt32(dst []byte, v int32) []byte { return appendVarint(dst, asof.TypeInt32, int64(v)) }
func AppendInt64(dst []byte, v int64) []byte { return appendVarint(dst, asof.TypeInt64, v) }
func AppendFloat32(dst []byte, v float32) []byte {
	return protowire.AppendFixed32(protowire.AppendTag(dst, field(asof.TypeFloat32), protowire.Fixed32Type), math.Float32bits(v))
}
func AppendUnixTimestamp(dst []byte, seconds int64) []byte {
	return appendVarint(dst, asof.TypeUnixTimestamp, seconds)
}

func appendVarint(dst []byte, t asof.ValueType, v int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(dst, field(t), protowire.VarintType), uint64(v))
}

// prefixLength puts the length of dst[start:] in front of it.
func prefixLength(dst []byte, start int) []byte {
	n := len(dst) - start
	size := protowire.SizeVarint(uint64(n))
	var room [10]byte
	dst = append(dst, room[:size]...)
	copy(dst[start+size:], dst[start:start+n])
	protowire.AppendVarint(dst[:start], uint64(n))
	return dst
}
