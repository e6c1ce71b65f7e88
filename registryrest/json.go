package registryrest

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/asof-dev/asof/value"
)

// field is a field of a JSON object.
type field struct {
	name  string
	value any
}

// object is a JSON object whose fields keep their order.
type object []field

// item is an object of the registry, with what is told beside its message.
type item struct {
	message proto.Message
	added   object // beside the fields of the message
	spec    object // beside those of its spec
}

// add returns the item with another field.
func (i item) add(name string, value any) item {
	i.added = append(slices.Clip(i.added), field{name, value})
	return i
}

// appendJSON appends an answer, or a part of one.
func appendJSON(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case string:
		return value.AppendQuoted(b, v, false)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case bool:
		return strconv.AppendBool(b, v)
	case object:
		return append(appendFields(append(b, '{'), v), '}')
	case item:
		return appendMessage(b, v.message.ProtoReflect(), v.added, v.spec)
	case proto.Message:
		return appendMessage(b, v.ProtoReflect(), nil, nil)
	case []item:
		return appendList(b, v)
	case []object:
		return appendList(b, v)
	case []string:
		return appendList(b, v)
	case []any:
		return appendList(b, v)
	case map[string]string:
		return appendTags(b, v)
	}
	text, err := json.Marshal(v)
	if err != nil { // a value of ours that is none of JSON's
		panic(err)
	}
	return append(b, text...)
}

func appendList[T any](b []byte, list []T) []byte {
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendJSON(b, v)
	}
	return append(b, ']')
}

// appendFields appends fields to an object that has begun.
func appendFields(b []byte, fields object) []byte {
	for _, f := range fields {
		b = appendJSON(appendName(b, f.name), f.value)
	}
	return b
}

func appendName(b []byte, name string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	return append(value.AppendQuoted(b, name, false), ':')
}

func appendTags(b []byte, tags map[string]string) []byte {
	names := make([]string, 0, len(tags))
	for name := range tags {
		names = append(names, name)
	}
	slices.Sort(names)
	b = append(b, '{')
	for _, name := range names {
		b = value.AppendQuoted(appendName(b, name), tags[name], false)
	}
	return append(b, '}')
}

// appendMessage appends a message as Feast's MessageToDict has it: names in
// camel case, fields with their default left out, 64-bit integers as texts.
func appendMessage(b []byte, m protoreflect.Message, added, spec object) []byte {
	if strings.HasPrefix(string(m.Descriptor().FullName()), "google.protobuf.") {
		return appendKnown(b, m)
	}
	b = append(b, '{')
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if !m.Has(f) || f.Name() == "project" { // Feast leaves it out: the request says it
			continue
		}
		b = appendName(b, f.JSONName())
		switch v := m.Get(f); {
		case f.IsMap():
			b = appendMap(b, f, v.Map())
		case f.IsList():
			b = appendRepeated(b, f, v.List())
		case len(spec) > 0 && f.Name() == "spec":
			b = appendMessage(b, v.Message(), spec, nil)
		default:
			b = appendValue(b, f, v)
		}
	}
	return append(appendFields(b, added), '}')
}

// appendKnown appends a message that has a JSON form of its own: a time or a
// duration.
func appendKnown(b []byte, m protoreflect.Message) []byte {
	text, err := protojson.Marshal(m.Interface())
	if err != nil { // a time after the year 9999
		return append(b, "null"...)
	}
	return append(b, text...)
}

func appendRepeated(b []byte, f protoreflect.FieldDescriptor, list protoreflect.List) []byte {
	b = append(b, '[')
	for i := range list.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendValue(b, f, list.Get(i))
	}
	return append(b, ']')
}

// appendMap appends a map with its keys in order.
func appendMap(b []byte, f protoreflect.FieldDescriptor, m protoreflect.Map) []byte {
	keys := make([]protoreflect.MapKey, 0, m.Len())
	m.Range(func(k protoreflect.MapKey, _ protoreflect.Value) bool {
		keys = append(keys, k)
		return true
	})
	slices.SortFunc(keys, func(a, b protoreflect.MapKey) int { return strings.Compare(a.String(), b.String()) })
	b = append(b, '{')
	for _, k := range keys {
		b = appendValue(appendName(b, k.String()), f.MapValue(), m.Get(k))
	}
	return append(b, '}')
}

func appendValue(b []byte, f protoreflect.FieldDescriptor, v protoreflect.Value) []byte {
	switch f.Kind() {
	case protoreflect.MessageKind:
		return appendMessage(b, v.Message(), nil, nil)
	case protoreflect.StringKind:
		return value.AppendQuoted(b, v.String(), false)
	case protoreflect.BoolKind:
		return strconv.AppendBool(b, v.Bool())
	case protoreflect.BytesKind:
		return append(base64.StdEncoding.AppendEncode(append(b, '"'), v.Bytes()), '"')
	case protoreflect.EnumKind:
		if known := f.Enum().Values().ByNumber(v.Enum()); known != nil {
			return value.AppendQuoted(b, string(known.Name()), false)
		}
		return strconv.AppendInt(b, int64(v.Enum()), 10)
	case protoreflect.FloatKind:
		return appendFloat(b, v.Float(), 32)
	case protoreflect.DoubleKind:
		return appendFloat(b, v.Float(), 64)
	case protoreflect.Int64Kind, protoreflect.Uint64Kind:
		return append(append(append(b, '"'), v.String()...), '"')
	}
	return append(b, v.String()...) // a 32-bit integer
}

func appendFloat(b []byte, f float64, bits int) []byte {
	switch text := strconv.FormatFloat(f, 'g', -1, bits); text {
	case "NaN", "+Inf", "-Inf":
		return value.AppendQuoted(b, strings.TrimPrefix(strings.Replace(text, "Inf", "Infinity", 1), "+"), false)
	default:
		return append(b, text...)
	}
}
