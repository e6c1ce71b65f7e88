package python

import (
	"math"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// An Operand is a value that compares itself with others, and raises itself to
// a power, as columns do. (For the other operators see starlark.HasBinary.)
type Operand interface {
	starlark.Value
	// Operate is v OP other, or other OP v where v stands on the right. The
	// operators are == != < <= > >= and **.
	Operate(op string, other starlark.Value, side starlark.Side) (starlark.Value, error)
}

// operated lets an Operand carry out an operator; nil where there is none.
func operated(op string, a, b starlark.Value) (starlark.Value, error) {
	if x, ok := a.(Operand); ok {
		return x.Operate(op, b, starlark.Left)
	}
	if y, ok := b.(Operand); ok {
		return y.Operate(op, a, starlark.Right)
	}
	return nil, nil
}

var comparisons = map[string]syntax.Token{"==": syntax.EQL, "!=": syntax.NEQ, "<": syntax.LT, "<=": syntax.LE, ">": syntax.GT, ">=": syntax.GE}

// comparing is a comparison of Python's: nothing compares with NaN, and True
// is 1.
func comparing(op string) func(*starlark.Thread, starlark.Tuple) (starlark.Value, error) {
	token := comparisons[op]
	return func(_ *starlark.Thread, args starlark.Tuple) (starlark.Value, error) {
		if v, err := operated(op, args[0], args[1]); v != nil || err != nil {
			return v, err
		}
		a, b := number(Plain(args[0])), number(Plain(args[1]))
		if isNaN(a) && isNumber(b) || isNaN(b) && isNumber(a) {
			return starlark.Bool(op == "!="), nil
		}
		same, err := starlark.Compare(token, a, b)
		return starlark.Bool(same), err
	}
}

func isNaN(v starlark.Value) bool {
	f, ok := v.(starlark.Float)
	return ok && math.IsNaN(float64(f))
}

func isNumber(v starlark.Value) bool {
	_, ok := starlark.AsFloat(v)
	return ok
}
