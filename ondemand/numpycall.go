package ondemand

import (
	"errors"

	"go.starlark.net/starlark"
)

// vectors turns arguments into columns. Where none of them is one, each is a
// single value, and so is the answer.
func vectors(r *run, args starlark.Tuple) (list []*vector, single bool, err error) {
	inner := &run{n: 1}
	single = true
	for _, x := range args {
		switch x.(type) {
		case *series, *starlark.List:
			single = false
		}
	}
	if !single {
		inner = r
	}
	for _, x := range args {
		v, err := inner.vector(x)
		if err != nil {
			return nil, false, err
		}
		list = append(list, v)
	}
	return list, single, nil
}

func answered(r *run, v *vector, single bool, err error) (starlark.Value, error) {
	switch {
	case err != nil:
		return nil, err
	case single:
		return v.value(0), nil
	}
	return r.series(v), nil
}

func unaryFunction(f func(*vector) (*vector, error)) func(r *run, a *arguments) (starlark.Value, error) {
	return func(r *run, a *arguments) (starlark.Value, error) {
		if len(a.args) != 1 || len(a.kwargs) > 0 {
			return nil, unsupported("np." + a.method + " with options")
		}
		list, single, err := vectors(r, a.args)
		if err != nil {
			return nil, err
		}
		v, err := f(list[0])
		return answered(r, v, single, err)
	}
}

func binaryFunction(f func(a, b *vector) (*vector, error)) func(r *run, a *arguments) (starlark.Value, error) {
	return func(r *run, a *arguments) (starlark.Value, error) {
		if len(a.args) != 2 || len(a.kwargs) > 0 {
			return nil, unsupported("np." + a.method + " with options")
		}
		list, single, err := vectors(r, a.args)
		if err != nil {
			return nil, err
		}
		v, err := f(list[0], list[1])
		return answered(r, v, single, err)
	}
}

func numpyWhere(r *run, a *arguments) (starlark.Value, error) {
	if len(a.args) != 3 {
		return nil, unsupported("np.where without both values")
	}
	list, single, err := vectors(r, a.args)
	if err != nil {
		return nil, err
	}
	v, err := chosen(list[0], list[1], list[2])
	return answered(r, v, single, err)
}

func numpySelect(r *run, a *arguments) (starlark.Value, error) {
	var conditions, choices starlark.Iterable
	var fallback starlark.Value = starlark.MakeInt(0)
	if err := a.unpack("condlist", &conditions, "choicelist", &choices, "default?", &fallback); err != nil {
		return nil, err
	}
	when, then := listOf(conditions), listOf(choices)
	if len(when) != len(then) {
		return nil, errors.New("select needs a choice for each condition")
	}
	out, err := r.vector(fallback)
	for i := len(when) - 1; i >= 0 && err == nil; i-- {
		var condition, value *vector
		if condition, err = r.vector(when[i]); err != nil {
			break
		}
		if value, err = r.vector(then[i]); err == nil {
			out, err = chosen(condition, value, out)
		}
	}
	return answered(r, out, false, err)
}

func numpyRound(r *run, a *arguments) (starlark.Value, error) {
	var x starlark.Value
	decimals := 0
	if err := a.unpack("a", &x, "decimals?", &decimals); err != nil {
		return nil, err
	}
	list, single, err := vectors(r, starlark.Tuple{x})
	if err != nil {
		return nil, err
	}
	v, err := roundTo(list[0], decimals)
	return answered(r, v, single, err)
}

func numpyClip(r *run, a *arguments) (starlark.Value, error) {
	var x, lower, upper starlark.Value
	if err := a.unpack("a", &x, "a_min", &lower, "a_max", &upper); err != nil {
		return nil, err
	}
	s, ok := x.(*series)
	if !ok {
		return nil, unsupported("np.clip of something other than a column")
	}
	v, err := clip(s, &arguments{method: "clip", args: starlark.Tuple{lower, upper}})
	return answered(r, v, false, err)
}

func asColumn(r *run, a *arguments) (starlark.Value, error) {
	var x starlark.Value
	var dtype starlark.Value = starlark.None
	if err := a.unpack("object", &x, "dtype?", &dtype); err != nil {
		return nil, err
	}
	v, err := r.vector(x)
	if err == nil && dtype != starlark.None {
		v, err = converted(v, typeName(dtype))
	}
	return answered(r, v, false, err)
}

func fullOf(x starlark.Value) func(r *run, a *arguments) (starlark.Value, error) {
	return func(r *run, a *arguments) (starlark.Value, error) {
		var n int
		if err := a.unpack("shape", &n); err != nil {
			return nil, err
		}
		if n != r.n {
			return nil, unsupported("an array of another length than the inputs")
		}
		v, err := repeated(x, n)
		return answered(r, v.firm(), false, err)
	}
}

func fullLike(n int64) func(r *run, a *arguments) (starlark.Value, error) {
	return unaryFunction(func(v *vector) (*vector, error) {
		out := newVector(kindInt, v.n)
		for i := range out.ints {
			out.ints[i] = n
		}
		if v.kind == kindFloat {
			return out.asKind(kindFloat), nil
		}
		return out, nil
	})
}
