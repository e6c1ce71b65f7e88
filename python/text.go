package python

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.starlark.net/starlark"
)

// method returns a method that Starlark's values lack, or their own.
func method(v starlark.Value, name string) (starlark.Value, error) {
	var f func(args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error)
	switch v := v.(type) {
	case starlark.String:
		f = textMethod(string(v), name)
	case *starlark.List:
		f = listMethod(v, name)
	case starlark.Tuple:
		f = sequenceMethod(v, name)
	case *starlark.Dict:
		if name == "copy" {
			f = func(starlark.Tuple, []starlark.Tuple) (starlark.Value, error) { return mergeDicts(starlark.Tuple{v}) }
		}
	}
	if f == nil {
		return getAttr(v, name)
	}
	return starlark.NewBuiltin(name, func(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		if l, ok := v.(*starlark.List); ok && name == "sort" {
			return starlark.None, sortInPlace(thread, l, kwargs)
		}
		return f(args, kwargs)
	}), nil
}

// getAttr is v.name.
func getAttr(v starlark.Value, name string) (starlark.Value, error) {
	if owner, ok := v.(starlark.HasAttrs); ok {
		found, err := owner.Attr(name)
		if found != nil || err != nil {
			return found, err
		}
	}
	return nil, fmt.Errorf("%s has no attribute %q", v.Type(), name)
}

type methodFunc = func(args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error)

func textMethod(s, name string) methodFunc {
	switch name {
	case "format":
		return func(args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			out, err := formatText(s, args, kwargs)
			return starlark.String(out), err
		}
	case "format_map":
		return func(args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			if len(args) != 1 {
				return nil, errors.New("format_map needs a dict")
			}
			d, ok := args[0].(*starlark.Dict)
			if !ok {
				return nil, errors.New("format_map needs a dict")
			}
			out, err := formatText(s, nil, d.Items())
			return starlark.String(out), err
		}
	case "zfill", "ljust", "rjust", "center":
		return func(args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) { return justify(s, name, args) }
	case "casefold":
		return plainText(func() string { return strings.ToLower(s) })
	case "lower":
		return plainText(func() string { return Lower(s) })
	case "upper":
		return plainText(func() string { return Upper(s) })
	case "strip", "lstrip", "rstrip":
		return func(args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) { return stripText(s, name, args) }
	case "swapcase":
		return plainText(func() string { return strings.Map(swapCase, s) })
	case "expandtabs":
		return plainText(func() string { return strings.ReplaceAll(s, "\t", "        ") })
	case "isdecimal", "isnumeric":
		return func(starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
			return starlark.Bool(s != "" && strings.TrimFunc(s, unicode.IsDigit) == ""), nil
		}
	case "isidentifier":
		return func(starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
			return starlark.Bool(identifier.MatchString(s)), nil
		}
	case "encode":
		return func(starlark.Tuple, []starlark.Tuple) (starlark.Value, error) { return starlark.Bytes(s), nil }
	case "join":
		return func(args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) { return joinText(s, args) }
	}
	return nil
}

var identifier = regexp.MustCompile(`^[\p{L}_][\p{L}\p{N}_]*$`)

func plainText(f func() string) methodFunc {
	return func(starlark.Tuple, []starlark.Tuple) (starlark.Value, error) { return starlark.String(f()), nil }
}

func swapCase(r rune) rune {
	if unicode.IsUpper(r) {
		return unicode.ToLower(r)
	}
	return unicode.ToUpper(r)
}

func justify(s, how string, args starlark.Tuple) (starlark.Value, error) {
	if len(args) == 0 {
		return nil, fmt.Errorf("%s needs a width", how)
	}
	width, err := starlark.AsInt32(args[0])
	if err != nil || width > maxWidth {
		return nil, fmt.Errorf("%s needs a width below %d", how, maxWidth)
	}
	spec := formatSpec{fill: ' ', width: width, align: map[string]byte{"ljust": '<', "rjust": '>', "center": '^', "zfill": '='}[how]}
	if len(args) > 1 {
		spec.fill, _ = utf8.DecodeRuneInString(text(args[1]))
	}
	if how == "zfill" {
		spec.fill = '0'
		if digits, negative := strings.CutPrefix(s, "-"); negative {
			return starlark.String(spec.signed(true, digits)), nil
		}
		return starlark.String(spec.signed(false, s)), nil
	}
	if missing := width - utf8.RuneCountInString(s); how == "center" && missing > 0 {
		// Python puts the odd blank left where the width is odd.
		left := missing/2 + (missing & width & 1)
		s = strings.Repeat(string(spec.fill), left) + s
		spec.align = '<'
	}
	return starlark.String(spec.pad(s, '<')), nil
}

func joinText(separator string, args starlark.Tuple) (starlark.Value, error) {
	if len(args) != 1 {
		return nil, errors.New("join needs one argument")
	}
	values, err := iterable(args[0])
	if err != nil {
		return nil, err
	}
	var parts []string
	total := 0
	for _, v := range valuesOf(values) {
		s, ok := starlark.AsString(v)
		if !ok {
			if IsUnknown(v) {
				return Unknown, nil
			}
			return nil, fmt.Errorf("join: element %d is %s, not a text", len(parts), v.Type())
		}
		if total += len(s) + len(separator); total > maxLength {
			return nil, errTooLong
		}
		parts = append(parts, s)
	}
	return starlark.String(strings.Join(parts, separator)), nil
}
