package ondemand

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"go.starlark.net/starlark"

	"github.com/asof-dev/asof/python"
)

// astype converts a column; a value that cannot be converted is an error, a
// null as an integer too, as in pandas.
func astype(s *series, a *arguments) (*vector, error) {
	var to, ignored starlark.Value
	if err := a.unpack("dtype", &to, "copy?", &ignored); err != nil {
		return nil, err
	}
	return converted(s.vector, typeName(to))
}

// typeName is the name of a type, given as a text, a builtin or numpy's.
func typeName(v starlark.Value) string {
	switch v := v.(type) {
	case starlark.String:
		return string(v)
	case starlark.Callable:
		return v.Name()
	}
	return v.String()
}

func converted(v *vector, to string) (*vector, error) {
	switch to {
	case "float", "float64", "float_", "double":
		return toFloats(v, false)
	case "float32":
		return toFloats(v, true)
	case "int", "int64", "int_", "int32":
		return toWholes(v, to == "int32")
	case "Int64":
		return toWholes(v, false, true)
	case "str", "string", "str_":
		return toTexts(v, to == "string"), nil
	case "bool", "bool_", "boolean":
		return toBooleans(v), nil
	case "object", "object_", "O":
		return v, nil
	case "datetime64[ns]", "datetime64[us]", "datetime64[ns, UTC]":
		return toTimes(v, "")
	}
	return nil, unsupported(fmt.Sprintf("astype(%q) is used", to))
}

func toFloats(v *vector, single bool) (*vector, error) {
	out, ok := v.numbers()
	if !ok && v.kind != kindText {
		return nil, fmt.Errorf("%s cannot be made floats", v.kind)
	}
	if ok && !single && !v.single {
		return out, nil
	}
	made := newVector(kindFloat, v.n)
	made.single = single
	for i := range made.floats {
		switch {
		case v.isNull(i):
			made.setNull(i)
			continue
		case v.kind == kindText:
			x, err := parseFloat(v.texts[i])
			if err != nil {
				return nil, err
			}
			made.floats[i] = x
		default:
			made.floats[i] = out.floats[i]
		}
		if single {
			made.floats[i] = float64(float32(made.floats[i]))
		}
	}
	return made, nil
}

// parseFloat reads a number as Python's float does.
func parseFloat(s string) (float64, error) {
	trimmed := strings.TrimSpace(s)
	x, err := strconv.ParseFloat(strings.ReplaceAll(trimmed, "_", "~"), 64)
	if err != nil && !math.IsInf(x, 0) || strings.ContainsAny(trimmed, "xXpP") {
		return 0, fmt.Errorf("could not convert text to float: %q", s)
	}
	return x, nil
}

// toWholes cuts fractions off. Nulls stay where they are allowed.
func toWholes(v *vector, narrow bool, nullable ...bool) (*vector, error) {
	out := newVector(kindInt, v.n)
	for i := range out.ints {
		if v.isNull(i) {
			if len(nullable) == 0 {
				return nil, fmt.Errorf("a null cannot be made an integer: use fillna first, or astype(\"Int64\")")
			}
			out.setNull(i)
			continue
		}
		switch v.kind {
		case kindInt, kindTime, kindSpan:
			out.ints[i] = v.ints[i]
		case kindBool:
			out.ints[i] = v.wholes().ints[i]
		case kindFloat:
			x := v.floats[i]
			if math.IsInf(x, 0) || math.Abs(x) >= 1<<63 {
				return nil, fmt.Errorf("%v cannot be made an integer", x)
			}
			out.ints[i] = int64(x)
		case kindText:
			x, err := strconv.ParseInt(strings.TrimSpace(v.texts[i]), 10, 64)
			if err != nil {
				return nil, fmt.Errorf("could not convert text to integer: %q", v.texts[i])
			}
			out.ints[i] = x
		default:
			return nil, fmt.Errorf("%s cannot be made integers", v.kind)
		}
		if narrow {
			out.ints[i] = int64(int32(out.ints[i]))
		}
	}
	return out, nil
}

// toTexts writes values as Python's str does; with keepNull nulls stay so, else
// they are the texts nan and None.
func toTexts(v *vector, keepNull bool) *vector {
	out := newVector(kindText, v.n)
	for i := range out.texts {
		switch {
		case v.isNull(i) && keepNull:
			out.setNull(i)
		case v.isNull(i) && (v.kind == kindFloat || v.kind == kindInt):
			out.texts[i] = "nan"
		case v.isNull(i) && (v.kind == kindTime || v.kind == kindSpan):
			out.texts[i] = "NaT"
		default:
			out.texts[i] = python.Str(v.value(i))
		}
	}
	return out
}

func toBooleans(v *vector) *vector {
	out := newVector(kindBool, v.n)
	for i := range out.bools {
		switch {
		case v.isNull(i):
			out.bools[i] = v.kind == kindFloat || v.kind == kindInt // NaN is true, None is not
		default:
			out.bools[i] = bool(v.value(i).Truth())
		}
	}
	return out
}
