package ondemand

import (
	"fmt"
	"math"

	"go.starlark.net/starlark"

	"github.com/asof-dev/asof/python"
)

// kind is what the values of a vector are.
type kind int

const (
	kindNull   kind = iota // nothing but nulls
	kindBool               // of bools
	kindInt                // of ints
	kindFloat              // of floats; NaN is null
	kindText               // of texts
	kindTime               // of ints: microseconds since 1970, UTC
	kindSpan               // of ints: microseconds
	kindObject             // of objects: lists, bytes, mixed values
)

func (k kind) String() string {
	return [...]string{"nulls", "booleans", "integers", "floats", "texts", "times", "durations", "objects"}[k]
}

// vector is the values of a column. It is never changed once it is made, so
// that columns share it.
type vector struct {
	kind    kind
	n       int
	null    []bool // nil where no value is null; floats are null by their NaN alone
	bools   []bool
	ints    []int64
	floats  []float64
	texts   []string
	objects []starlark.Value
	single  bool // floats of 32 bits
	weak    bool // a number written in the function, or computed there: it takes the other side's type
}

func newVector(k kind, n int) *vector {
	v := &vector{kind: k, n: n}
	switch k {
	case kindBool:
		v.bools = make([]bool, n)
	case kindInt, kindTime, kindSpan:
		v.ints = make([]int64, n)
	case kindFloat:
		v.floats = make([]float64, n)
	case kindText:
		v.texts = make([]string, n)
	case kindObject:
		v.objects = make([]starlark.Value, n)
	}
	return v
}

// isNull tells whether value i is missing, as pandas' isna does.
func (v *vector) isNull(i int) bool {
	switch {
	case v.kind == kindNull:
		return true
	case v.kind == kindFloat:
		return math.IsNaN(v.floats[i])
	}
	return v.null != nil && v.null[i]
}

func (v *vector) setNull(i int) {
	if v.kind == kindFloat {
		v.floats[i] = math.NaN()
		return
	}
	if v.null == nil {
		v.null = make([]bool, v.n)
	}
	v.null[i] = true
}

// set copies value j of from, which is of the same kind.
func (v *vector) set(i int, from *vector, j int) {
	if from.isNull(j) {
		v.setNull(i)
		return
	}
	switch v.kind {
	case kindBool:
		v.bools[i] = from.bools[j]
	case kindInt, kindTime, kindSpan:
		v.ints[i] = from.ints[j]
	case kindFloat:
		v.floats[i] = from.floats[j]
	case kindText:
		v.texts[i] = from.texts[j]
	case kindObject:
		v.objects[i] = from.objects[j]
	}
}

// value returns value i as Python has it: None for a null.
func (v *vector) value(i int) starlark.Value {
	if v.isNull(i) {
		if v.kind == kindFloat {
			return starlark.Float(math.NaN())
		}
		return starlark.None
	}
	switch v.kind {
	case kindBool:
		return starlark.Bool(v.bools[i])
	case kindInt:
		return starlark.MakeInt64(v.ints[i])
	case kindFloat:
		return starlark.Float(v.floats[i])
	case kindText:
		return starlark.String(v.texts[i])
	case kindTime:
		return timeOf(v.ints[i])
	case kindSpan:
		return spanOf(v.ints[i])
	}
	return v.objects[i]
}

// numbers returns the vector as floats: of integers, booleans and floats.
func (v *vector) numbers() (*vector, bool) {
	switch v.kind {
	case kindFloat:
		return v, true
	case kindNull, kindInt, kindBool:
		out := newVector(kindFloat, v.n)
		for i := range out.floats {
			switch {
			case v.isNull(i):
				out.floats[i] = math.NaN()
			case v.kind == kindInt:
				out.floats[i] = float64(v.ints[i])
			case v.bools[i]:
				out.floats[i] = 1
			}
		}
		return out, true
	}
	return nil, false
}

// wholes returns booleans as integers, and integers as they are.
func (v *vector) wholes() *vector {
	if v.kind != kindBool {
		return v
	}
	out := newVector(kindInt, v.n)
	out.null = v.null
	for i, b := range v.bools {
		if b {
			out.ints[i] = 1
		}
	}
	return out
}

// asKind returns the vector as one of kind k, to which it can be widened.
func (v *vector) asKind(k kind) *vector {
	switch {
	case v.kind == k:
		return v
	case v.kind == kindNull:
		out := newVector(k, v.n)
		for i := range v.n {
			out.setNull(i)
		}
		return out
	case k == kindFloat:
		out, _ := v.numbers()
		return out
	case k == kindInt && v.kind == kindBool:
		return v.wholes()
	}
	out := newVector(kindObject, v.n)
	for i := range v.n {
		if v.isNull(i) {
			out.setNull(i)
		} else {
			out.objects[i] = v.value(i)
		}
	}
	return out
}

// common returns the kind that holds the values of both.
func common(a, b kind) kind {
	switch {
	case a == b || b == kindNull:
		return a
	case a == kindNull:
		return b
	case a == kindFloat && b == kindInt || a == kindInt && b == kindFloat:
		return kindFloat
	}
	return kindObject
}

// repeated returns a value n times.
func repeated(x starlark.Value, n int) (*vector, error) {
	k, err := kindOf(x)
	if err != nil {
		return nil, err
	}
	v := newVector(k, n)
	for i := range n {
		v.put(i, x)
	}
	switch x.(type) {
	case starlark.Int, starlark.Float, starlark.Bool:
		v.weak = true
	}
	return v, nil
}

// collected makes a vector of Python's values.
func collected(values []starlark.Value) (*vector, error) {
	k := kindNull
	for _, x := range values {
		one, err := kindOf(x)
		if err != nil {
			return nil, err
		}
		k = common(k, one)
	}
	v := newVector(k, len(values))
	for i, x := range values {
		v.put(i, x)
	}
	return v, nil
}

// put sets value i to x, which the vector's kind can hold.
func (v *vector) put(i int, x starlark.Value) {
	if f, ok := x.(starlark.Float); x == starlark.None || ok && math.IsNaN(float64(f)) {
		if v.kind != kindNull {
			v.setNull(i)
		}
		return
	}
	switch v.kind {
	case kindBool:
		v.bools[i] = bool(x.(starlark.Bool))
	case kindInt:
		v.ints[i], _ = x.(starlark.Int).Int64()
	case kindFloat:
		v.floats[i], _ = starlark.AsFloat(x)
	case kindText:
		v.texts[i] = string(x.(starlark.String))
	case kindTime:
		v.ints[i] = x.(python.Datetime).Time.UnixMicro()
	case kindSpan:
		v.ints[i] = microseconds(x.(python.Timedelta))
	case kindObject:
		v.objects[i] = x
	}
}

func kindOf(x starlark.Value) (kind, error) {
	switch x := x.(type) {
	case starlark.NoneType:
		return kindNull, nil
	case starlark.Bool:
		return kindBool, nil
	case starlark.Int:
		if _, ok := x.Int64(); !ok {
			return 0, fmt.Errorf("%s does not fit 64 bits", x)
		}
		return kindInt, nil
	case starlark.Float:
		return kindFloat, nil
	case starlark.String:
		return kindText, nil
	case python.Datetime:
		return kindTime, nil
	case python.Timedelta:
		return kindSpan, nil
	case *starlark.List, starlark.Tuple, *starlark.Dict, starlark.Bytes, *starlark.Set:
		return kindObject, nil
	}
	return 0, fmt.Errorf("%s cannot be the value of a column", x.Type())
}
