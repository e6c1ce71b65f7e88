package ondemand

import (
	"errors"
	"fmt"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/asof-dev/asof/python"
)

// run is one call of a function over n rows.
type run struct {
	n int
	// fault is a mistake that Starlark gives no way to report where it is made.
	fault error
	// rowwise tells that values were handed to Starlark one by one.
	rowwise bool
}

// series is a pandas Series as a function sees it: a column whose rows are
// those of the inputs.
type series struct {
	run *run
	*vector
}

var (
	_ python.Operand     = (*series)(nil)
	_ starlark.HasBinary = (*series)(nil)
	_ starlark.HasUnary  = (*series)(nil)
	_ starlark.Mapping   = (*series)(nil)
)

func (r *run) series(v *vector) *series { return &series{r, v} }

func (s *series) String() string        { return "a column" }
func (s *series) Type() string          { return "column" }
func (s *series) Freeze()               {}
func (s *series) Hash() (uint32, error) { return 0, errors.New("unhashable: a column") }
func (s *series) Len() int              { return s.n }

// Truth fails the run: what it would be differs from row to row.
func (s *series) Truth() starlark.Bool {
	s.run.fail(&python.Error{Kind: python.Unsupported, Message: "a whole column is taken for true or false", Hint: "use &, | and ~ in place of and, or and not, and np.where or .where in place of if"})
	return false
}

func (r *run) fail(err error) {
	if r.fault == nil {
		r.fault = err
	}
}

// Iterate runs over the values, which makes the function one of rows.
func (s *series) Iterate() starlark.Iterator {
	s.run.rowwise = true
	return starlark.Tuple(s.list()).Iterate()
}

// Get is s[mask], which would change the rows.
func (s *series) Get(starlark.Value) (starlark.Value, bool, error) {
	return nil, false, unsupported("column[…]: rows are chosen")
}

// unsupported is a construct that cannot be run over columns.
func unsupported(what string) error {
	return &python.Error{Kind: python.Unsupported, Message: what + ", which asof cannot run", Hint: "use element-wise operations, or configure asof.python"}
}

// vector turns an operand into a column of the run's length.
func (r *run) vector(x starlark.Value) (*vector, error) {
	switch x := x.(type) {
	case *series:
		if x.n != r.n {
			return nil, fmt.Errorf("a column of %d values meets one of %d", x.n, r.n)
		}
		return x.vector, nil
	case *starlark.List, starlark.Tuple:
		values := listOf(x.(starlark.Iterable))
		if len(values) != r.n {
			return nil, fmt.Errorf("a list of %d values is used as a column of %d rows", len(values), r.n)
		}
		return collected(values)
	case *frame:
		return nil, unsupported("a data frame is used as one column")
	}
	return repeated(x, r.n)
}

func listOf(it starlark.Iterable) []starlark.Value {
	var values []starlark.Value
	for x := range starlark.Elements(it) {
		values = append(values, x)
	}
	return values
}

var tokens = map[syntax.Token]string{syntax.PLUS: "+", syntax.MINUS: "-", syntax.STAR: "*", syntax.SLASH: "/", syntax.SLASHSLASH: "//",
	syntax.PERCENT: "%", syntax.AMP: "&", syntax.PIPE: "|", syntax.CIRCUMFLEX: "^"}

// Binary is s OP other, or other OP s.
func (s *series) Binary(op syntax.Token, other starlark.Value, side starlark.Side) (starlark.Value, error) {
	name, ok := tokens[op]
	if !ok {
		return nil, nil
	}
	if _, isFrame := other.(*frame); isFrame {
		return nil, unsupported("an operation on whole data frames")
	}
	return s.Operate(name, other, side)
}

// Operate is s OP other, or other OP s, for every operator.
func (s *series) Operate(op string, other starlark.Value, side starlark.Side) (starlark.Value, error) {
	b, err := s.run.vector(other)
	if err != nil {
		return nil, err
	}
	a := s.vector
	if side == starlark.Right {
		a, b = b, a
	}
	v, err := operate(op, a, b)
	if err != nil {
		return nil, err
	}
	return s.run.series(v), nil
}

func operate(op string, a, b *vector) (*vector, error) {
	switch op {
	case "&", "|", "^":
		return logic(op, a, b)
	case "==", "!=", "<", "<=", ">", ">=":
		return compared(op, a, b)
	}
	return arithmetic(op, a, b)
}

// Unary is -s, +s and ~s.
func (s *series) Unary(op syntax.Token) (starlark.Value, error) {
	var v *vector
	var err error
	switch op {
	case syntax.MINUS:
		v, err = negated(s.vector)
	case syntax.TILDE:
		v, err = inverted(s.vector)
	default:
		v = s.vector
	}
	if err != nil {
		return nil, err
	}
	return s.run.series(v), nil
}

// AttrNames returns the methods and accessors of a column.
func (s *series) AttrNames() []string {
	return append(namesOf(seriesMethods), "dt", "empty", "index", "name", "shape", "size", "str", "values")
}

// Attr returns a method or an accessor.
func (s *series) Attr(name string) (starlark.Value, error) {
	if m, ok := seriesMethods[name]; ok {
		return starlark.NewBuiltin(name, func(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			v, err := m(s, &arguments{thread, name, args, kwargs})
			if err != nil || v == nil {
				return nil, err
			}
			return s.run.series(v), nil
		}), nil
	}
	switch name {
	case "str":
		if s.kind != kindText && s.kind != kindNull && s.kind != kindObject {
			return nil, fmt.Errorf(".str is for texts, and these are %s", s.kind)
		}
		return &accessor{s, "str", textMethods, nil}, nil
	case "dt":
		if s.kind != kindTime && s.kind != kindSpan && s.kind != kindNull {
			return nil, fmt.Errorf(".dt is for times, and these are %s", s.kind)
		}
		return &accessor{s, "dt", timeMethods, timeParts}, nil
	case "values":
		return s, nil
	case "index":
		return rows{s.n}, nil
	case "size":
		return starlark.MakeInt(s.n), nil
	case "shape":
		return starlark.Tuple{starlark.MakeInt(s.n)}, nil
	case "empty":
		return starlark.Bool(s.n == 0), nil
	case "name":
		return starlark.None, nil
	case "tolist", "to_list":
		return starlark.NewBuiltin(name, func(*starlark.Thread, *starlark.Builtin, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
			s.run.rowwise = true
			return starlark.NewList(s.list()), nil
		}), nil
	}
	if across[name] {
		return nil, unsupported("." + name + "() of a column takes other rows into account")
	}
	return nil, unsupported("." + name + " of a column is used")
}

// across are methods whose answer for a row depends on the other rows.
var across = map[string]bool{"max": true, "min": true, "mean": true, "sum": true, "std": true, "var": true, "median": true, "quantile": true,
	"rolling": true, "expanding": true, "ewm": true, "shift": true, "diff": true, "cumsum": true, "cumprod": true, "cummax": true, "cummin": true, "rank": true, "pct_change": true,
	"ffill": true, "bfill": true, "interpolate": true, "sort_values": true, "unique": true, "nunique": true, "value_counts": true, "mode": true,
	"any": true, "all": true, "count": true, "idxmax": true, "idxmin": true, "groupby": true, "drop_duplicates": true, "duplicated": true, "dropna": true}

// rows is the index of a frame or a column: the numbers of the rows.
type rows struct{ n int }

func (r rows) String() string        { return "an index" }
func (r rows) Type() string          { return "index" }
func (r rows) Freeze()               {}
func (r rows) Truth() starlark.Bool  { return r.n > 0 }
func (r rows) Hash() (uint32, error) { return uint32(r.n), nil }
func (r rows) Len() int              { return r.n }
