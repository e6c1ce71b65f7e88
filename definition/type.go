package definition

import (
	"fmt"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/python"
)

// typeValue is a type of feast.types in a definition file.
type typeValue struct{ of asof.Type }

func (t typeValue) Type() string          { return "type" }
func (t typeValue) Freeze()               {}
func (t typeValue) Truth() starlark.Bool  { return true }
func (t typeValue) Hash() (uint32, error) { return starlark.String(t.String()).Hash() }
func (t typeValue) String() string        { return t.of.String() }
func (t typeValue) AttrNames() []string   { return []string{"name"} }

// Attr returns the name that Feast gives a type.
func (t typeValue) Attr(name string) (starlark.Value, error) {
	if name == "name" {
		return starlark.String(strings.ToUpper(t.String())), nil
	}
	return nil, nil
}

// CompareSameType compares two types.
func (t typeValue) CompareSameType(op syntax.Token, other starlark.Value, _ int) (bool, error) {
	same := t.of.Equal(other.(typeValue).of)
	switch op {
	case syntax.EQL:
		return same, nil
	case syntax.NEQ:
		return !same, nil
	}
	return false, fmt.Errorf("types have no order")
}

// member is a member of one of Feast's enumerations.
type member struct {
	enum, name string
	value      starlark.Value
}

func (m member) String() string        { return m.enum + "." + m.name }
func (m member) Type() string          { return m.enum }
func (m member) Freeze()               {}
func (m member) Truth() starlark.Bool  { return true }
func (m member) Hash() (uint32, error) { return starlark.String(m.String()).Hash() }
func (m member) AttrNames() []string   { return []string{"name", "value"} }

// Attr returns the member's name or value.
func (m member) Attr(name string) (starlark.Value, error) {
	switch name {
	case "name":
		return starlark.String(m.name), nil
	case "value":
		return m.value, nil
	}
	return nil, nil
}

// CompareSameType compares two members.
func (m member) CompareSameType(op syntax.Token, other starlark.Value, _ int) (bool, error) {
	same := m.String() == other.(member).String()
	switch op {
	case syntax.EQL:
		return same, nil
	case syntax.NEQ:
		return !same, nil
	}
	return false, fmt.Errorf("members of %s have no order", m.enum)
}

// enumeration makes a class of members whose values are texts, "NAME" or
// "NAME=value".
func enumeration(name, modules, spec string) *class {
	c := &class{name: name, modules: strings.Fields(modules), members: map[string]starlark.Value{}}
	for _, field := range strings.Fields(spec) {
		key, value, ok := strings.Cut(field, "=")
		if !ok {
			value = strings.ToLower(key)
		}
		c.members[key] = member{name, key, starlark.String(value)}
	}
	c.build = func(a *arguments) starlark.Value {
		a.problemAt(a.site.Place, "%s is not called: write %s.%s", name, name, sortedNames(c.members)[0])
		return python.Unknown
	}
	return c
}

// scalarTypes are the types of feast.types that are values; the other names of
// that module are the classes Array, Set and Struct.
var scalarTypes = map[string]asof.ValueType{
	"Invalid": asof.TypeInvalid, "String": asof.TypeString, "Bytes": asof.TypeBytes, "PdfBytes": asof.TypePdfBytes,
	"ImageBytes": asof.TypeImageBytes, "Bool": asof.TypeBool, "Int32": asof.TypeInt32, "Int64": asof.TypeInt64,
	"Float32": asof.TypeFloat32, "Float64": asof.TypeFloat64, "UnixTimestamp": asof.TypeUnixTimestamp, "Map": asof.TypeMap,
	"Json": asof.TypeJSON, "Uuid": asof.TypeUUID, "TimeUuid": asof.TypeTimeUUID, "Decimal": asof.TypeDecimal,
	"ScalarMap": asof.TypeScalarMap, "ZonedTimestamp": asof.TypeZonedTimestamp,
}

func nearestType(name string) string {
	if near := asof.Nearest(name, sortedNames(scalarTypes)); len(near) > 0 {
		return near[0]
	}
	return ""
}

// valueTypes are the members of ValueType by name.
var valueTypes = map[string]asof.ValueType{
	"UNKNOWN": asof.TypeInvalid, "BYTES": asof.TypeBytes, "STRING": asof.TypeString, "INT32": asof.TypeInt32, "INT64": asof.TypeInt64,
	"DOUBLE": asof.TypeFloat64, "FLOAT": asof.TypeFloat32, "BOOL": asof.TypeBool, "UNIX_TIMESTAMP": asof.TypeUnixTimestamp,
	"BYTES_LIST": asof.TypeBytesList, "STRING_LIST": asof.TypeStringList, "INT32_LIST": asof.TypeInt32List, "INT64_LIST": asof.TypeInt64List,
	"DOUBLE_LIST": asof.TypeFloat64List, "FLOAT_LIST": asof.TypeFloat32List, "BOOL_LIST": asof.TypeBoolList,
	"UNIX_TIMESTAMP_LIST": asof.TypeTimestampList, "NULL": asof.TypeNull, "MAP": asof.TypeMap, "MAP_LIST": asof.TypeMapList,
	"BYTES_SET": asof.TypeBytesSet, "STRING_SET": asof.TypeStringSet, "INT32_SET": asof.TypeInt32Set, "INT64_SET": asof.TypeInt64Set,
	"DOUBLE_SET": asof.TypeFloat64Set, "FLOAT_SET": asof.TypeFloat32Set, "BOOL_SET": asof.TypeBoolSet,
	"UNIX_TIMESTAMP_SET": asof.TypeTimestampSet, "PDF_BYTES": asof.TypePdfBytes, "IMAGE_BYTES": asof.TypeImageBytes,
	"JSON": asof.TypeJSON, "JSON_LIST": asof.TypeJSONList, "STRUCT": asof.TypeStruct, "STRUCT_LIST": asof.TypeStructList,
	"UUID": asof.TypeUUID, "TIME_UUID": asof.TypeTimeUUID, "UUID_LIST": asof.TypeUUIDList, "TIME_UUID_LIST": asof.TypeTimeUUIDList,
	"UUID_SET": asof.TypeUUIDSet, "TIME_UUID_SET": asof.TypeTimeUUIDSet, "VALUE_LIST": asof.TypeValueList, "VALUE_SET": asof.TypeValueSet,
	"DECIMAL": asof.TypeDecimal, "DECIMAL_LIST": asof.TypeDecimalList, "DECIMAL_SET": asof.TypeDecimalSet,
	"SCALAR_MAP": asof.TypeScalarMap, "ZONED_TIMESTAMP": asof.TypeZonedTimestamp,
}

// valueTypeClass is the enumeration ValueType.
func valueTypeClass() *class {
	c := enumeration("ValueType", "feast.value_type", "")
	for name, v := range valueTypes {
		c.members[name] = member{"ValueType", name, typeValue{asof.Scalar(v)}}
	}
	return c
}

var typeClasses = []*class{
	{name: "Array", modules: []string{"-feast.types"}, params: params("base_type:any!"), positional: 1, build: collection(false)},
	{name: "Set", modules: []string{"-feast.types"}, params: params("base_type:any!"), positional: 1, build: collection(true)},
	{name: "Struct", modules: []string{"-feast.types"}, params: params("fields:dict!"), positional: 1, build: newStruct},
}

// collections are the list and set types by the type of their elements.
var lists, sets = elementsOf(false), elementsOf(true)

func elementsOf(set bool) map[asof.ValueType]asof.ValueType {
	m := map[asof.ValueType]asof.ValueType{}
	for _, v := range valueTypes {
		t := asof.Scalar(v)
		if element, ok := t.Element(); ok && t.IsSet() == set {
			m[element.Value] = v
		}
	}
	return m
}

func collection(set bool) func(*arguments) starlark.Value {
	return func(a *arguments) starlark.Value {
		base, ok := a.values["base_type"].(typeValue)
		if !ok {
			a.problem("base_type", "%s holds a type of feast.types, not %s%s", a.name, describe(a.values["base_type"]), kinds["type"].advice(a.values["base_type"]))
			return python.Unknown
		}
		known, nested := lists, asof.TypeValueList
		if set {
			known, nested = sets, asof.TypeValueSet
		}
		_, isCollection := base.of.Element()
		switch v, ok := known[base.of.Value]; {
		case isCollection:
			return typeValue{asof.Type{Value: nested, Elem: &base.of}}
		case base.of.Value == asof.TypeStruct && !set:
			return typeValue{asof.Type{Value: asof.TypeStructList, Fields: base.of.Fields}}
		case ok:
			return typeValue{asof.Scalar(v)}
		}
		a.problem("base_type", "%s cannot hold %s", a.name, base)
		return python.Unknown
	}
}

func newStruct(a *arguments) starlark.Value {
	items := a.values["fields"].(*starlark.Dict).Items()
	if len(items) == 0 {
		a.problem("fields", "a Struct has at least one field: write Struct({\"name\": String})")
		return python.Unknown
	}
	t := asof.Type{Value: asof.TypeStruct}
	for _, item := range items {
		of, ok := item[1].(typeValue)
		if !ok || !isText(item[0]) {
			a.problem("fields", "a Struct maps names to types of feast.types; %s is %s%s", python.Text(item[0]), describe(item[1]), kinds["type"].advice(item[1]))
			continue
		}
		t.Fields = append(t.Fields, asof.Field{Name: python.Text(item[0]), Type: of.of})
	}
	return typeValue{t}
}
