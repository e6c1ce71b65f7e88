package value

import (
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/asof-dev/asof"
)

// noTime is how Feast writes a missing timestamp inside a list.
const noTime = math.MinInt64

// Append appends the message of cell i of a, whose Arrow type is t.Arrow(): no
// bytes for a null, which are also those of an unset Value. A null inside a
// list is an error, as the message has no place for it; but a nested list and a
// list of timestamps have one.
func Append(dst []byte, t asof.Type, a arrow.Array, i int) ([]byte, error) {
	if a.IsNull(i) || t.Value == asof.TypeNull {
		return dst, nil
	}
	if elem, ok := t.Element(); ok {
		return appendList(protowire.AppendTag(dst, field(t.Value), protowire.BytesType), elem, a, i)
	}
	return appendPayload(protowire.AppendTag(dst, field(t.Value), wire(t.Value)), t, a, i)
}

// appendPayload appends what follows the tag of one value that is no list.
func appendPayload(dst []byte, t asof.Type, a arrow.Array, i int) ([]byte, error) {
	switch a := a.(type) {
	case *array.Int64:
		if t.Value == asof.TypeInt64 {
			return protowire.AppendVarint(dst, uint64(a.Value(i))), nil
		}
	case *array.Int32:
		if t.Value == asof.TypeInt32 {
			return protowire.AppendVarint(dst, uint64(int64(a.Value(i)))), nil
		}
	case *array.Float64:
		if t.Value == asof.TypeFloat64 {
			return protowire.AppendFixed64(dst, math.Float64bits(a.Value(i))), nil
		}
	case *array.Float32:
		if t.Value == asof.TypeFloat32 {
			return protowire.AppendFixed32(dst, math.Float32bits(a.Value(i))), nil
		}
	case *array.Boolean:
		if t.Value == asof.TypeBool {
			return protowire.AppendVarint(dst, protowire.EncodeBool(a.Value(i))), nil
		}
	case *array.Timestamp:
		return appendTime(dst, t.Value, int64(a.Value(i)), a)
	case *array.Binary:
		switch t.Value {
		case asof.TypeBytes, asof.TypePdfBytes, asof.TypeImageBytes:
			return protowire.AppendBytes(dst, a.Value(i)), nil
		}
	case *array.String:
		return appendText(dst, t.Value, a.Value(i))
	case *array.Struct:
		if t.Value == asof.TypeStruct {
			return appendStruct(dst, t, a, i)
		}
	}
	return dst, mismatch(t, a)
}

func mismatch(t asof.Type, a arrow.Array) error {
	return asof.Errorf(asof.CodeInternal, "values declared as %s arrived as Arrow's %s", t, a.DataType())
}

func appendTime(dst []byte, t asof.ValueType, v int64, a *array.Timestamp) ([]byte, error) {
	if a.DataType().(*arrow.TimestampType).Unit != arrow.Microsecond {
		return dst, mismatch(asof.Scalar(t), a)
	}
	seconds := floorDiv(v, 1e6)
	switch t {
	case asof.TypeUnixTimestamp:
		return protowire.AppendVarint(dst, uint64(seconds)), nil
	case asof.TypeZonedTimestamp:
		start := len(dst)
		dst = protowire.AppendVarint(protowire.AppendTag(dst, 1, protowire.VarintType), uint64(seconds))
		dst = protowire.AppendString(protowire.AppendTag(dst, 2, protowire.BytesType), "UTC")
		return prefixLength(dst, start), nil
	}
	return dst, mismatch(asof.Scalar(t), a)
}

func appendText(dst []byte, t asof.ValueType, text string) ([]byte, error) {
	switch t {
	case asof.TypeMap, asof.TypeScalarMap:
		return appendDocument(dst, t, text)
	}
	return protowire.AppendString(dst, text), nil
}

// appendStruct writes Feast's Map message: every field under its name.
func appendStruct(dst []byte, t asof.Type, a *array.Struct, i int) ([]byte, error) {
	start := len(dst)
	for f, field := range t.Fields {
		if f >= a.NumField() {
			return dst, mismatch(t, a)
		}
		entry := openEntry(&dst, field.Name)
		var err error
		if dst, err = Append(dst, field.Type, a.Field(f), i); err != nil {
			return dst, asof.Errorf(asof.ErrorCode(err), "field %q: %w", field.Name, err)
		}
		dst = entry.close(dst)
	}
	return prefixLength(dst, start), nil
}

// appendList appends the length and the body of a list or set message. Numbers
// are packed, everything else is repeated; the elements of a nested list are
// whole Values.
func appendList(dst []byte, elem asof.Type, a arrow.Array, i int) ([]byte, error) {
	list, ok := a.(array.ListLike)
	if !ok {
		return dst, mismatch(elem, a)
	}
	from, to := list.ValueOffsets(i)
	cells := list.ListValues()
	nested := isNested(elem)
	packed := wire(elem.Value) != protowire.BytesType
	body := len(dst)
	if packed && from < to {
		dst = protowire.AppendTag(dst, 1, protowire.BytesType)
	}
	numbers := len(dst)
	for j := int(from); j < int(to); j++ {
		if !packed {
			dst = protowire.AppendTag(dst, 1, protowire.BytesType)
		}
		var err error
		switch {
		case nested:
			start := len(dst)
			if dst, err = Append(dst, elem, cells, j); err == nil {
				dst = prefixLength(dst, start)
			}
		case cells.IsNull(j) && elem.Value == asof.TypeUnixTimestamp:
			missing := int64(noTime)
			dst = protowire.AppendVarint(dst, uint64(missing))
		case cells.IsNull(j):
			err = asof.Errorf(asof.CodeInvalid, "element %d of the list is NULL, for which a list of %s has no place; leave it out in the source", j-int(from)+1, elem)
		default:
			dst, err = appendPayload(dst, elem, cells, j)
		}
		if err != nil {
			return dst, err
		}
	}
	if packed && from < to {
		dst = prefixLength(dst, numbers)
	}
	return prefixLength(dst, body), nil
}

// isNested reports whether elements of type t are written as whole Values: the
// elements of an Array(Array(…)).
func isNested(t asof.Type) bool {
	_, ok := t.Element()
	return ok
}

// entry is one open entry of a Map message, whose lengths are not known yet.
type entry struct{ start, value int }

func openEntry(dst *[]byte, key string) entry {
	b := protowire.AppendTag(*dst, 1, protowire.BytesType)
	e := entry{start: len(b)}
	b = protowire.AppendString(protowire.AppendTag(b, 1, protowire.BytesType), key)
	b = protowire.AppendTag(b, 2, protowire.BytesType)
	e.value = len(b)
	*dst = b
	return e
}

func (e entry) close(dst []byte) []byte {
	return prefixLength(prefixLength(dst, e.value), e.start)
}
