package asof

import (
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// ValueType numbers the kinds of values as Feast's ValueType.Enum does, so
// that a number read from a registry needs no translation.
type ValueType int32

// The value types, with Feast's numbers.
const (
	TypeInvalid        ValueType = 0
	TypeBytes          ValueType = 1
	TypeString         ValueType = 2
	TypeInt32          ValueType = 3
	TypeInt64          ValueType = 4
	TypeFloat64        ValueType = 5
	TypeFloat32        ValueType = 6
	TypeBool           ValueType = 7
	TypeUnixTimestamp  ValueType = 8
	TypeBytesList      ValueType = 11
	TypeStringList     ValueType = 12
	TypeInt32List      ValueType = 13
	TypeInt64List      ValueType = 14
	TypeFloat64List    ValueType = 15
	TypeFloat32List    ValueType = 16
	TypeBoolList       ValueType = 17
	TypeTimestampList  ValueType = 18
	TypeNull           ValueType = 19
	TypeMap            ValueType = 20
	TypeMapList        ValueType = 21
	TypeBytesSet       ValueType = 22
	TypeStringSet      ValueType = 23
	TypeInt32Set       ValueType = 24
	TypeInt64Set       ValueType = 25
	TypeFloat64Set     ValueType = 26
	TypeFloat32Set     ValueType = 27
	TypeBoolSet        ValueType = 28
	TypeTimestampSet   ValueType = 29
	TypePdfBytes       ValueType = 30
	TypeImageBytes     ValueType = 31
	TypeJSON           ValueType = 32
	TypeJSONList       ValueType = 33
	TypeStruct         ValueType = 34
	TypeStructList     ValueType = 35
	TypeUUID           ValueType = 36
	TypeTimeUUID       ValueType = 37
	TypeUUIDList       ValueType = 38
	TypeTimeUUIDList   ValueType = 39
	TypeUUIDSet        ValueType = 40
	TypeTimeUUIDSet    ValueType = 41
	TypeValueList      ValueType = 42
	TypeValueSet       ValueType = 43
	TypeDecimal        ValueType = 44
	TypeDecimalList    ValueType = 45
	TypeDecimalSet     ValueType = 46
	TypeScalarMap      ValueType = 47
	TypeZonedTimestamp ValueType = 48
)

// Type is the declared type of a field. Elem is set for nested lists and sets
// (TypeValueList, TypeValueSet), Fields for TypeStruct and TypeStructList; the
// other types are their Value alone.
type Type struct {
	Value  ValueType
	Elem   *Type
	Fields []Field
}

// Scalar returns the type that is v alone.
func Scalar(v ValueType) Type { return Type{Value: v} }

// Equal reports whether two types are the same, fields and elements included.
func (t Type) Equal(u Type) bool {
	if t.Value != u.Value || (t.Elem == nil) != (u.Elem == nil) {
		return false
	}
	if t.Elem != nil && !t.Elem.Equal(*u.Elem) {
		return false
	}
	return slices.EqualFunc(t.Fields, u.Fields, func(a, b Field) bool {
		return a.Name == b.Name && a.Type.Equal(b.Type)
	})
}

var scalarNames = map[ValueType]string{
	TypeInvalid: "Invalid", TypeBytes: "Bytes", TypeString: "String", TypeInt32: "Int32", TypeInt64: "Int64",
	TypeFloat64: "Float64", TypeFloat32: "Float32", TypeBool: "Bool", TypeUnixTimestamp: "UnixTimestamp",
	TypeNull: "Null", TypeMap: "Map", TypePdfBytes: "PdfBytes", TypeImageBytes: "ImageBytes", TypeJSON: "Json",
	TypeStruct: "Struct", TypeUUID: "Uuid", TypeTimeUUID: "TimeUuid", TypeDecimal: "Decimal",
	TypeScalarMap: "ScalarMap", TypeZonedTimestamp: "ZonedTimestamp",
}

// elements are the types of what lists and sets hold, by their own types.
var elements = [...]ValueType{
	TypeBytesList: TypeBytes, TypeStringList: TypeString, TypeInt32List: TypeInt32, TypeInt64List: TypeInt64,
	TypeFloat64List: TypeFloat64, TypeFloat32List: TypeFloat32, TypeBoolList: TypeBool,
	TypeTimestampList: TypeUnixTimestamp, TypeMapList: TypeMap, TypeJSONList: TypeJSON, TypeStructList: TypeStruct,
	TypeUUIDList: TypeUUID, TypeTimeUUIDList: TypeTimeUUID, TypeDecimalList: TypeDecimal,
	TypeBytesSet: TypeBytes, TypeStringSet: TypeString, TypeInt32Set: TypeInt32, TypeInt64Set: TypeInt64,
	TypeFloat64Set: TypeFloat64, TypeFloat32Set: TypeFloat32, TypeBoolSet: TypeBool,
	TypeTimestampSet: TypeUnixTimestamp, TypeUUIDSet: TypeUUID, TypeTimeUUIDSet: TypeTimeUUID, TypeDecimalSet: TypeDecimal,
}

// IsSet reports whether the type is a set.
func (t Type) IsSet() bool {
	v := t.Value
	return v >= TypeBytesSet && v <= TypeTimestampSet || v == TypeUUIDSet || v == TypeTimeUUIDSet ||
		v == TypeDecimalSet || v == TypeValueSet
}

// Element returns the element type of a list or set, and whether t is one.
func (t Type) Element() (Type, bool) {
	switch {
	case t.Elem != nil:
		return *t.Elem, true
	case t.Value == TypeStructList:
		return Type{Value: TypeStruct, Fields: t.Fields}, true
	}
	if t.Value < 0 || int(t.Value) >= len(elements) {
		return Type{}, false
	}
	e := elements[t.Value]
	return Scalar(e), e != TypeInvalid
}

// IsNumber reports whether values of the type are machine numbers: integers and
// floats, which a decimal is not.
func (t Type) IsNumber() bool {
	switch t.Value {
	case TypeInt32, TypeInt64, TypeFloat32, TypeFloat64:
		return true
	}
	return false
}

// String returns the type as a definition file writes it: Float32,
// Array(Int64), Set(String), Struct({"a": Int64}).
func (t Type) String() string {
	if elem, ok := t.Element(); ok {
		if t.IsSet() {
			return "Set(" + elem.String() + ")"
		}
		return "Array(" + elem.String() + ")"
	}
	if t.Value == TypeStruct && len(t.Fields) > 0 {
		parts := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			parts[i] = fmt.Sprintf("%q: %s", f.Name, f.Type)
		}
		return "Struct({" + strings.Join(parts, ", ") + "})"
	}
	if s, ok := scalarNames[t.Value]; ok {
		return s
	}
	return fmt.Sprintf("ValueType(%d)", t.Value)
}

// Arrow returns the Arrow type in which values of t cross the contracts.
// Maps, JSON, UUIDs and decimals travel as their text; structs as Arrow
// structs; sets as lists.
func (t Type) Arrow() arrow.DataType {
	if elem, ok := t.Element(); ok {
		return arrow.ListOf(elem.Arrow())
	}
	switch t.Value {
	case TypeBytes, TypePdfBytes, TypeImageBytes:
		return arrow.BinaryTypes.Binary
	case TypeInt32:
		return arrow.PrimitiveTypes.Int32
	case TypeInt64:
		return arrow.PrimitiveTypes.Int64
	case TypeFloat64:
		return arrow.PrimitiveTypes.Float64
	case TypeFloat32:
		return arrow.PrimitiveTypes.Float32
	case TypeBool:
		return arrow.FixedWidthTypes.Boolean
	case TypeUnixTimestamp, TypeZonedTimestamp:
		return Timestamp
	case TypeStruct:
		fields := make([]arrow.Field, len(t.Fields))
		for i, f := range t.Fields {
			fields[i] = arrow.Field{Name: f.Name, Type: f.Type.Arrow(), Nullable: true}
		}
		return arrow.StructOf(fields...)
	}
	return arrow.BinaryTypes.String
}

// Timestamp is the Arrow type of every instant that crosses a contract.
var Timestamp arrow.DataType = &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
