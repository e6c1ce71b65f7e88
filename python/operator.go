package python

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"
	"unicode/utf8"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

func add(a, b starlark.Value) (starlark.Value, error) {
	if lengthOf(a)+lengthOf(b) > maxLength {
		return nil, errTooLong
	}
	if at, ok := a.(starlark.String); ok {
		if _, ok := b.(starlark.String); !ok && !isCustom(b) {
			return nil, fmt.Errorf("can only concatenate text to text, not %s to %s", b.Type(), repr(at))
		}
	}
	return starlark.Binary(syntax.PLUS, number(a), number(b))
}

// extend is +=, which lengthens a list in place.
func extend(a, b starlark.Value) (starlark.Value, error) {
	list, ok := a.(*starlark.List)
	if !ok {
		return add(a, b)
	}
	more, err := iterable(b)
	if err != nil {
		return nil, err
	}
	values := valuesOf(more)
	if list.Len()+len(values) > maxLength {
		return nil, errTooLong
	}
	for _, v := range values {
		if err := list.Append(v); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func multiply(a, b starlark.Value) (starlark.Value, error) {
	a, b = number(a), number(b)
	for _, pair := range [2][2]starlark.Value{{a, b}, {b, a}} {
		times, ok := pair[1].(starlark.Int)
		if n := lengthOf(pair[0]); ok && n > 0 {
			if i, small := times.Int64(); !small || i > maxLength || i*int64(n) > maxLength {
				return nil, errTooLong
			}
		}
	}
	if bits(a)+bits(b) > maxBits {
		return nil, errTooBig
	}
	return starlark.Binary(syntax.STAR, a, b)
}

// modulo is % of numbers, and the formatting of a text.
func modulo(a, b starlark.Value) (starlark.Value, error) {
	if format, ok := a.(starlark.String); ok {
		s, err := percent(string(format), b)
		return starlark.String(s), err
	}
	return starlark.Binary(syntax.PERCENT, number(a), number(b))
}

const maxBits = 1 << 16

var errTooBig = errors.New("the number would be too big")

func power(a, b starlark.Value) (starlark.Value, error) {
	a, b = number(a), number(b)
	if IsUnknown(a) || IsUnknown(b) {
		return Unknown, nil
	}
	base, ok1 := a.(starlark.Int)
	exponent, ok2 := b.(starlark.Int)
	if ok1 && ok2 && exponent.Sign() >= 0 {
		e, small := exponent.Int64()
		if !small || e > maxBits || int64(bits(base))*e > maxBits {
			return nil, errTooBig
		}
		return starlark.MakeBigInt(new(big.Int).Exp(base.BigInt(), big.NewInt(e), nil)), nil
	}
	x, ok1 := starlark.AsFloat(a)
	y, ok2 := starlark.AsFloat(b)
	if !ok1 || !ok2 {
		return nil, fmt.Errorf("unsupported operands of **: %s and %s", a.Type(), b.Type())
	}
	return starlark.Float(math.Pow(x, y)), nil
}

// number makes a number of a boolean, as Python's operators do.
func number(v starlark.Value) starlark.Value {
	if b, ok := v.(starlark.Bool); ok {
		if b {
			return starlark.MakeInt(1)
		}
		return starlark.MakeInt(0)
	}
	return v
}

func bits(v starlark.Value) int {
	if i, ok := v.(starlark.Int); ok {
		return i.BigInt().BitLen()
	}
	return 0
}

func isCustom(v starlark.Value) bool {
	_, ok := v.(starlark.HasBinary)
	return ok
}

// lengthOf is the length of a text, list, tuple or bytes; 0 of other values.
func lengthOf(v starlark.Value) int {
	switch v := v.(type) {
	case starlark.String:
		return len(v)
	case starlark.Bytes:
		return len(v)
	case *starlark.List:
		return v.Len()
	case starlark.Tuple:
		return len(v)
	}
	return 0
}

// iterable gives what a loop runs over: a text becomes its characters.
func iterable(v starlark.Value) (starlark.Value, error) {
	if s, ok := v.(starlark.String); ok {
		list := make([]starlark.Value, 0, len(s))
		for _, r := range string(s) {
			list = append(list, starlark.String(r))
		}
		return starlark.NewList(list), nil
	}
	if _, ok := v.(starlark.Iterable); !ok {
		return nil, fmt.Errorf("%s cannot be looped over", v.Type())
	}
	return v, nil
}

// valuesOf collects the values of something that can be looped over.
func valuesOf(v starlark.Value) []starlark.Value {
	it, ok := v.(starlark.Iterable)
	if !ok {
		return nil
	}
	var values []starlark.Value
	for x := range starlark.Elements(it) {
		values = append(values, x)
	}
	return values
}

func listOf(l *starlark.List) []starlark.Value { return valuesOf(l) }

func concatenate(parts starlark.Tuple) (starlark.Value, error) {
	var all []starlark.Value
	for _, p := range parts {
		values, err := iterable(p)
		if err != nil {
			return nil, err
		}
		all = append(all, valuesOf(values)...)
		if len(all) > maxLength {
			return nil, errTooLong
		}
	}
	return starlark.NewList(all), nil
}

func mergeDicts(parts starlark.Tuple) (starlark.Value, error) {
	merged := new(starlark.Dict)
	for _, p := range parts {
		if _, ok := p.(unknown); ok {
			return Unknown, nil
		}
		m, ok := p.(starlark.IterableMapping)
		if !ok {
			return nil, fmt.Errorf("** needs a dict, not %s", p.Type())
		}
		for _, item := range m.Items() {
			if err := merged.SetKey(item[0], item[1]); err != nil {
				return nil, err
			}
		}
	}
	return merged, nil
}

// spread takes a value apart for a pattern with a star: before values, a list
// of those between, after values.
func spread(args starlark.Tuple) (starlark.Value, error) {
	if IsUnknown(args[0]) {
		return Unknown, nil
	}
	value, err := iterable(args[0])
	if err != nil {
		return nil, err
	}
	before, _ := starlark.AsInt32(args[1])
	after, _ := starlark.AsInt32(args[2])
	values := valuesOf(value)
	if len(values) < before+after {
		return nil, fmt.Errorf("not enough values to unpack: expected at least %d, got %d", before+after, len(values))
	}
	end := len(values) - after
	out := append(starlark.Tuple{}, values[:before]...)
	out = append(out, starlark.NewList(append([]starlark.Value{}, values[before:end]...)))
	return append(out, values[end:]...), nil
}

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

func runeCount(s starlark.String) int { return utf8.RuneCountInString(string(s)) }
