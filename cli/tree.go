package cli

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// tree is a JSON object whose members keep their order, as Python's dicts do. A
// value is a tree, a []any, a string, a bool, nil, or a number as a literal.
type tree []branch

type branch struct {
	name  string
	value any
}

// literal is a number as it is printed.
type literal string

// MarshalJSON writes the members in their order.
func (t tree) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, b := range t {
		if i > 0 {
			out = append(out, ',')
		}
		for j, v := range []any{b.name, b.value} {
			if j > 0 {
				out = append(out, ':')
			}
			text, err := compactJSON(v)
			if err != nil {
				return nil, err
			}
			out = append(out, text...)
		}
	}
	return append(out, '}'), nil
}

// MarshalJSON writes the number.
func (l literal) MarshalJSON() ([]byte, error) { return []byte(l), nil }

// sorted returns the same object with the names of its members in order, at
// every depth.
func (t tree) sorted() tree {
	t = slices.Clone(t)
	slices.SortFunc(t, func(a, b branch) int { return cmp.Compare(a.name, b.name) })
	for i := range t {
		t[i].value = sortedValue(t[i].value)
	}
	return t
}

func sortedValue(v any) any {
	switch v := v.(type) {
	case tree:
		return v.sorted()
	case []any:
		items := make([]any, len(v))
		for i := range v {
			items[i] = sortedValue(v[i])
		}
		return items
	}
	return v
}

// messageTree returns a message as Python's protobuf writes it in JSON: its
// fields by their numbers, without those that are not set.
func messageTree(m protoreflect.Message) tree {
	var fields []protoreflect.FieldDescriptor
	m.Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		fields = append(fields, f)
		return true
	})
	slices.SortFunc(fields, func(a, b protoreflect.FieldDescriptor) int { return cmp.Compare(a.Number(), b.Number()) })
	t := tree{}
	for _, f := range fields {
		t = append(t, branch{f.JSONName(), fieldTree(f, m.Get(f))})
	}
	return t
}

func fieldTree(f protoreflect.FieldDescriptor, v protoreflect.Value) any {
	switch {
	case f.IsMap():
		t := tree{}
		v.Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
			t = append(t, branch{k.String(), valueTree(f.MapValue(), v)})
			return true
		})
		slices.SortFunc(t, func(a, b branch) int { return cmp.Compare(a.name, b.name) })
		return t
	case f.IsList():
		items := make([]any, v.List().Len())
		for i := range items {
			items[i] = valueTree(f, v.List().Get(i))
		}
		return items
	}
	return valueTree(f, v)
}

func valueTree(f protoreflect.FieldDescriptor, v protoreflect.Value) any {
	switch f.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return submessageTree(v.Message())
	case protoreflect.BoolKind:
		return v.Bool()
	case protoreflect.StringKind:
		return v.String()
	case protoreflect.BytesKind:
		return base64.StdEncoding.EncodeToString(v.Bytes())
	case protoreflect.EnumKind:
		if named := f.Enum().Values().ByNumber(v.Enum()); named != nil {
			return string(named.Name())
		}
		return literal(strconv.Itoa(int(v.Enum())))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind, protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return v.String() // 64 bits are more than JSON's numbers hold
	case protoreflect.FloatKind:
		return floatTree(v.Float(), 32)
	case protoreflect.DoubleKind:
		return floatTree(v.Float(), 64)
	}
	return literal(v.String())
}

// submessageTree writes a time or a length of time as text.
func submessageTree(m protoreflect.Message) any {
	if name := m.Descriptor().FullName(); name == "google.protobuf.Timestamp" || name == "google.protobuf.Duration" {
		quoted, err := protojson.Marshal(m.Interface())
		if err == nil {
			return strings.Trim(string(quoted), `"`)
		}
	}
	return messageTree(m)
}

// floatTree writes a number as Python does: with a decimal point, or with an
// exponent where it is very large or small.
func floatTree(f float64, bits int) any {
	switch size := math.Abs(f); {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case size != 0 && (size < 1e-4 || size >= 1e16):
		return literal(strconv.FormatFloat(f, 'e', -1, bits))
	}
	text := strconv.FormatFloat(f, 'f', -1, bits)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return literal(text)
}

// printFeastJSON prints what Python's json.dumps does: indented, in ASCII.
func printFeastJSON(w io.Writer, v any, indent int) error {
	text, err := compactJSON(v)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, text, "", strings.Repeat(" ", indent)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", ascii(out.String()))
	return err
}

func compactJSON(v any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(out.Bytes(), "\n"), nil
}

// ascii escapes what is not ASCII in JSON, in which that stands in texts alone.
func ascii(text string) string {
	var out strings.Builder
	for _, c := range text {
		if c < 0x7f {
			out.WriteRune(c)
			continue
		}
		for _, unit := range utf16.Encode([]rune{c}) {
			fmt.Fprintf(&out, `\u%04x`, unit)
		}
	}
	return out.String()
}
