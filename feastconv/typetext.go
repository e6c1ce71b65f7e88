package feastconv

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/asof-dev/asof"
)

// Feast writes a nested type as text: INT64, Array(INT64), Set(Array(STRING)),
// and a struct as a JSON object of such texts, in the order of its fields,
// wrapped in {"__struct__": …} where it is not at the top.

// primitiveNames are the names of Feast's PrimitiveFeastType.
var primitiveNames = map[asof.ValueType]string{
	asof.TypeInvalid: "INVALID", asof.TypeBytes: "BYTES", asof.TypePdfBytes: "PDF_BYTES",
	asof.TypeImageBytes: "IMAGE_BYTES", asof.TypeString: "STRING", asof.TypeInt32: "INT32", asof.TypeInt64: "INT64",
	asof.TypeFloat64: "FLOAT64", asof.TypeFloat32: "FLOAT32", asof.TypeBool: "BOOL",
	asof.TypeUnixTimestamp: "UNIX_TIMESTAMP", asof.TypeMap: "MAP", asof.TypeJSON: "JSON", asof.TypeUUID: "UUID",
	asof.TypeTimeUUID: "TIME_UUID", asof.TypeDecimal: "DECIMAL", asof.TypeScalarMap: "SCALAR_MAP",
	asof.TypeZonedTimestamp: "ZONED_TIMESTAMP",
}

// primitives is primitiveNames turned round; lists and sets hold, for an
// element type, the type of its list and set.
var primitives, lists, sets = invert()

func invert() (byName map[string]asof.ValueType, lists, sets map[asof.ValueType]asof.ValueType) {
	byName = map[string]asof.ValueType{}
	lists, sets = map[asof.ValueType]asof.ValueType{}, map[asof.ValueType]asof.ValueType{}
	for v, name := range primitiveNames {
		byName[name] = v
	}
	for v := asof.TypeBytesList; v <= asof.TypeZonedTimestamp; v++ {
		elem, ok := asof.Scalar(v).Element()
		switch {
		case !ok || elem.Value == asof.TypeInvalid:
		case asof.Scalar(v).IsSet():
			sets[elem.Value] = v
		default:
			lists[elem.Value] = v
		}
	}
	return byName, lists, sets
}

func typeText(t asof.Type) string {
	if elem, ok := t.Element(); ok {
		if t.IsSet() {
			return "Set(" + typeText(elem) + ")"
		}
		return "Array(" + typeText(elem) + ")"
	}
	if t.Value == asof.TypeStruct {
		return `{"__struct__": ` + structText(t.Fields) + `}`
	}
	return primitiveNames[t.Value]
}

// structText writes a struct's fields as Python's json.dumps does.
func structText(fields []asof.Field) string {
	parts := make([]string, len(fields))
	for i, f := range fields {
		parts[i] = quoteJSON(f.Name) + ": " + quoteJSON(typeText(f.Type))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func parseType(text string) (asof.Type, error) {
	if inner, ok := inside(text, "Array("); ok {
		return parseCollection(inner, lists, asof.TypeValueList)
	}
	if inner, ok := inside(text, "Set("); ok {
		return parseCollection(inner, sets, asof.TypeValueSet)
	}
	if strings.HasPrefix(text, "{") {
		return parseWrappedStruct(text)
	}
	if v, ok := primitives[text]; ok {
		return asof.Scalar(v), nil
	}
	return asof.Type{}, fmt.Errorf("unknown type %q", text)
}

func inside(text, open string) (string, bool) {
	rest, ok := strings.CutPrefix(text, open)
	if !ok {
		return "", false
	}
	return strings.CutSuffix(rest, ")")
}

func parseCollection(inner string, of map[asof.ValueType]asof.ValueType, nested asof.ValueType) (asof.Type, error) {
	elem, err := parseType(inner)
	if err != nil {
		return asof.Type{}, err
	}
	if _, isCollection := elem.Element(); isCollection {
		return asof.Type{Value: nested, Elem: &elem}, nil
	}
	v, ok := of[elem.Value]
	if !ok {
		return asof.Type{}, fmt.Errorf("no collection of %s", elem)
	}
	return asof.Type{Value: v, Fields: elem.Fields}, nil
}

func parseWrappedStruct(text string) (asof.Type, error) {
	var wrapped struct {
		Struct json.RawMessage `json:"__struct__"`
	}
	if err := json.Unmarshal([]byte(text), &wrapped); err != nil {
		return asof.Type{}, err
	}
	fields, err := parseStruct(string(wrapped.Struct))
	return asof.Type{Value: asof.TypeStruct, Fields: fields}, err
}

// parseStruct reads a JSON object of type texts, keeping the fields' order.
func parseStruct(text string) ([]asof.Field, error) {
	d := json.NewDecoder(strings.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, fmt.Errorf("a struct's schema is not a JSON object: %q", text)
	}
	var fields []asof.Field
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		var typ string
		if err := d.Decode(&typ); err != nil {
			return nil, err
		}
		t, err := parseType(typ)
		if err != nil {
			return nil, err
		}
		fields = append(fields, asof.Field{Name: name.(string), Type: t})
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if len(fields) == 0 {
		return nil, fmt.Errorf("a struct without fields")
	}
	return fields, nil
}

// quoteJSON writes a string as Python's json.dumps does: in ASCII, with
// \uXXXX for everything else.
func quoteJSON(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\b':
			b.WriteString(`\b`)
		case r == '\f':
			b.WriteString(`\f`)
		case r >= 0x20 && r < 0x7f:
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
