package ondemand

import (
	"errors"
	"math"

	"go.starlark.net/starlark"

	"github.com/asof-dev/asof/python"
)

// floatFunctions are numpy's functions of one float. Those that no rule rounds
// exactly (log, exp, sin…) may differ from numpy's by the last digits, as
// numpy's differ between processors.
var floatFunctions = map[string]func(float64) float64{
	"log": math.Log, "log1p": math.Log1p, "log2": log2, "log10": math.Log10, "exp": math.Exp, "exp2": math.Exp2, "expm1": math.Expm1,
	"sqrt": math.Sqrt, "cbrt": math.Cbrt, "floor": math.Floor, "ceil": math.Ceil, "trunc": math.Trunc, "rint": math.RoundToEven, "fabs": math.Abs,
	"sin": math.Sin, "cos": math.Cos, "tan": math.Tan, "arcsin": math.Asin, "arccos": math.Acos, "arctan": math.Atan,
	"sinh": math.Sinh, "cosh": math.Cosh, "tanh": math.Tanh,
	"radians":    func(x float64) float64 { return x * (math.Pi / 180) },
	"deg2rad":    func(x float64) float64 { return x * (math.Pi / 180) },
	"degrees":    func(x float64) float64 { return x * (180 / math.Pi) },
	"rad2deg":    func(x float64) float64 { return x * (180 / math.Pi) },
	"reciprocal": func(x float64) float64 { return 1 / x },
}

// log2 is exact for powers of two, and close to 1 closer than math.Log2.
func log2(x float64) float64 {
	if frac, exp := math.Frexp(x); frac == 0.5 {
		return float64(exp - 1)
	}
	return math.Log(x) / math.Ln2
}

var operatorFunctions = map[string]string{"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "true_divide": "/", "floor_divide": "//",
	"mod": "%", "remainder": "%", "power": "**", "equal": "==", "not_equal": "!=", "less": "<", "less_equal": "<=", "greater": ">", "greater_equal": ">=",
	"logical_and": "&", "logical_or": "|", "logical_xor": "^", "bitwise_and": "&", "bitwise_or": "|"}

// numpy is the module of that name, as far as functions of rows need it.
func numpy(current func() *run) *python.Namespace {
	members := starlark.StringDict{"nan": starlark.Float(math.NaN()), "NaN": starlark.Float(math.NaN()), "inf": starlark.Float(math.Inf(1)),
		"pi": starlark.Float(math.Pi), "e": starlark.Float(math.E)}
	set := func(name string, f func(r *run, a *arguments) (starlark.Value, error)) {
		members[name] = moduleFunction(name, current, f)
	}
	for name, f := range floatFunctions {
		set(name, floatFunction(f))
	}
	for name, op := range operatorFunctions {
		set(name, binaryFunction(func(a, b *vector) (*vector, error) { return operate(op, a, b) }))
	}
	set("maximum", binaryFunction(extreme(">", false)))
	set("minimum", binaryFunction(extreme("<", false)))
	set("fmax", binaryFunction(extreme(">", true)))
	set("fmin", binaryFunction(extreme("<", true)))
	set("arctan2", binaryFunction(pairwise(math.Atan2)))
	set("hypot", binaryFunction(pairwise(math.Hypot)))
	set("abs", unaryFunction(magnitude))
	set("absolute", unaryFunction(magnitude))
	set("negative", unaryFunction(negated))
	set("square", unaryFunction(func(v *vector) (*vector, error) { return arithmetic("*", v, v) }))
	set("logical_not", unaryFunction(inverted))
	set("sign", unaryFunction(sign))
	set("isnan", unaryFunction(func(v *vector) (*vector, error) { return nullMask(v, true), nil }))
	set("isinf", unaryFunction(test(func(x float64) bool { return math.IsInf(x, 0) })))
	set("isfinite", unaryFunction(test(func(x float64) bool { return !math.IsInf(x, 0) && !math.IsNaN(x) })))
	for _, name := range []string{"float64", "float32", "int64", "int32", "bool_", "str_", "object_"} {
		set(name, convertFunction(name))
	}
	set("where", numpyWhere)
	set("select", numpySelect)
	set("round", numpyRound)
	set("around", numpyRound)
	set("clip", numpyClip)
	set("array", asColumn)
	set("asarray", asColumn)
	set("zeros", fullOf(starlark.Float(0)))
	set("ones", fullOf(starlark.Float(1)))
	set("zeros_like", fullLike(0))
	set("ones_like", fullLike(1))
	return &python.Namespace{Name: "numpy", Members: members}
}

func floatFunction(f func(float64) float64) func(r *run, a *arguments) (starlark.Value, error) {
	return unaryFunction(func(v *vector) (*vector, error) {
		x, ok := v.numbers()
		if !ok {
			return nil, errors.New("numbers are needed, not " + v.kind.String())
		}
		out := newVector(kindFloat, v.n)
		out.single = v.single
		for i, n := range x.floats {
			if out.floats[i] = f(n); v.single {
				out.floats[i] = float64(float32(out.floats[i]))
			}
		}
		return out, nil
	})
}

func pairwise(f func(x, y float64) float64) func(a, b *vector) (*vector, error) {
	return func(a, b *vector) (*vector, error) {
		x, ok1 := a.numbers()
		y, ok2 := b.numbers()
		if !ok1 || !ok2 {
			return nil, errors.New("numbers are needed")
		}
		out := newVector(kindFloat, a.n)
		for i := range out.floats {
			out.floats[i] = f(x.floats[i], y.floats[i])
		}
		return out, nil
	}
}

// extreme is the greater or the lesser of two; a null gives a null unless nulls
// are left out.
func extreme(op string, skipNull bool) func(a, b *vector) (*vector, error) {
	return func(a, b *vector) (*vector, error) {
		better, err := compared(op, a, b)
		if err != nil {
			return nil, err
		}
		first := nullMask(a, true)
		if skipNull {
			first = nullMask(b, true)
		}
		if better, err = logic("|", better, first); err != nil {
			return nil, err
		}
		return chosen(better, a, b)
	}
}

func test(f func(float64) bool) func(*vector) (*vector, error) {
	return func(v *vector) (*vector, error) {
		x, ok := v.numbers()
		if !ok {
			return nil, errors.New("numbers are needed, not " + v.kind.String())
		}
		out := newVector(kindBool, v.n)
		for i, n := range x.floats {
			out.bools[i] = f(n)
		}
		return out, nil
	}
}

func sign(v *vector) (*vector, error) {
	zero, err := repeated(starlark.MakeInt(0), v.n)
	if err != nil {
		return nil, err
	}
	above, err := compared(">", v, zero)
	if err != nil {
		return nil, err
	}
	below, err := compared("<", v, zero)
	if err != nil {
		return nil, err
	}
	out, err := arithmetic("-", above.wholes(), below.wholes())
	if err != nil || v.kind != kindFloat {
		return out, err
	}
	return chosen(nullMask(v, true), v, out)
}

func convertFunction(name string) func(r *run, a *arguments) (starlark.Value, error) {
	return unaryFunction(func(v *vector) (*vector, error) { return converted(v, name) })
}
