package python

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"go.starlark.net/starlark"
)

// Text is Python's str(v).
func Text(v starlark.Value) string { return text(v) }

// Repr is Python's repr(v).
func Repr(v starlark.Value) string { return repr(v) }

// text is Python's str(v).
func text(v starlark.Value) string {
	switch v := v.(type) {
	case starlark.String:
		return string(v)
	case interface{ PythonString() string }:
		return v.PythonString()
	}
	return repr(v)
}

// repr is Python's repr(v).
func repr(v starlark.Value) string { return reprWithin(v, 0) }

func reprWithin(v starlark.Value, depth int) string {
	if depth > 50 {
		return "..."
	}
	join := func(values []starlark.Value) string {
		parts := make([]string, len(values))
		for i, x := range values {
			parts[i] = reprWithin(x, depth+1)
		}
		return strings.Join(parts, ", ")
	}
	switch v := v.(type) {
	case starlark.String:
		return quote(string(v))
	case starlark.Float:
		return floatText(float64(v))
	case *starlark.List:
		return "[" + join(valuesOf(v)) + "]"
	case starlark.Tuple:
		if len(v) == 1 {
			return "(" + join(v) + ",)"
		}
		return "(" + join(v) + ")"
	case *starlark.Set:
		if v.Len() == 0 {
			return "set()"
		}
		return "{" + join(valuesOf(v)) + "}"
	case *starlark.Dict:
		parts := make([]string, 0, v.Len())
		for _, item := range v.Items() {
			parts = append(parts, reprWithin(item[0], depth+1)+": "+reprWithin(item[1], depth+1))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return v.String()
}

// quote writes a text as Python's repr does: in single quotes, unless it holds
// only single ones itself.
func quote(s string) string {
	q := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		q = '"'
	}
	var b strings.Builder
	b.WriteByte(q)
	for _, r := range s {
		switch {
		case r == rune(q) || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte(q)
	return b.String()
}

// floatText writes a float as Python does: the shortest digits that read back,
// with an exponent from 1e16 on and below 1e-4.
func floatText(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case math.IsNaN(f):
		return "nan"
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// formatted carries out {value!conversion:spec}.
func formatted(args starlark.Tuple) (starlark.Value, error) {
	s, err := formatValue(args[0], text(args[1]), text(args[2]))
	return starlark.String(s), err
}

// fstring joins the parts of an f-string.
func fstring(parts starlark.Tuple) (starlark.Value, error) {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(text(p))
		if b.Len() > maxLength {
			return nil, errTooLong
		}
	}
	return starlark.String(b.String()), nil
}

func formatValue(v starlark.Value, conversion, spec string) (string, error) {
	switch conversion {
	case "r", "a":
		v = starlark.String(repr(v))
	case "s":
		v = starlark.String(text(v))
	}
	if spec == "" {
		return text(v), nil
	}
	if f, ok := v.(interface {
		PythonFormat(string) (string, error)
	}); ok {
		return f.PythonFormat(spec)
	}
	s, err := parseSpec(spec)
	if err != nil {
		return "", err
	}
	return s.apply(v)
}
