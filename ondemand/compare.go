package ondemand

import (
	"cmp"
	"fmt"

	"github.com/asof-dev/asof"
)

// compared is a OP b as booleans, none of them null: nothing compares with a
// null, so that only != is true of one.
func compared(op string, a, b *vector) (*vector, error) {
	a, b = dated(a, b), dated(b, a)
	out := newVector(kindBool, a.n)
	order, err := ordering(op, a, b)
	if err != nil {
		return nil, err
	}
	for i := range out.bools {
		if order == nil || a.isNull(i) || b.isNull(i) {
			out.bools[i] = op == "!="
			continue
		}
		switch c := order(i); op {
		case "==":
			out.bools[i] = c == 0
		case "!=":
			out.bools[i] = c != 0
		case "<":
			out.bools[i] = c < 0
		case "<=":
			out.bools[i] = c <= 0
		case ">":
			out.bools[i] = c > 0
		case ">=":
			out.bools[i] = c >= 0
		}
	}
	return out, nil
}

// ordering returns what compares the values in row i; nil where no two of them
// are ever equal.
func ordering(op string, a, b *vector) (func(i int) int, error) {
	x, y := a.wholes(), b.wholes()
	switch {
	case a.kind == kindNull || b.kind == kindNull:
		return nil, nil
	case a.kind == kindText && b.kind == kindText:
		return func(i int) int { return cmp.Compare(a.texts[i], b.texts[i]) }, nil
	case a.kind == b.kind && (a.kind == kindTime || a.kind == kindSpan), x.kind == kindInt && y.kind == kindInt:
		return func(i int) int { return cmp.Compare(x.ints[i], y.ints[i]) }, nil
	}
	f, ok1 := a.numbers()
	g, ok2 := b.numbers()
	switch {
	case ok1 && ok2:
		return func(i int) int { return cmp.Compare(f.floats[i], g.floats[i]) }, nil
	case op == "==" || op == "!=":
		return nil, nil
	}
	return nil, fmt.Errorf("%s and %s cannot be compared by %s", a.kind, b.kind, op)
}

// dated reads texts as times where they are compared with times.
func dated(a, b *vector) *vector {
	if a.kind != kindText || b.kind != kindTime {
		return a
	}
	out := newVector(kindTime, a.n)
	for i, s := range a.texts {
		t, ok := asof.ParseTime(s)
		if a.isNull(i) || !ok {
			out.setNull(i)
		} else {
			out.ints[i] = t.UnixMicro()
		}
	}
	return out
}

// logic is a & b, a | b or a ^ b, of booleans, in which a null counts as False,
// or of integers bit by bit.
func logic(op string, a, b *vector) (*vector, error) {
	if a.kind == kindNull {
		a = a.asKind(b.kind)
	}
	if b.kind == kindNull {
		b = b.asKind(a.kind)
	}
	if a.kind == kindInt && b.kind == kindInt {
		return bitwise(op, a, b), nil
	}
	if a.kind != kindBool || b.kind != kindBool {
		return nil, fmt.Errorf("unsupported operands of %s: %s and %s", op, a.kind, b.kind)
	}
	out := newVector(kindBool, a.n)
	for i := range out.bools {
		x, y := a.bools[i] && !a.isNull(i), b.bools[i] && !b.isNull(i)
		switch op {
		case "&":
			out.bools[i] = x && y
		case "|":
			out.bools[i] = x || y
		default:
			out.bools[i] = x != y
		}
	}
	return out, nil
}

func bitwise(op string, a, b *vector) *vector {
	out := newVector(kindInt, a.n)
	for i := range out.ints {
		switch {
		case a.isNull(i) || b.isNull(i):
			out.setNull(i)
		case op == "&":
			out.ints[i] = a.ints[i] & b.ints[i]
		case op == "|":
			out.ints[i] = a.ints[i] | b.ints[i]
		default:
			out.ints[i] = a.ints[i] ^ b.ints[i]
		}
	}
	return out
}

// inverted is ~a.
func inverted(a *vector) (*vector, error) {
	out := newVector(a.kind, a.n)
	out.null = a.null
	switch a.kind {
	case kindBool:
		for i, b := range a.bools {
			out.bools[i] = !b
		}
	case kindInt:
		for i, x := range a.ints {
			out.ints[i] = ^x
		}
	default:
		return nil, fmt.Errorf("~ of %s is not possible", a.kind)
	}
	return out, nil
}

// chosen is yes where the condition is true, no elsewhere.
func chosen(condition, yes, no *vector) (*vector, error) {
	if condition.kind != kindBool {
		return nil, fmt.Errorf("the condition must be booleans, not %s", condition.kind)
	}
	k := common(yes.kind, no.kind)
	if k == kindObject && (yes.kind == kindBool && no.kind == kindInt || yes.kind == kindInt && no.kind == kindBool) {
		k = kindInt
	}
	if k == kindObject && (yes.kind == kindBool && no.kind == kindFloat || yes.kind == kindFloat && no.kind == kindBool) {
		k = kindFloat
	}
	out := newVector(k, condition.n)
	out.single = k == kindFloat && singles(yes, no)
	yes, no = yes.asKind(k), no.asKind(k)
	for i, b := range condition.bools {
		if b && !condition.isNull(i) {
			out.set(i, yes, i)
		} else {
			out.set(i, no, i)
		}
	}
	return out, nil
}
