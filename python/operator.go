package python

import (
	"errors"
	"fmt"
	"math"
	"math/big"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

func add(a, b starlark.Value) (starlark.Value, error) {
	a, b = number(a), number(b)
	if lengthOf(a)+lengthOf(b) > maxLength {
		return nil, errTooLong
	}
	if at, ok := a.(starlark.String); ok {
		if _, ok := b.(starlark.String); !ok && !isCustom(b) {
			return nil, fmt.Errorf("can only concatenate text to text, not %s to %s", b.Type(), repr(at))
		}
	}
	return starlark.Binary(syntax.PLUS, a, b)
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

// divide is /; of whole numbers the quotient is rounded once.
func divide(a, b starlark.Value) (starlark.Value, error) {
	a, b = number(a), number(b)
	x, ok1 := a.(starlark.Int)
	y, ok2 := b.(starlark.Int)
	if ok1 && ok2 && y.Sign() != 0 {
		q, _ := new(big.Rat).SetFrac(x.BigInt(), y.BigInt()).Float64()
		return starlark.Float(q), nil
	}
	return starlark.Binary(syntax.SLASH, a, b)
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
	if v, err := operated("**", a, b); v != nil || err != nil {
		return v, err
	}
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

// number makes a number of a boolean, and of a member of an enumeration the
// number or text that it is, as Python's operators do.
func number(v starlark.Value) starlark.Value {
	switch v := v.(type) {
	case starlark.Bool:
		if v {
			return starlark.MakeInt(1)
		}
		return starlark.MakeInt(0)
	case *enumMember:
		if v.class.mixin != "" {
			return v.value
		}
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
