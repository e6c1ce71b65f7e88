package ondemand

import (
	"errors"
	"fmt"
	"math"
)

// arithmetic is a OP b, element by element, as pandas computes it: integers
// wrap, a null gives a null, / always gives floats, and division by zero inf or
// nan. So do // and % where a divisor may be zero: by a column.
func arithmetic(op string, a, b *vector) (*vector, error) {
	switch {
	case a.kind == kindNull || b.kind == kindNull:
		return nullsLike(op, a, b), nil
	case a.kind == kindTime || b.kind == kindTime || a.kind == kindSpan || b.kind == kindSpan:
		return clockwork(op, a, b)
	case a.kind == kindText && b.kind == kindText && op == "+":
		return concatenated(a, b)
	case a.kind == kindBool && b.kind == kindBool && (op == "+" || op == "*"):
		return logic(map[string]string{"+": "|", "*": "&"}[op], a, b)
	case a.kind == kindBool && b.kind == kindBool && op == "-":
		return nil, errors.New("booleans cannot be subtracted: use ^, or astype(int)")
	}
	x, ok1 := a.numbers()
	y, ok2 := b.numbers()
	if !ok1 || !ok2 {
		return nil, fmt.Errorf("unsupported operands of %s: %s and %s", op, a.kind, b.kind)
	}
	if a.kind == kindFloat || b.kind == kindFloat || op == "/" {
		return floatArithmetic(op, x, y, singles(a, b)), nil
	}
	return wholeArithmetic(op, a.wholes(), b.wholes())
}

// singles tells whether floats of 32 bits stay so.
func singles(a, b *vector) bool {
	fits := func(v *vector) bool { return v.single || v.weak || v.kind == kindBool }
	return (a.single || b.single) && fits(a) && fits(b)
}

// nullsLike is the answer where one side has nothing but nulls.
func nullsLike(op string, a, b *vector) *vector {
	k := kindNull
	for _, v := range []*vector{a, b} {
		if v.kind == kindTime || v.kind == kindSpan || v.kind == kindText {
			k = v.kind
		}
	}
	if k == kindNull {
		k = kindFloat
	}
	return newVector(kindNull, a.n).asKind(k)
}

func floatArithmetic(op string, a, b *vector, single bool) *vector {
	out := newVector(kindFloat, a.n)
	out.single, out.weak = single, a.weak && b.weak
	x, y, z := a.floats, b.floats, out.floats
	if single {
		x, y = narrowed(x), narrowed(y)
	}
	for i := range z {
		switch op {
		case "+":
			z[i] = x[i] + y[i]
		case "-":
			z[i] = x[i] - y[i]
		case "*":
			z[i] = x[i] * y[i]
		case "/":
			z[i] = x[i] / y[i]
		case "//":
			z[i] = floorDivide(x[i], y[i])
		case "%":
			z[i] = remainder(x[i], y[i])
		case "**":
			z[i] = power(x[i], y[i])
		}
		if single {
			z[i] = float64(float32(z[i]))
		}
	}
	return out
}

// narrowed are floats of 32 bits.
func narrowed(x []float64) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(float32(v))
	}
	return out
}

// floorDivide and remainder are Python's, which round towards minus infinity.
func floorDivide(a, b float64) float64 {
	if b == 0 {
		return a / b
	}
	mod := math.Mod(a, b)
	div := (a - mod) / b
	if mod != 0 && (b < 0) != (mod < 0) {
		div--
	}
	if div == 0 {
		return math.Copysign(0, a/b)
	}
	floor := math.Floor(div)
	if div-floor > 0.5 {
		floor++
	}
	return floor
}

func remainder(a, b float64) float64 {
	if b == 0 {
		return math.NaN()
	}
	mod := math.Mod(a, b)
	switch {
	case mod == 0:
		return math.Copysign(0, b)
	case (b < 0) != (mod < 0):
		return mod + b
	}
	return mod
}

// power takes the exponents that numpy computes without a power function.
func power(a, b float64) float64 {
	switch b {
	case 2:
		return a * a
	case 0.5:
		return math.Sqrt(a)
	case -1:
		return 1 / a
	}
	return math.Pow(a, b)
}

func wholeArithmetic(op string, a, b *vector) (*vector, error) {
	if op == "//" || op == "%" {
		return wholeDivision(op, a, b), nil
	}
	out := newVector(kindInt, a.n)
	out.weak = a.weak && b.weak
	x, y, z := a.ints, b.ints, out.ints
	for i := range z {
		if a.isNull(i) || b.isNull(i) {
			out.setNull(i)
			continue
		}
		switch op {
		case "+":
			z[i] = x[i] + y[i]
		case "-":
			z[i] = x[i] - y[i]
		case "*":
			z[i] = x[i] * y[i]
		case "**":
			if y[i] < 0 {
				return nil, errors.New("integers to negative integer powers are not allowed: use a float")
			}
			z[i] = wholePower(x[i], y[i])
		}
	}
	return out, nil
}

func wholePower(x, y int64) int64 {
	z := int64(1)
	for ; y > 0; y >>= 1 {
		if y&1 == 1 {
			z *= x
		}
		x *= x
	}
	return z
}

// wholeDivision gives integers where the divisor is one number that is not 0,
// else floats, which have an inf and a nan for divisions by zero. (pandas looks
// whether there is a zero among the rows; here a row's answer does not depend
// on the others.)
func wholeDivision(op string, a, b *vector) *vector {
	k := kindFloat
	if b.weak && b.n > 0 && b.ints[0] != 0 {
		k = kindInt
	}
	out := newVector(k, a.n)
	for i := range a.n {
		switch x, null := a.ints[i], a.isNull(i) || b.isNull(i); {
		case null:
			out.setNull(i)
		case b.ints[i] == 0 && op == "%":
			out.floats[i] = math.NaN()
		case b.ints[i] == 0:
			out.floats[i] = float64(x) / float64(b.ints[i])
		default:
			z := floored(op, x, b.ints[i])
			if k == kindInt {
				out.ints[i] = z
			} else {
				out.floats[i] = float64(z)
			}
		}
	}
	return out
}

func floored(op string, x, y int64) int64 {
	if y == -1 { // the least integer has no opposite
		if op == "%" {
			return 0
		}
		return -x
	}
	div, mod := x/y, x%y
	if mod != 0 && (mod < 0) != (y < 0) {
		div, mod = div-1, mod+y
	}
	if op == "%" {
		return mod
	}
	return div
}

// maxText bounds the texts of a column, in bytes: doubling them a few times
// must not use up the memory.
const maxText = 1 << 28

func concatenated(a, b *vector) (*vector, error) {
	out := newVector(kindText, a.n)
	size := 0
	for i := range out.texts {
		if a.isNull(i) || b.isNull(i) {
			out.setNull(i)
			continue
		}
		if size += len(a.texts[i]) + len(b.texts[i]); size > maxText {
			return nil, errors.New("the texts of a column would be too long")
		}
		out.texts[i] = a.texts[i] + b.texts[i]
	}
	return out, nil
}

// negated is -a.
func negated(a *vector) (*vector, error) {
	zero := &vector{kind: kindInt, n: a.n, ints: make([]int64, a.n), weak: true}
	switch a.kind {
	case kindFloat:
		out := newVector(kindFloat, a.n)
		out.single = a.single
		for i, x := range a.floats {
			out.floats[i] = -x
		}
		return out, nil
	case kindInt, kindNull:
		return arithmetic("-", zero, a)
	case kindSpan:
		zero.kind = kindSpan
		return arithmetic("-", zero, a)
	}
	return nil, fmt.Errorf("%s cannot be negated", a.kind)
}
