package asof

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// JSON text becomes a list or a struct one level at a time: it is opened into a
// list or a struct of texts, whose values are then cast like those of any other
// column. So a value has one meaning, in a column of its own or in JSON. What is
// opened is on Go's heap: there is nothing to release.

// openedCaster casts what texts hold, which is NULL where it is not of the form.
func openedCaster(texts array.StringLike, opened arrow.Array, t Type, b array.Builder) func(i int) bool {
	put := caster(opened, t, b)
	return func(i int) bool {
		if opened.IsValid(i) {
			return put(i)
		}
		b.AppendNull()
		return isNull(texts.Value(i))
	}
}

// openLists opens arrays.
func openLists(texts array.StringLike, t Type) arrow.Array {
	elem, _ := t.Element()
	b := array.NewListBuilder(memory.NewGoAllocator(), leafType(elem))
	for i := range texts.Len() {
		var raw []json.RawMessage
		if texts.IsNull(i) || json.Unmarshal([]byte(texts.Value(i)), &raw) != nil || raw == nil {
			b.AppendNull()
			continue
		}
		leaves := make([]*string, len(raw))
		fits := true
		for j, r := range raw {
			var ok bool
			leaves[j], ok = leaf(r, elem)
			fits = fits && ok
		}
		b.Append(fits)
		if fits {
			for _, l := range leaves {
				appendLeaf(b.ValueBuilder(), l)
			}
		}
	}
	return b.NewArray()
}

// openObjects opens objects.
func openObjects(texts array.StringLike, fields []Field) arrow.Array {
	arrowFields := make([]arrow.Field, len(fields))
	for f, field := range fields {
		arrowFields[f] = arrow.Field{Name: field.Name, Type: leafType(field.Type), Nullable: true}
	}
	b := array.NewStructBuilder(memory.NewGoAllocator(), arrow.StructOf(arrowFields...))
	for i := range texts.Len() {
		var raw map[string]json.RawMessage
		if texts.IsNull(i) || json.Unmarshal([]byte(texts.Value(i)), &raw) != nil || raw == nil {
			b.AppendNull()
			continue
		}
		leaves := make([]*string, len(fields))
		fits := true
		for f, field := range fields {
			if r, given := raw[field.Name]; given {
				var ok bool
				leaves[f], ok = leaf(r, field.Type)
				fits = fits && ok
			}
		}
		if !fits {
			b.AppendNull()
			continue
		}
		b.Append(true)
		for f, l := range leaves {
			appendLeaf(b.FieldBuilder(f), l)
		}
	}
	return b.NewArray()
}

// mapCaster casts maps to structs.
func mapCaster(entries *array.Map, t Type, b *array.StructBuilder) func(i int) bool {
	texts := array.NewStringBuilder(memory.NewGoAllocator())
	for i := range entries.Len() {
		s, ok := appendJSON(nil, entries, i)
		if ok && entries.IsValid(i) {
			texts.Append(string(s))
		} else {
			texts.AppendNull()
		}
	}
	all := texts.NewStringArray()
	put := openedCaster(all, openObjects(all, t.Fields), t, b)
	return func(i int) bool { return all.IsValid(i) && put(i) }
}

func isNull(s string) bool { return strings.TrimSpace(s) == "null" }

func isBytes(t Type) bool { return arrow.TypeEqual(t.Arrow(), arrow.BinaryTypes.Binary) }

// leafType returns the type of the column into which values for t are opened.
func leafType(t Type) arrow.DataType {
	if isBytes(t) {
		return arrow.BinaryTypes.Binary
	}
	return arrow.BinaryTypes.String
}

// leaf returns the text of one JSON value that is to become one of t, nil for
// NULL. Strings lose their quotes, but as a Json.
func leaf(raw json.RawMessage, t Type) (text *string, ok bool) {
	s := string(raw)
	switch {
	case s == "null":
		return nil, true
	case t.Value == TypeJSON:
		return &s, true
	case s[0] == '"':
		if json.Unmarshal(raw, &s) != nil {
			return nil, false
		}
		if !isBytes(t) {
			return &s, true
		}
	case isBytes(t):
		return nil, false
	case arrow.TypeEqual(t.Arrow(), Timestamp): // seconds since 1970
		n, err := strconv.ParseInt(s, 10, 64)
		s = time.Unix(n, 0).UTC().Format(time.RFC3339)
		return &s, err == nil
	default:
		return &s, true
	}
	decode := base64.StdEncoding.DecodeString
	if digits, is := strings.CutPrefix(s, `\x`); is { // as PostgreSQL writes bytes in JSON
		s, decode = digits, hex.DecodeString
	}
	bytes, err := decode(s)
	s = string(bytes)
	return &s, err == nil
}

func appendLeaf(b array.Builder, leaf *string) {
	switch b := b.(type) {
	case *array.StringBuilder:
		if leaf != nil {
			b.Append(*leaf)
			return
		}
	case *array.BinaryBuilder:
		if leaf != nil {
			b.AppendString(*leaf)
			return
		}
	}
	b.AppendNull()
}
