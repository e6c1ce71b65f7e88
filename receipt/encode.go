package receipt

import (
	"encoding/binary"
	"math"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// typeName names the type of a column's values, whatever their layout.
func typeName(t arrow.DataType) string {
	switch t := t.(type) {
	case *arrow.StringType, *arrow.LargeStringType, *arrow.StringViewType:
		return "text"
	case *arrow.BinaryType, *arrow.LargeBinaryType, *arrow.BinaryViewType, *arrow.FixedSizeBinaryType:
		return "bytes"
	case *arrow.Date32Type, *arrow.Date64Type:
		return "date"
	case *arrow.TimestampType:
		if t.TimeZone != "" {
			return "timestamp with zone"
		}
		return "timestamp"
	case *arrow.DictionaryType:
		return typeName(t.ValueType)
	case arrow.ExtensionType:
		return typeName(t.StorageType())
	case *arrow.MapType:
		return "map<" + typeName(t.KeyType()) + ", " + typeName(t.ItemType()) + ">"
	case arrow.ListLikeType:
		return "list<" + typeName(t.Elem()) + ">"
	case *arrow.StructType:
		fields := make([]string, t.NumFields())
		for i, f := range t.Fields() {
			fields[i] = f.Name + ": " + typeName(f.Type)
		}
		return "struct<" + strings.Join(fields, ", ") + ">"
	}
	return t.String()
}

// encoder returns what appends a value of a column: a 0 for NULL, else a 1 and
//
//   - whole numbers: 8 bytes, with sign where the type has one
//   - floats: their IEEE bits in 4 or 8 bytes, every NaN as the same one
//   - truths: a byte, 0 or 1
//   - text and bytes: the length in 8 bytes, then the bytes
//   - dates: days since 1970 in 8 bytes
//   - timestamps: seconds since 1970 in 8 bytes, then nanoseconds in 4
//   - lists and maps: the number of elements in 8 bytes, then each as a value
//   - structs: each field as a value
//   - all else, decimals among it: as text
func encoder(column arrow.Array) func(dst []byte, i int) []byte {
	put := values(column)
	if column.NullN() == 0 {
		return func(dst []byte, i int) []byte { return put(append(dst, 1), i) }
	}
	return func(dst []byte, i int) []byte {
		if column.IsNull(i) {
			return append(dst, 0)
		}
		return put(append(dst, 1), i)
	}
}

func values(column arrow.Array) func(dst []byte, i int) []byte {
	switch c := column.(type) {
	case *array.Int8:
		return whole(c.Value)
	case *array.Int16:
		return whole(c.Value)
	case *array.Int32:
		return whole(c.Value)
	case *array.Int64:
		return whole(c.Value)
	case *array.Uint8:
		return whole(c.Value)
	case *array.Uint16:
		return whole(c.Value)
	case *array.Uint32:
		return whole(c.Value)
	case *array.Uint64:
		return whole(c.Value)
	case *array.Float32:
		return func(dst []byte, i int) []byte {
			v := c.Value(i)
			if v != v {
				v = float32(math.NaN())
			}
			return binary.LittleEndian.AppendUint32(dst, math.Float32bits(v))
		}
	case *array.Float64:
		return func(dst []byte, i int) []byte {
			v := c.Value(i)
			if v != v {
				v = math.NaN()
			}
			return binary.LittleEndian.AppendUint64(dst, math.Float64bits(v))
		}
	case *array.Boolean:
		return func(dst []byte, i int) []byte {
			if c.Value(i) {
				return append(dst, 1)
			}
			return append(dst, 0)
		}
	case *array.Date32:
		return whole(c.Value)
	case *array.Date64:
		return func(dst []byte, i int) []byte {
			return binary.LittleEndian.AppendUint64(dst, uint64(int64(c.Value(i))/86_400_000))
		}
	case *array.Timestamp:
		return instants(c)
	case array.StringLike:
		return func(dst []byte, i int) []byte { return appendText(dst, c.Value(i)) }
	case interface{ Value(i int) []byte }:
		return func(dst []byte, i int) []byte { return appendText(dst, c.Value(i)) }
	case *array.Dictionary:
		put := encoder(c.Dictionary())
		return func(dst []byte, i int) []byte { return put(dst[:len(dst)-1], c.GetValueIndex(i)) }
	case array.ExtensionArray:
		return values(c.Storage())
	case *array.Struct:
		return fields(c)
	case array.ListLike:
		put := encoder(c.ListValues())
		return func(dst []byte, i int) []byte {
			from, to := c.ValueOffsets(i)
			dst = binary.LittleEndian.AppendUint64(dst, uint64(to-from))
			for at := from; at < to; at++ {
				dst = put(dst, int(at))
			}
			return dst
		}
	}
	return func(dst []byte, i int) []byte { return appendText(dst, column.ValueStr(i)) }
}

func whole[T ~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64](value func(int) T) func([]byte, int) []byte {
	return func(dst []byte, i int) []byte { return binary.LittleEndian.AppendUint64(dst, uint64(value(i))) }
}

func instants(c *array.Timestamp) func([]byte, int) []byte {
	unit := c.DataType().(*arrow.TimestampType).Unit.Multiplier().Nanoseconds()
	second := 1_000_000_000 / unit
	return func(dst []byte, i int) []byte {
		v := int64(c.Value(i))
		seconds, rest := v/second, v%second
		if rest < 0 {
			seconds, rest = seconds-1, rest+second
		}
		return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint64(dst, uint64(seconds)), uint32(rest*unit))
	}
}

func fields(c *array.Struct) func([]byte, int) []byte {
	puts := make([]func([]byte, int) []byte, c.NumField())
	for i := range puts {
		puts[i] = encoder(c.Field(i))
	}
	return func(dst []byte, i int) []byte {
		for _, put := range puts {
			dst = put(dst, i)
		}
		return dst
	}
}

func appendText[T string | []byte](dst []byte, text T) []byte {
	return append(binary.LittleEndian.AppendUint64(dst, uint64(len(text))), text...)
}
