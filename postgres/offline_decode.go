package postgres

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/asof-dev/asof"
)

// arrays are the element types of the arrays that are read.
var arrays = map[uint32]uint32{
	pgtype.BoolArrayOID: pgtype.BoolOID, pgtype.Int2ArrayOID: pgtype.Int2OID, pgtype.Int4ArrayOID: pgtype.Int4OID,
	pgtype.Int8ArrayOID: pgtype.Int8OID, pgtype.Float4ArrayOID: pgtype.Float4OID, pgtype.Float8ArrayOID: pgtype.Float8OID,
	pgtype.TextArrayOID: pgtype.TextOID, pgtype.ByteaArrayOID: pgtype.ByteaOID, pgtype.DateArrayOID: pgtype.DateOID,
	pgtype.TimestampArrayOID: pgtype.TimestampOID, pgtype.TimestamptzArrayOID: pgtype.TimestamptzOID,
}

// arrowOf returns the Arrow type in which a column's values are read. What is
// not listed reaches us as text: pit.Postgres casts it. Numerics reach us as
// they are from the entity rows alone.
func arrowOf(oid uint32, modifier int32) arrow.DataType {
	if elem, ok := arrays[oid]; ok {
		return arrow.ListOf(arrowOf(elem, -1))
	}
	switch oid {
	case pgtype.NumericOID:
		return decimalOf(modifier)
	case pgtype.BoolOID:
		return arrow.FixedWidthTypes.Boolean
	case pgtype.Int2OID:
		return arrow.PrimitiveTypes.Int16
	case pgtype.Int4OID:
		return arrow.PrimitiveTypes.Int32
	case pgtype.Int8OID:
		return arrow.PrimitiveTypes.Int64
	case pgtype.Float4OID:
		return arrow.PrimitiveTypes.Float32
	case pgtype.Float8OID:
		return arrow.PrimitiveTypes.Float64
	case pgtype.ByteaOID:
		return arrow.BinaryTypes.Binary
	case pgtype.DateOID:
		return arrow.FixedWidthTypes.Date32
	case pgtype.TimestampOID:
		return &arrow.TimestampType{Unit: arrow.Microsecond}
	case pgtype.TimestamptzOID:
		return asof.Timestamp
	}
	return arrow.BinaryTypes.String
}

// decimalOf returns the type of numeric(precision,scale), which modifier says;
// a numeric without them is as a pipeline has it.
func decimalOf(modifier int32) arrow.DataType {
	if modifier < 4 {
		return &arrow.Decimal128Type{Precision: asof.NumericPrecision, Scale: asof.NumericScale}
	}
	precision, scale := (modifier-4)>>16, (modifier-4)&0x7ff
	if precision > asof.NumericPrecision || scale > precision { // PostgreSQL has wider ones, and scales below nought
		return decimalOf(-1)
	}
	return &arrow.Decimal128Type{Precision: precision, Scale: scale}
}

// The first day that PostgreSQL counts from, since 1970.
const (
	epochDays   = 10_957
	epochMicros = epochDays * 86_400_000_000
)

// decoder returns what appends a value in PostgreSQL's binary form to b, a
// builder of arrowOf's type.
func decoder(oid uint32, b array.Builder) func([]byte) error {
	switch b := b.(type) {
	case *array.BooleanBuilder:
		return func(v []byte) error { b.Append(v[0] != 0); return nil }
	case *array.Int16Builder:
		return func(v []byte) error { b.Append(int16(binary.BigEndian.Uint16(v))); return nil }
	case *array.Int32Builder:
		return func(v []byte) error { b.Append(int32(binary.BigEndian.Uint32(v))); return nil }
	case *array.Int64Builder:
		return func(v []byte) error { b.Append(int64(binary.BigEndian.Uint64(v))); return nil }
	case *array.Float32Builder:
		return func(v []byte) error { b.Append(math.Float32frombits(binary.BigEndian.Uint32(v))); return nil }
	case *array.Float64Builder:
		return func(v []byte) error { b.Append(math.Float64frombits(binary.BigEndian.Uint64(v))); return nil }
	case *array.BinaryBuilder:
		return func(v []byte) error { b.Append(v); return nil }
	case *array.Date32Builder:
		return func(v []byte) error {
			days := int32(binary.BigEndian.Uint32(v))
			if days == math.MaxInt32 || days == math.MinInt32 {
				return errInfinite
			}
			b.Append(arrow.Date32(days + epochDays))
			return nil
		}
	case *array.TimestampBuilder:
		return func(v []byte) error {
			us := int64(binary.BigEndian.Uint64(v))
			if us == math.MaxInt64 || us == math.MinInt64 {
				return errInfinite
			}
			b.Append(arrow.Timestamp(us + epochMicros))
			return nil
		}
	case *array.Decimal128Builder:
		return func(v []byte) error {
			d, err := decimal(v, b.Type().(*arrow.Decimal128Type))
			b.Append(d)
			return err
		}
	case *array.ListBuilder:
		return listDecoder(arrays[oid], b)
	case *array.StringBuilder:
		return func(v []byte) error { b.BinaryBuilder.Append(v); return nil }
	}
	return func([]byte) error { return fmt.Errorf("values of type %d cannot be read", oid) }
}

var errInfinite = asof.Errorf(asof.CodeInvalid, "a date or timestamp is infinity, which is no time: select NULL or a real date instead")

// decimal reads a numeric as a decimal of type t, exactly.
func decimal(v []byte, t *arrow.Decimal128Type) (decimal128.Num, error) {
	var n pgtype.Numeric
	if err := pgtype.NewMap().Scan(pgtype.NumericOID, pgtype.BinaryFormatCode, v, &n); err != nil {
		return decimal128.Num{}, err
	}
	if n.NaN || n.InfinityModifier != pgtype.Finite {
		return decimal128.Num{}, asof.Errorf(asof.CodeInvalid, "a numeric among the entity rows is NaN or infinite, which is no decimal: select it as double precision")
	}
	whole, rest := new(big.Int).Set(n.Int), new(big.Int)
	shift := int64(n.Exp + t.Scale)
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(max(shift, -shift)), nil)
	if shift >= 0 {
		whole.Mul(whole, power)
	} else {
		whole.QuoRem(whole, power, rest)
	}
	if rest.Sign() != 0 || whole.BitLen() > 126 || !decimal128.FromBigInt(whole).FitsInPrecision(t.Precision) {
		text, _ := n.Value()
		return decimal128.Num{}, asof.Errorf(asof.CodeInvalid, "the numeric %v among the entity rows does not fit %s: select it as double precision or text", text, t)
	}
	return decimal128.FromBigInt(whole), nil
}

// listDecoder reads one-dimensional arrays: a header of dimensions, a flag,
// the element type, length and lower bound, then lengths and values.
func listDecoder(elem uint32, b *array.ListBuilder) func([]byte) error {
	into := b.ValueBuilder()
	put := decoder(elem, into)
	return func(v []byte) error {
		b.Append(true)
		switch dimensions := binary.BigEndian.Uint32(v); {
		case dimensions == 0:
			return nil
		case dimensions > 1:
			return asof.Errorf(asof.CodeInvalid, "an array has %d dimensions; arrays of one are read", dimensions)
		}
		n := int(binary.BigEndian.Uint32(v[12:]))
		v = v[20:]
		for range n {
			size := int32(binary.BigEndian.Uint32(v))
			v = v[4:]
			if size < 0 {
				into.AppendNull()
				continue
			}
			if err := put(v[:size]); err != nil {
				return err
			}
			v = v[size:]
		}
		return nil
	}
}
