package ondemand

import (
	"fmt"
	"math"

	"go.starlark.net/starlark"
)

// seriesMethods are the methods of a column. It is filled by a function, for
// some of them lead back to columns.
var seriesMethods = func() map[string]method {
	all := map[string]method{
		"fillna": fillNulls, "isna": isNull(true), "isnull": isNull(true), "notna": isNull(false), "notnull": isNull(false),
		"where": whereMethod(false), "mask": whereMethod(true), "clip": clip, "abs": absolute, "round": rounded,
		"astype": astype, "map": mapped, "apply": applied, "replace": replaced, "isin": isIn, "between": between, "combine_first": combineFirst,
	}
	for name, op := range map[string]string{"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=",
		"add": "+", "sub": "-", "subtract": "-", "mul": "*", "multiply": "*", "div": "/", "divide": "/", "truediv": "/", "floordiv": "//", "mod": "%", "pow": "**"} {
		all[name] = operatorMethod(op, false)
	}
	for name, op := range map[string]string{"radd": "+", "rsub": "-", "rmul": "*", "rdiv": "/", "rtruediv": "/", "rfloordiv": "//", "rmod": "%", "rpow": "**"} {
		all[name] = operatorMethod(op, true)
	}
	for _, name := range []string{"copy", "to_numpy", "reset_index", "rename", "squeeze", "infer_objects"} {
		all[name] = func(s *series, _ *arguments) (*vector, error) { return s.vector, nil }
	}
	return all
}()

func operatorMethod(op string, reversed bool) method {
	return func(s *series, a *arguments) (*vector, error) {
		var other starlark.Value
		if err := a.unpack("other", &other); err != nil {
			return nil, err
		}
		b, err := s.run.vector(other)
		if err != nil {
			return nil, err
		}
		if reversed {
			return operate(op, b, s.vector)
		}
		return operate(op, s.vector, b)
	}
}

func nullMask(v *vector, wanted bool) *vector {
	out := newVector(kindBool, v.n)
	for i := range out.bools {
		out.bools[i] = v.isNull(i) == wanted
	}
	return out
}

func isNull(wanted bool) method {
	return func(s *series, a *arguments) (*vector, error) { return nullMask(s.vector, wanted), a.unpack() }
}

func fillNulls(s *series, a *arguments) (*vector, error) {
	var value starlark.Value
	var inplace bool
	if err := a.unpack("value", &value, "inplace?", &inplace); err != nil {
		return nil, err
	}
	if inplace {
		return nil, unsupported("fillna(inplace=True) is used")
	}
	filling, err := s.run.vector(value)
	if err != nil {
		return nil, err
	}
	return filled(s.vector, filling)
}

// filled keeps integers where a whole number fills them.
func filled(v, filling *vector) (*vector, error) {
	out, err := chosen(nullMask(v, false), v, filling)
	if err == nil && v.kind == kindFloat && v.single {
		out.single = true
	}
	return out, err
}

func combineFirst(s *series, a *arguments) (*vector, error) { return fillNulls(s, a) }

func whereMethod(inverse bool) method {
	return func(s *series, a *arguments) (*vector, error) {
		var cond, other starlark.Value = nil, starlark.None
		if err := a.unpack("cond", &cond, "other?", &other); err != nil {
			return nil, err
		}
		condition, err := s.run.vector(cond)
		if err != nil {
			return nil, err
		}
		instead, err := s.run.vector(other)
		if err != nil {
			return nil, err
		}
		if inverse {
			return chosen(condition, instead, s.vector)
		}
		return chosen(condition, s.vector, instead)
	}
}

func clip(s *series, a *arguments) (*vector, error) {
	var lower, upper starlark.Value = starlark.None, starlark.None
	if err := a.unpack("lower?", &lower, "upper?", &upper); err != nil {
		return nil, err
	}
	v := s.vector
	for _, bound := range []struct {
		value starlark.Value
		op    string
	}{{lower, "<"}, {upper, ">"}} {
		if bound.value == starlark.None {
			continue
		}
		limit, err := s.run.vector(bound.value)
		if err != nil {
			return nil, err
		}
		outside, err := compared(bound.op, v, limit)
		if err != nil {
			return nil, err
		}
		if v, err = chosen(outside, limit, v); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func absolute(s *series, a *arguments) (*vector, error) {
	if err := a.unpack(); err != nil {
		return nil, err
	}
	return magnitude(s.vector)
}

func magnitude(v *vector) (*vector, error) {
	out := newVector(v.kind, v.n)
	out.null, out.single = v.null, v.single
	switch v.kind {
	case kindBool:
		return v, nil
	case kindFloat:
		for i, x := range v.floats {
			out.floats[i] = math.Abs(x)
		}
	case kindInt, kindSpan:
		for i, x := range v.ints {
			out.ints[i] = max(x, -x)
		}
	default:
		return nil, fmt.Errorf("%s have no absolute value", v.kind)
	}
	return out, nil
}

func rounded(s *series, a *arguments) (*vector, error) {
	var decimals int
	if err := a.unpack("decimals?", &decimals); err != nil {
		return nil, err
	}
	return roundTo(s.vector, decimals)
}

// roundTo rounds as numpy does: times a power of ten, halves to even.
func roundTo(v *vector, decimals int) (*vector, error) {
	switch {
	case v.kind == kindInt && decimals >= 0, v.kind == kindBool:
		return v, nil
	case v.kind != kindFloat || decimals > 300 || decimals < -300:
		return nil, fmt.Errorf("%s cannot be rounded to %d decimals", v.kind, decimals)
	}
	out := newVector(kindFloat, v.n)
	out.single = v.single
	scale := math.Pow10(max(decimals, -decimals))
	for i, x := range v.floats {
		switch {
		case decimals == 0:
			x = math.RoundToEven(x)
		case decimals > 0:
			x = math.RoundToEven(x*scale) / scale
		default:
			x = math.RoundToEven(x/scale) * scale
		}
		if v.single {
			x = float64(float32(x))
		}
		out.floats[i] = x
	}
	return out, nil
}
