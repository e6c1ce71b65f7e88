package ondemand

import (
	"errors"
	"fmt"
	"math"

	"go.starlark.net/starlark"
)

// mapped is .map of a dict, whose missing keys give nulls, or of a function.
func mapped(s *series, a *arguments) (*vector, error) {
	var by starlark.Value
	var ignore starlark.Value = starlark.None
	if err := a.unpack("arg", &by, "na_action?", &ignore); err != nil {
		return nil, err
	}
	dict, ok := by.(*starlark.Dict)
	if !ok {
		return each(s, a, by, ignore != starlark.None)
	}
	values := make([]starlark.Value, s.n)
	for i := range values {
		values[i] = starlark.None
		if s.isNull(i) {
			continue
		}
		x, found, err := dict.Get(s.value(i))
		if err != nil {
			return nil, err
		}
		if found {
			values[i] = x
		}
	}
	return collected(values)
}

func applied(s *series, a *arguments) (*vector, error) {
	var f starlark.Value
	if err := a.unpack("func", &f); err != nil {
		return nil, err
	}
	return each(s, a, f, false)
}

// each calls a function of Python's with every value. A missing number is NaN
// there, as in pandas.
func each(s *series, a *arguments, f starlark.Value, skipNull bool) (*vector, error) {
	if _, ok := f.(starlark.Callable); !ok {
		return nil, fmt.Errorf("%s needs a function", a.method)
	}
	s.run.rowwise = true
	values := make([]starlark.Value, s.n)
	for i := range values {
		x := s.value(i)
		if s.isNull(i) && s.kind == kindInt {
			x = starlark.Float(math.NaN())
		}
		if values[i] = x; s.isNull(i) && skipNull {
			continue
		}
		y, err := a.call(f, x)
		if err != nil {
			return nil, err
		}
		values[i] = y
	}
	return collected(values)
}

func replaced(s *series, a *arguments) (*vector, error) {
	var old, value starlark.Value
	if err := a.unpack("to_replace", &old, "value?", &value); err != nil {
		return nil, err
	}
	pairs := new(starlark.Dict)
	switch x := old.(type) {
	case *starlark.Dict:
		pairs = x
	case *starlark.List:
		for _, k := range listOf(x) {
			if err := pairs.SetKey(k, value); err != nil {
				return nil, err
			}
		}
	default:
		if err := pairs.SetKey(old, value); err != nil {
			return nil, err
		}
	}
	out := s.vector
	for _, pair := range pairs.Items() {
		if pair[1] == nil {
			return nil, errors.New("replace needs a value to put in")
		}
		same, err := isEither(s.run, s.vector, []starlark.Value{pair[0]})
		if err != nil {
			return nil, err
		}
		with, err := s.run.vector(pair[1])
		if err != nil {
			return nil, err
		}
		if out, err = chosen(same, with, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// isEither tells where v is one of the values; a missing one finds nulls.
func isEither(r *run, v *vector, values []starlark.Value) (*vector, error) {
	out := newVector(kindBool, v.n)
	for _, x := range values {
		one, err := r.vector(x)
		if err != nil {
			return nil, err
		}
		same, err := compared("==", v, one)
		if err != nil {
			return nil, err
		}
		for i := range out.bools {
			out.bools[i] = out.bools[i] || same.bools[i] || one.isNull(i) && v.isNull(i)
		}
	}
	return out, nil
}

func isIn(s *series, a *arguments) (*vector, error) {
	var values starlark.Iterable
	if err := a.unpack("values", &values); err != nil {
		return nil, err
	}
	if _, ok := values.(*series); ok {
		return nil, unsupported("isin of a column")
	}
	return isEither(s.run, s.vector, listOf(values))
}

func between(s *series, a *arguments) (*vector, error) {
	var left, right starlark.Value
	inclusive := "both"
	if err := a.unpack("left", &left, "right", &right, "inclusive?", &inclusive); err != nil {
		return nil, err
	}
	ops, ok := map[string][2]string{"both": {">=", "<="}, "neither": {">", "<"}, "left": {">=", "<"}, "right": {">", "<="}}[inclusive]
	if !ok {
		return nil, fmt.Errorf("inclusive is %q; write \"both\", \"neither\", \"left\" or \"right\"", inclusive)
	}
	var sides [2]*vector
	for i, bound := range []starlark.Value{left, right} {
		limit, err := s.run.vector(bound)
		if err != nil {
			return nil, err
		}
		if sides[i], err = compared(ops[i], s.vector, limit); err != nil {
			return nil, err
		}
	}
	return logic("&", sides[0], sides[1])
}
