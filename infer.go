package asof

import "github.com/apache/arrow-go/v18/arrow"

// TypeOf returns the type that values of an Arrow type are given where nothing
// declares one, as Feast infers it: small integers are Int32, decimals Float64,
// dates and timestamps UnixTimestamp. TypeInvalid where nothing fits.
func TypeOf(t arrow.DataType) Type {
	switch t.ID() {
	case arrow.INT8, arrow.INT16, arrow.INT32, arrow.UINT8, arrow.UINT16:
		return Scalar(TypeInt32)
	case arrow.INT64, arrow.UINT32, arrow.UINT64:
		return Scalar(TypeInt64)
	case arrow.FLOAT16, arrow.FLOAT32:
		return Scalar(TypeFloat32)
	case arrow.FLOAT64, arrow.DECIMAL32, arrow.DECIMAL64, arrow.DECIMAL128, arrow.DECIMAL256:
		return Scalar(TypeFloat64)
	case arrow.BOOL:
		return Scalar(TypeBool)
	case arrow.STRING, arrow.LARGE_STRING, arrow.STRING_VIEW:
		return Scalar(TypeString)
	case arrow.BINARY, arrow.LARGE_BINARY, arrow.BINARY_VIEW, arrow.FIXED_SIZE_BINARY:
		return Scalar(TypeBytes)
	case arrow.TIMESTAMP, arrow.DATE32, arrow.DATE64:
		return Scalar(TypeUnixTimestamp)
	case arrow.DICTIONARY:
		return TypeOf(t.(*arrow.DictionaryType).ValueType)
	case arrow.LIST, arrow.LARGE_LIST, arrow.FIXED_SIZE_LIST:
		return ListOf(TypeOf(t.(arrow.ListLikeType).Elem()))
	case arrow.MAP:
		return Scalar(TypeMap)
	case arrow.STRUCT:
		s := Type{Value: TypeStruct}
		for _, f := range t.(*arrow.StructType).Fields() {
			s.Fields = append(s.Fields, Field{Name: f.Name, Type: TypeOf(f.Type)})
		}
		return s
	}
	return Type{}
}

// ListOf returns the list of an element type: Feast numbers the lists of
// scalars, and nests the others.
func ListOf(elem Type) Type {
	if elem.Value == TypeInvalid {
		return Type{}
	}
	if elem.Value == TypeStruct {
		return Type{Value: TypeStructList, Fields: elem.Fields}
	}
	for list, of := range elements {
		if of == elem.Value && elem.Elem == nil && !Scalar(ValueType(list)).IsSet() {
			return Scalar(ValueType(list))
		}
	}
	return Type{Value: TypeValueList, Elem: &elem}
}
