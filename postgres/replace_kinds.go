package postgres

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/jackc/pgx/v5/pgtype"
)

// put appends value i of a column, which is not null, in PostgreSQL's binary
// form.
type put func(buf []byte, i int) ([]byte, error)

// kind is how values of an Arrow type are kept: in which type of SQL's, and by
// what.
type kind struct {
	sql string
	oid uint32
	put func(column arrow.Array) put
}

// kindOf returns the kind in which values of a type keep their meaning, and
// their exact value where they fit at all: lists of plain values are arrays,
// what is nested deeper is jsonb.
func kindOf(t arrow.DataType) (kind, bool) {
	switch t := t.(type) {
	case *arrow.DictionaryType:
		k, ok := kindOf(t.ValueType)
		return kind{k.sql, k.oid, func(c arrow.Array) put {
			d := c.(*array.Dictionary)
			value := k.put(d.Dictionary())
			return func(buf []byte, i int) ([]byte, error) { return value(buf, d.GetValueIndex(i)) }
		}}, ok
	case arrow.ExtensionType:
		k, ok := kindOf(t.StorageType())
		return kind{k.sql, k.oid, func(c arrow.Array) put { return k.put(c.(array.ExtensionArray).Storage()) }}, ok
	case *arrow.StructType, *arrow.MapType:
		return kind{"jsonb", pgtype.JSONBOID, putJSON}, true
	case arrow.ListLikeType:
		elem, ok := kindOf(t.Elem())
		if !ok || elem.oid == pgtype.JSONBOID || elem.oid == 0 {
			return kind{"jsonb", pgtype.JSONBOID, putJSON}, ok
		}
		return kind{elem.sql + "[]", 0, elem.putList}, true
	case arrow.DecimalType:
		sql := "numeric"
		if scale := t.GetScale(); scale >= 0 && scale <= t.GetPrecision() {
			sql = fmt.Sprintf("numeric(%d,%d)", t.GetPrecision(), scale)
		}
		return kind{sql, pgtype.NumericOID, putDecimal}, true
	case *arrow.TimestampType:
		if t.TimeZone == "" {
			return kind{"timestamp", pgtype.TimestampOID, putInstant}, true
		}
		return kind{"timestamptz", pgtype.TimestamptzOID, putInstant}, true
	}
	k, ok := plainKinds[t.ID()]
	return k, ok
}

var plainKinds = map[arrow.Type]kind{
	arrow.BOOL:              {"boolean", pgtype.BoolOID, putBool},
	arrow.INT8:              {"smallint", pgtype.Int2OID, putWhole(2)},
	arrow.UINT8:             {"smallint", pgtype.Int2OID, putWhole(2)},
	arrow.INT16:             {"smallint", pgtype.Int2OID, putWhole(2)},
	arrow.UINT16:            {"integer", pgtype.Int4OID, putWhole(4)},
	arrow.INT32:             {"integer", pgtype.Int4OID, putWhole(4)},
	arrow.UINT32:            {"bigint", pgtype.Int8OID, putWhole(8)},
	arrow.INT64:             {"bigint", pgtype.Int8OID, putWhole(8)},
	arrow.UINT64:            {"numeric(20,0)", pgtype.NumericOID, putUnsigned},
	arrow.FLOAT16:           {"real", pgtype.Float4OID, putFloat},
	arrow.FLOAT32:           {"real", pgtype.Float4OID, putFloat},
	arrow.FLOAT64:           {"double precision", pgtype.Float8OID, putFloat},
	arrow.STRING:            {"text", pgtype.TextOID, putText},
	arrow.LARGE_STRING:      {"text", pgtype.TextOID, putText},
	arrow.STRING_VIEW:       {"text", pgtype.TextOID, putText},
	arrow.BINARY:            {"bytea", pgtype.ByteaOID, putBytes},
	arrow.LARGE_BINARY:      {"bytea", pgtype.ByteaOID, putBytes},
	arrow.BINARY_VIEW:       {"bytea", pgtype.ByteaOID, putBytes},
	arrow.FIXED_SIZE_BINARY: {"bytea", pgtype.ByteaOID, putBytes},
	arrow.DATE32:            {"date", pgtype.DateOID, putDate},
	arrow.DATE64:            {"date", pgtype.DateOID, putDate},
	arrow.TIME32:            {"time", pgtype.TimeOID, putTime},
	arrow.TIME64:            {"time", pgtype.TimeOID, putTime},
	arrow.NULL:              {"text", pgtype.TextOID, putText},
}

func putBool(c arrow.Array) put {
	values := c.(*array.Boolean)
	return func(buf []byte, i int) ([]byte, error) {
		if values.Value(i) {
			return append(buf, 1), nil
		}
		return append(buf, 0), nil
	}
}

// putWhole writes a whole number in so many bytes.
func putWhole(size int) func(arrow.Array) put {
	return func(c arrow.Array) put {
		at := wholes(c)
		return func(buf []byte, i int) ([]byte, error) {
			var eight [8]byte
			binary.BigEndian.PutUint64(eight[:], uint64(at(i)))
			return append(buf, eight[8-size:]...), nil
		}
	}
}

func wholes(c arrow.Array) func(int) int64 {
	switch c := c.(type) {
	case *array.Int8:
		return func(i int) int64 { return int64(c.Value(i)) }
	case *array.Uint8:
		return func(i int) int64 { return int64(c.Value(i)) }
	case *array.Int16:
		return func(i int) int64 { return int64(c.Value(i)) }
	case *array.Uint16:
		return func(i int) int64 { return int64(c.Value(i)) }
	case *array.Int32:
		return func(i int) int64 { return int64(c.Value(i)) }
	case *array.Uint32:
		return func(i int) int64 { return int64(c.Value(i)) }
	}
	return c.(*array.Int64).Value
}

func putUnsigned(c arrow.Array) put {
	values := c.(*array.Uint64)
	return func(buf []byte, i int) ([]byte, error) {
		return appendNumeric(buf, new(big.Int).SetUint64(values.Value(i)), 0)
	}
}

func putDecimal(c arrow.Array) put {
	switch c := c.(type) {
	case *array.Decimal32:
		return decimals(c, func(i int) *big.Int { return big.NewInt(int64(c.Value(i))) })
	case *array.Decimal64:
		return decimals(c, func(i int) *big.Int { return big.NewInt(int64(c.Value(i))) })
	case *array.Decimal256:
		return decimals(c, func(i int) *big.Int { return c.Value(i).BigInt() })
	}
	d := c.(*array.Decimal128)
	return decimals(c, func(i int) *big.Int { return d.Value(i).BigInt() })
}

func decimals(c arrow.Array, at func(int) *big.Int) put {
	scale := c.DataType().(arrow.DecimalType).GetScale()
	return func(buf []byte, i int) ([]byte, error) { return appendNumeric(buf, at(i), -scale) }
}

var numerics = pgtype.NewMap()

// appendNumeric appends digits × 10^exponent.
func appendNumeric(buf []byte, digits *big.Int, exponent int32) ([]byte, error) {
	return numerics.Encode(pgtype.NumericOID, pgtype.BinaryFormatCode, pgtype.Numeric{Int: digits, Exp: exponent, Valid: true}, buf)
}

func putFloat(c arrow.Array) put {
	switch c := c.(type) {
	case *array.Float16:
		return func(buf []byte, i int) ([]byte, error) {
			return binary.BigEndian.AppendUint32(buf, math.Float32bits(c.Value(i).Float32())), nil
		}
	case *array.Float32:
		return func(buf []byte, i int) ([]byte, error) {
			return binary.BigEndian.AppendUint32(buf, math.Float32bits(c.Value(i))), nil
		}
	}
	values := c.(*array.Float64)
	return func(buf []byte, i int) ([]byte, error) {
		return binary.BigEndian.AppendUint64(buf, math.Float64bits(values.Value(i))), nil
	}
}

func putText(c arrow.Array) put {
	values, _ := c.(array.StringLike) // none where all is NULL: nothing is put then
	return func(buf []byte, i int) ([]byte, error) {
		at := len(buf)
		if buf = append(buf, values.Value(i)...); bytes.IndexByte(buf[at:], 0) >= 0 {
			return buf, errNUL
		}
		return buf, nil
	}
}

var errNUL = errors.New("the text has a NUL character in it, which PostgreSQL does not keep")

func putBytes(c arrow.Array) put {
	values := c.(interface{ Value(int) []byte })
	return func(buf []byte, i int) ([]byte, error) { return append(buf, values.Value(i)...), nil }
}

// putJSON writes what is nested: a version of 1, then the text.
func putJSON(c arrow.Array) put {
	return func(buf []byte, i int) ([]byte, error) {
		text, err := json.Marshal(nested(c, i))
		if wrong := (*json.MarshalerError)(nil); errors.As(err, &wrong) {
			err = wrong.Err
		}
		return append(append(buf, 1), text...), err
	}
}

// nested returns a value as JSON has it: a struct, or a map whose keys are
// text, as an object, any other map as a list of its keys and values.
func nested(c arrow.Array, i int) any {
	if c.IsNull(i) {
		return nil
	}
	switch c := c.(type) {
	case *array.Struct:
		object := map[string]any{}
		for f, field := range c.DataType().(*arrow.StructType).Fields() {
			object[field.Name] = nested(c.Field(f), i)
		}
		return object
	case *array.Map:
		from, to := c.ValueOffsets(i)
		keys, textual := c.Keys().(array.StringLike)
		if !textual {
			break
		}
		object := map[string]any{}
		for at := int(from); at < int(to); at++ {
			object[keys.Value(at)] = nested(c.Items(), at)
		}
		return object
	}
	if list, ok := c.(array.ListLike); ok {
		from, to := list.ValueOffsets(i)
		values := make([]any, 0, to-from)
		for at := int(from); at < int(to); at++ {
			values = append(values, nested(list.ListValues(), at))
		}
		return values
	}
	if text, ok := c.(array.StringLike); ok && strings.Contains(text.Value(i), "\x00") {
		return withNUL{}
	}
	return c.GetOneForMarshal(i)
}

// withNUL is a text that jsonb does not keep.
type withNUL struct{}

// MarshalJSON says so.
func (withNUL) MarshalJSON() ([]byte, error) { return nil, errNUL }

// putList writes an array: its dimensions, whether it has NULLs, the type of
// its elements, their number and the index of the first, then each with its
// length.
func (k kind) putList(c arrow.Array) put {
	list := c.(array.ListLike)
	value := field(list.ListValues(), k.put(list.ListValues()))
	return func(buf []byte, i int) ([]byte, error) {
		from, to := list.ValueOffsets(i)
		if from == to {
			return binary.BigEndian.AppendUint32(append(buf, 0, 0, 0, 0, 0, 0, 0, 0), k.oid), nil
		}
		buf = binary.BigEndian.AppendUint32(append(buf, 0, 0, 0, 1, 0, 0, 0, 1), k.oid)
		buf = binary.BigEndian.AppendUint32(buf, uint32(to-from))
		buf = append(buf, 0, 0, 0, 1)
		for at := int(from); at < int(to); at++ {
			var err error
			if buf, err = value(buf, at); err != nil {
				return buf, err
			}
		}
		return buf, nil
	}
}
