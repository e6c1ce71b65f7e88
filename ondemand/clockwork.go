package ondemand

import (
	"fmt"
)

// clockwork is arithmetic of times and durations.
func clockwork(op string, a, b *vector) (*vector, error) {
	var k kind
	switch {
	case op == "-" && a.kind == kindTime && b.kind == kindTime,
		(op == "+" || op == "-") && a.kind == kindSpan && b.kind == kindSpan:
		k = kindSpan
	case (op == "+" || op == "-") && a.kind == kindTime && b.kind == kindSpan,
		op == "+" && a.kind == kindSpan && b.kind == kindTime:
		k = kindTime
	case op == "/" && a.kind == kindSpan && b.kind == kindSpan:
		return quotient(a, b), nil
	case op == "*" && a.kind == kindSpan && b.kind == kindInt, op == "*" && a.kind == kindInt && b.kind == kindSpan:
		k = kindSpan
	default:
		return nil, fmt.Errorf("unsupported operands of %s: %s and %s", op, a.kind, b.kind)
	}
	out := newVector(k, a.n)
	for i := range out.ints {
		if a.isNull(i) || b.isNull(i) {
			out.setNull(i)
			continue
		}
		switch op {
		case "+":
			out.ints[i] = a.ints[i] + b.ints[i]
		case "-":
			out.ints[i] = a.ints[i] - b.ints[i]
		default:
			out.ints[i] = a.ints[i] * b.ints[i]
		}
	}
	return out, nil
}

func quotient(a, b *vector) *vector {
	out := newVector(kindFloat, a.n)
	for i := range out.floats {
		if a.isNull(i) || b.isNull(i) {
			out.setNull(i)
		} else {
			out.floats[i] = float64(a.ints[i]) / float64(b.ints[i])
		}
	}
	return out
}
