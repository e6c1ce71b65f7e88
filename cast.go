package asof

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// CastError is a value that does not fit a type.
type CastError struct {
	Row   int
	Value string
	Type  Type
}

// Error says which value does not fit which type.
func (e *CastError) Error() string { return fmt.Sprintf("%s does not fit %s", e.Value, e.Type) }

// Cast returns the values of a column as values of type t, in t.Arrow(). Every
// engine gives features their declared types by it, so that all give the same:
//
//   - Int32, Int64: a whole number in range, whatever type it has; True is 1.
//   - Float32, Float64: the nearest to the exact number, rounded once, also
//     from a decimal or its text. A finite number beyond the range does not fit.
//   - Bool: True and False, the numbers 0 and 1, the texts true, false, t, f,
//     1, 0 in either case.
//   - UnixTimestamp: a timestamp (UTC where it has no zone), a date (its
//     midnight), the text of one, or whole seconds since 1970.
//   - String: text as it is, a number in its shortest form, true, false, a time
//     in RFC 3339, bytes that are UTF-8, JSON for lists, maps and structs.
//   - Decimal: the exact number, without an exponent or noughts at its end.
//     Uuid, TimeUuid: a UUID's text or 16 bytes, in small letters.
//   - Bytes: bytes, or the UTF-8 of text; inside JSON, base64 or \x and digits.
//   - Array, Set: element by element, a set's each once, where it stands first.
//     Struct: field by field, by name; a field that is missing is NULL, one that
//     is not declared is left out. Both also from JSON text, and a Struct from a
//     map.
//   - Map, ScalarMap: an object, from JSON text, a map or a struct: its members
//     by name, whole numbers that fit an Int64 as those, other numbers as
//     Float64. Json: JSON text as it is, and everything else as JSON.
//
// Of members of one name in JSON the last counts. JSON's null is NULL, but a
// column's own as Json.
//
// What is the same already is shared, not copied. A value that does not fit
// gives a *CastError, which names its row.
func Cast(column arrow.Array, t Type, mem memory.Allocator) (arrow.Array, error) {
	if !t.narrower() && arrow.TypeEqual(column.DataType(), t.Arrow()) {
		column.Retain()
		return column, nil
	}
	b := array.NewBuilder(mem, t.Arrow())
	defer b.Release()
	b.Reserve(column.Len())
	put := caster(column, t, b)
	for i := range column.Len() {
		if column.IsNull(i) {
			b.AppendNull()
		} else if !put(i) {
			return nil, &CastError{Row: i, Value: shown(column, i), Type: t}
		}
	}
	return b.NewArray(), nil
}

// caster returns what appends value i of column to b as a value of t, and
// reports whether it fits. The value is not null.
func caster(column arrow.Array, t Type, b array.Builder) func(i int) bool {
	switch c := column.(type) {
	case *array.Null: // of which IsNull says no
		return func(int) bool { b.AppendNull(); return true }
	case *array.Dictionary:
		put := caster(c.Dictionary(), t, b)
		return func(i int) bool { return put(c.GetValueIndex(i)) }
	case array.ExtensionArray:
		return caster(c.Storage(), t, b)
	}
	switch b := b.(type) {
	case *array.Int32Builder:
		return func(i int) bool {
			v, ok := whole(column, i)
			b.Append(int32(v))
			return ok && v == int64(int32(v))
		}
	case *array.Int64Builder:
		return func(i int) bool { v, ok := whole(column, i); b.Append(v); return ok }
	case *array.Float32Builder:
		return func(i int) bool { v, ok := float(column, i, 32); b.Append(float32(v)); return ok }
	case *array.Float64Builder:
		return func(i int) bool { v, ok := float(column, i, 64); b.Append(v); return ok }
	case *array.BooleanBuilder:
		return func(i int) bool { v, ok := truth(column, i); b.Append(v); return ok }
	case *array.TimestampBuilder:
		return func(i int) bool { v, ok := moment(column, i); b.Append(arrow.Timestamp(v)); return ok }
	case *array.BinaryBuilder:
		return func(i int) bool { v, ok := octets(column, i); b.Append(v); return ok }
	case *array.StringBuilder:
		return textCaster(column, t, b)
	case *array.ListBuilder:
		if texts, ok := column.(array.StringLike); ok {
			return openedCaster(texts, openLists(texts, t), t, b)
		}
		return listCaster(column, t, b)
	case *array.StructBuilder:
		if texts, ok := column.(array.StringLike); ok {
			return openedCaster(texts, openObjects(texts, t.Fields), t, b)
		}
		if entries, ok := column.(*array.Map); ok {
			return mapCaster(entries, t, b)
		}
		return structCaster(column, t, b)
	}
	return func(int) bool { return false }
}

// narrower reports whether some values of t's Arrow type are none of t.
func (t Type) narrower() bool {
	if elem, ok := t.Element(); ok {
		return t.IsSet() || elem.narrower()
	}
	switch t.Value {
	case TypeMap, TypeScalarMap, TypeJSON, TypeUUID, TypeTimeUUID, TypeDecimal:
		return true
	}
	return slices.ContainsFunc(t.Fields, func(f Field) bool { return f.Type.narrower() })
}

func listCaster(column arrow.Array, t Type, b *array.ListBuilder) func(i int) bool {
	list, ok := column.(array.ListLike)
	if !ok {
		return func(int) bool { return false }
	}
	elem, _ := t.Element()
	values, into := list.ListValues(), b.ValueBuilder()
	if t.IsSet() {
		return setCaster(list, elem, b)
	}
	put := caster(values, elem, into)
	return func(i int) bool {
		b.Append(true)
		from, to := list.ValueOffsets(i)
		for j := int(from); j < int(to); j++ {
			if values.IsNull(j) {
				into.AppendNull()
			} else if !put(j) {
				return false
			}
		}
		return true
	}
}

// setCaster keeps each value once. Only the values that the elements become tell
// whether they are one, so those of a row are made first.
func setCaster(list array.ListLike, elem Type, b *array.ListBuilder) func(i int) bool {
	values, into := list.ListValues(), b.ValueBuilder()
	row := array.NewBuilder(memory.NewGoAllocator(), elem.Arrow()) // on Go's heap, so nothing to release
	put := caster(values, elem, row)
	return func(i int) bool {
		from, to := list.ValueOffsets(i)
		for j := int(from); j < int(to); j++ {
			if values.IsNull(j) {
				row.AppendNull()
			} else if !put(j) {
				return false
			}
		}
		b.Append(true)
		all := row.NewArray()
		copied, seen := caster(all, elem, into), map[string]bool{}
		for j := range all.Len() {
			shown := strconv.FormatBool(all.IsNull(j)) + all.ValueStr(j)
			switch {
			case seen[shown]:
			case all.IsNull(j):
				into.AppendNull()
			default:
				copied(j)
			}
			seen[shown] = true
		}
		return true
	}
}

func structCaster(column arrow.Array, t Type, b *array.StructBuilder) func(i int) bool {
	from, ok := column.(*array.Struct)
	if !ok {
		return func(int) bool { return false }
	}
	kind := from.DataType().(*arrow.StructType)
	puts := make([]func(int) bool, len(t.Fields))
	for f, field := range t.Fields {
		into := b.FieldBuilder(f)
		at, found := kind.FieldIdx(field.Name)
		if !found {
			puts[f] = func(int) bool { into.AppendNull(); return true }
			continue
		}
		values := from.Field(at)
		put := caster(values, field.Type, into)
		puts[f] = func(i int) bool {
			if values.IsNull(i) {
				into.AppendNull()
				return true
			}
			return put(i)
		}
	}
	return func(i int) bool {
		b.Append(true)
		for _, put := range puts {
			if !put(i) {
				return false
			}
		}
		return true
	}
}
