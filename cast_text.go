package asof

import (
	"encoding/json"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/google/uuid"
)

// textCaster casts to a type that travels as text.
func textCaster(column arrow.Array, t Type, b *array.StringBuilder) func(i int) bool {
	read := text
	switch t.Value {
	case TypeMap, TypeScalarMap:
		return objectCaster(column, b)
	case TypeJSON:
		read = document
	case TypeUUID, TypeTimeUUID:
		read = identifier
	case TypeDecimal:
		read = exact
	}
	return func(i int) bool { v, ok := read(column, i); b.Append(v); return ok }
}

// objectCaster casts to JSON objects of one form, which a value has whatever
// engine it comes from.
func objectCaster(column arrow.Array, b *array.StringBuilder) func(i int) bool {
	return func(i int) bool {
		s, ok := document(column, i)
		if !ok {
			return false
		}
		if isNull(s) {
			b.AppendNull()
			return true
		}
		node, ok := parseJSON(s)
		if _, isObject := node.(map[string]any); !ok || !isObject {
			return false
		}
		canonical, ok := appendNode(nil, node)
		b.Append(string(canonical))
		return ok
	}
}

// document returns value i as JSON: text that is JSON as it stands.
func document(column arrow.Array, i int) (string, bool) {
	if c, is := column.(array.StringLike); is {
		return c.Value(i), json.Valid([]byte(c.Value(i)))
	}
	v, ok := appendJSON(nil, column, i)
	return string(v), ok
}

// parseJSON reads one JSON value: of members of one name the last.
func parseJSON(s string) (node any, ok bool) {
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	if d.Decode(&node) != nil {
		return nil, false
	}
	_, err := d.Token()
	return node, err == io.EOF
}

// identifier returns value i as a UUID.
func identifier(column arrow.Array, i int) (string, bool) {
	if c, is := column.(binary); is && len(c.Value(i)) == 16 {
		id, err := uuid.FromBytes(c.Value(i))
		return id.String(), err == nil
	}
	s, ok := text(column, i)
	if !ok {
		return "", false
	}
	id, err := uuid.Parse(s)
	return id.String(), err == nil
}

var decimalText = regexp.MustCompile(`^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$`)

// exact returns value i as a decimal number: its digits and no more, or NaN,
// Infinity, -Infinity.
func exact(column arrow.Array, i int) (string, bool) {
	s, ok := text(column, i)
	if !ok {
		return "", false
	}
	s = strings.TrimSpace(s)
	switch strings.ToLower(strings.TrimPrefix(s, "+")) {
	case "nan":
		return "NaN", true
	case "inf", "infinity":
		return "Infinity", true
	case "-inf", "-infinity":
		return "-Infinity", true
	}
	m := decimalText.FindStringSubmatch(s)
	if m == nil || m[2]+m[3] == "" {
		return "", false
	}
	exponent, _ := strconv.Atoi(m[4]) // none is 0
	digits, point := m[2]+m[3], len(m[2])+exponent
	if point < 0 {
		digits, point = strings.Repeat("0", -point)+digits, 0
	}
	if point > len(digits) {
		digits += strings.Repeat("0", point-len(digits))
	}
	whole, fraction := strings.TrimLeft(digits[:point], "0"), strings.TrimRight(digits[point:], "0")
	if whole == "" {
		whole = "0"
	}
	if fraction != "" {
		whole += "." + fraction
	}
	if m[1] == "-" && whole != "0" {
		whole = "-" + whole
	}
	return whole, true
}
