package python

import (
	"errors"
	"fmt"
	"strings"

	"go.starlark.net/starlark"
)

// index is v[key]. Texts are counted in characters, and a missing key names the
// nearest one.
func index(v, key starlark.Value) (starlark.Value, error) {
	switch v := v.(type) {
	case starlark.String:
		i, err := starlark.AsInt32(key)
		runes := []rune(string(v))
		if i < 0 {
			i += len(runes)
		}
		if err != nil || i < 0 || i >= len(runes) {
			return nil, errors.New("text index out of range")
		}
		return starlark.String(runes[i]), nil
	case starlark.Mapping:
		found, ok, err := v.Get(key)
		if err != nil || ok {
			return found, err
		}
		return nil, missingKey(v, key)
	case starlark.Indexable:
		i, err := starlark.AsInt32(key)
		if err != nil {
			return nil, fmt.Errorf("an index of %s must be an integer, not %s", v.Type(), key.Type())
		}
		if i < 0 {
			i += v.Len()
		}
		if i < 0 || i >= v.Len() {
			return nil, fmt.Errorf("%s index out of range: it has %d elements", v.Type(), v.Len())
		}
		return v.Index(i), nil
	}
	return nil, fmt.Errorf("%s cannot be indexed", v.Type())
}

func missingKey(m starlark.Mapping, key starlark.Value) error {
	e := &Error{Message: fmt.Sprintf("key %s is not in the dict", repr(key))}
	if named, ok := m.(fmt.Stringer); ok && m.Type() == "environ" {
		e.Message = fmt.Sprintf("the environment variable %s is not set", text(key))
		e.Hint = fmt.Sprintf("set it, or write %s.get(%s, DEFAULT)", named, repr(key))
		return e
	}
	name, isText := starlark.AsString(key)
	if d, ok := m.(*starlark.Dict); ok && isText {
		var keys []string
		for _, k := range d.Keys() {
			if s, ok := starlark.AsString(k); ok {
				keys = append(keys, s)
			}
		}
		e.Hint = didYouMean(name, keys)
	}
	return e
}

func slice(args starlark.Tuple) (starlark.Value, error) {
	v := args[0]
	if IsUnknown(v) {
		return Unknown, nil
	}
	var values []starlark.Value
	switch v := v.(type) {
	case starlark.String:
		chars, _ := iterable(v)
		values = valuesOf(chars)
	case *starlark.List, starlark.Tuple:
		values = valuesOf(v)
	default:
		return nil, fmt.Errorf("%s cannot be sliced", v.Type())
	}
	picked, err := pick(values, args[1:])
	if err != nil {
		return nil, err
	}
	switch v.(type) {
	case starlark.String:
		var b strings.Builder
		for _, c := range picked {
			b.WriteString(string(c.(starlark.String)))
		}
		return starlark.String(b.String()), nil
	case starlark.Tuple:
		return starlark.Tuple(picked), nil
	}
	return starlark.NewList(picked), nil
}

// pick selects values by the bounds of a slice.
func pick(values []starlark.Value, bounds starlark.Tuple) ([]starlark.Value, error) {
	step, n := 1, len(values)
	if bounds[2] != starlark.None {
		var err error
		if step, err = starlark.AsInt32(bounds[2]); err != nil || step == 0 {
			return nil, errors.New("a slice step must be an integer other than zero")
		}
	}
	lo, hi := 0, n
	if step < 0 {
		lo, hi = n-1, -1
	}
	for i, at := range []*int{&lo, &hi} {
		if bounds[i] == starlark.None {
			continue
		}
		given, err := starlark.AsInt32(bounds[i])
		if err != nil {
			return nil, errors.New("the bounds of a slice must be integers")
		}
		if given < 0 {
			given += n
		}
		if step > 0 {
			*at = min(max(given, 0), n)
		} else {
			*at = min(max(given, -1), n-1)
		}
	}
	picked := []starlark.Value{}
	for i := lo; step > 0 && i < hi || step < 0 && i > hi; i += step {
		picked = append(picked, values[i])
	}
	return picked, nil
}
