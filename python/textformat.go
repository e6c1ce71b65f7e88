package python

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.starlark.net/starlark"
)

// percent is the formatting operator of texts: format % values.
func percent(format string, values starlark.Value) (string, error) {
	args, isTuple := values.(starlark.Tuple)
	if !isTuple {
		args = starlark.Tuple{values}
	}
	used := 0
	var failed error
	out := percentVerb.ReplaceAllStringFunc(format, func(verb string) string {
		m := percentVerb.FindStringSubmatch(verb)
		if m[4] == "%" {
			return "%"
		}
		var v starlark.Value
		if m[1] != "" {
			dict, ok := values.(starlark.Mapping)
			if !ok {
				failed = errors.New("the format needs a dict")
				return ""
			}
			if v, failed = index(dict, starlark.String(strings.Trim(m[1], "()"))); failed != nil {
				return ""
			}
		} else if used < len(args) {
			v = args[used]
			used++
		} else {
			failed = errors.New("not enough values for the format")
			return ""
		}
		s, err := percentValue(v, m[2], m[3], m[4])
		if err != nil {
			failed = err
		}
		return s
	})
	if failed == nil && isTuple && used < len(args) {
		failed = errors.New("not all values were used by the format")
	}
	return out, failed
}

var percentVerb = regexp.MustCompile(`%(\([^)]*\))?([-+ 0#]*)([0-9]*(?:\.[0-9]+)?)([a-zA-Z%])`)

func percentValue(v starlark.Value, flags, width, verb string) (string, error) {
	conversion := ""
	switch verb {
	case "r", "a":
		conversion, verb = "r", "s"
	case "s":
		conversion = "s"
	case "i", "u":
		verb = "d"
	}
	if f, ok := v.(starlark.Float); ok && verb == "d" {
		i, err := starlark.NumberToInt(f)
		if err != nil {
			return "", err
		}
		v = i
	}
	align := ">"
	if strings.Contains(flags, "-") {
		align = "<"
	}
	spec := ""
	if strings.Contains(flags, "0") && align == ">" && verb != "s" {
		align, spec = "", "0"
	}
	sign := ""
	if strings.Contains(flags, "+") {
		sign = "+"
	}
	return formatValue(v, conversion, align+sign+spec+width+verb)
}

// formatText is the format method of texts.
func formatText(format string, args starlark.Tuple, kwargs []starlark.Tuple) (string, error) {
	var b strings.Builder
	next := 0
	for format != "" {
		i := strings.IndexAny(format, "{}")
		if i < 0 {
			b.WriteString(format)
			break
		}
		b.WriteString(format[:i])
		if i+1 < len(format) && format[i] == format[i+1] {
			b.WriteByte(format[i])
			format = format[i+2:]
			continue
		}
		end := matchingBrace(format[i:])
		if format[i] == '}' || end < 0 {
			return "", errors.New("a single brace in a format: write {{ or }} for a brace")
		}
		field := format[i+1 : i+end]
		format = format[i+end+1:]
		s, err := formatField(field, &next, args, kwargs)
		if err != nil {
			return "", err
		}
		b.WriteString(s)
	}
	return b.String(), nil
}

func matchingBrace(s string) int {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

func formatField(field string, next *int, args starlark.Tuple, kwargs []starlark.Tuple) (string, error) {
	name, spec, _ := strings.Cut(field, ":")
	name, conversion, _ := strings.Cut(name, "!")
	head := name
	if i := strings.IndexAny(name, ".["); i >= 0 {
		head = name[:i]
	}
	v, err := formatArgument(head, next, args, kwargs)
	if err != nil {
		return "", err
	}
	for rest := name[len(head):]; rest != ""; {
		m := formatPath.FindStringSubmatch(rest)
		if m == nil {
			return "", fmt.Errorf("the format field %q is not known", field)
		}
		if m[1] != "" {
			v, err = getAttr(v, m[1])
		} else if i, bad := strconv.Atoi(m[2]); bad == nil {
			v, err = index(v, starlark.MakeInt(i))
		} else {
			v, err = index(v, starlark.String(m[2]))
		}
		if err != nil {
			return "", err
		}
		rest = rest[len(m[0]):]
	}
	if strings.Contains(spec, "{") {
		if spec, err = formatText(spec, args[min(*next, len(args)):], kwargs); err != nil {
			return "", err
		}
	}
	return formatValue(v, conversion, spec)
}

var formatPath = regexp.MustCompile(`^(?:\.([A-Za-z_][A-Za-z0-9_]*)|\[([^\]]*)\])`)

func formatArgument(head string, next *int, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	i, err := strconv.Atoi(head)
	if head == "" {
		i, err = *next, nil
		*next++
	}
	if err == nil {
		if i >= len(args) {
			return nil, fmt.Errorf("the format has no value number %d", i)
		}
		return args[i], nil
	}
	for _, kw := range kwargs {
		if kw[0] == starlark.String(head) {
			return kw[1], nil
		}
	}
	return nil, fmt.Errorf("the format has no value %q", head)
}
