package ondemand

import (
	"errors"
	"fmt"

	"go.starlark.net/starlark"

	"github.com/asof-dev/asof/python"
)

// frame is a pandas DataFrame as a function sees it.
type frame struct {
	run     *run
	names   []string
	columns map[string]*vector
}

var (
	_ starlark.HasSetKey   = (*frame)(nil)
	_ starlark.HasSetField = (*frame)(nil)
	_ python.Operand       = (*frame)(nil)
)

func (r *run) frame() *frame { return &frame{run: r, columns: map[string]*vector{}} }

func (f *frame) String() string        { return "a data frame" }
func (f *frame) Type() string          { return "data frame" }
func (f *frame) Freeze()               {}
func (f *frame) Hash() (uint32, error) { return 0, errors.New("unhashable: a data frame") }
func (f *frame) Len() int              { return f.run.n }

// Truth fails the run, as it does in pandas.
func (f *frame) Truth() starlark.Bool {
	f.run.fail(errors.New("a whole data frame is taken for true or false"))
	return false
}

// Operate refuses operators on whole frames.
func (f *frame) Operate(string, starlark.Value, starlark.Side) (starlark.Value, error) {
	return nil, unsupported("an operation on whole data frames")
}

// Iterate runs over the names of the columns.
func (f *frame) Iterate() starlark.Iterator { return f.nameTuple().Iterate() }

func (f *frame) nameTuple() starlark.Tuple {
	all := make(starlark.Tuple, len(f.names))
	for i, name := range f.names {
		all[i] = starlark.String(name)
	}
	return all
}

func (f *frame) set(name string, v *vector) {
	if _, ok := f.columns[name]; !ok {
		f.names = append(f.names, name)
	}
	f.columns[name] = v
}

func (f *frame) copy() *frame {
	c := f.run.frame()
	for _, name := range f.names {
		c.set(name, f.columns[name])
	}
	return c
}

// Get is f["name"] or f[["a", "b"]].
func (f *frame) Get(key starlark.Value) (starlark.Value, bool, error) {
	switch key := key.(type) {
	case starlark.String:
		v, ok := f.columns[string(key)]
		if !ok {
			return nil, false, f.missing(string(key))
		}
		return f.run.series(v), true, nil
	case *starlark.List:
		part := f.run.frame()
		for _, k := range listOf(key) {
			name, _ := starlark.AsString(k)
			v, ok := f.columns[name]
			if !ok {
				return nil, false, f.missing(name)
			}
			part.set(name, v)
		}
		return part, true, nil
	}
	return nil, false, unsupported("frame[…]: rows are chosen")
}

func (f *frame) missing(name string) error {
	hint := ""
	if near := python.Nearest(name, f.names); near != "" {
		hint = fmt.Sprintf("; did you mean %q?", near)
	}
	return fmt.Errorf("there is no column %q%s", name, hint)
}

// SetKey is f["name"] = value.
func (f *frame) SetKey(key, value starlark.Value) error {
	name, ok := starlark.AsString(key)
	if !ok {
		return unsupported("an assignment to several columns")
	}
	v, err := f.run.vector(value)
	if err != nil {
		return err
	}
	f.set(name, v.firm())
	return nil
}

// firm is the vector as a column: no longer a number that adapts to others.
func (v *vector) firm() *vector {
	if !v.weak {
		return v
	}
	c := *v
	c.weak = false
	return &c
}

// SetField refuses f.name = value, which in pandas makes no column.
func (f *frame) SetField(name string, value starlark.Value) error {
	if _, ok := f.columns[name]; ok {
		return f.SetKey(starlark.String(name), value)
	}
	return fmt.Errorf("there is no column %q to assign to: write frame[%q] = …", name, name)
}

// AttrNames returns the columns and methods.
func (f *frame) AttrNames() []string {
	return append(namesOf(frameMethods), "columns", "empty", "index", "loc", "shape")
}

// Attr returns a method, a part of the frame or a column.
func (f *frame) Attr(name string) (starlark.Value, error) {
	if m, ok := frameMethods[name]; ok {
		return starlark.NewBuiltin(name, func(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			return m(f, &arguments{thread, name, args, kwargs})
		}), nil
	}
	switch name {
	case "columns":
		return starlark.NewList(f.nameTuple()), nil
	case "index":
		return rows{f.run.n}, nil
	case "empty":
		return starlark.Bool(f.run.n == 0 || len(f.names) == 0), nil
	case "shape":
		return starlark.Tuple{starlark.MakeInt(f.run.n), starlark.MakeInt(len(f.names))}, nil
	case "loc":
		return locator{f}, nil
	}
	if v, ok := f.columns[name]; ok {
		return f.run.series(v), nil
	}
	return nil, unsupported("." + name + " of a data frame is used")
}

// locator is f.loc, for f.loc[mask, "name"] = value and f.loc[:, …].
type locator struct{ f *frame }

func (l locator) String() string        { return ".loc" }
func (l locator) Type() string          { return "loc" }
func (l locator) Freeze()               {}
func (l locator) Truth() starlark.Bool  { return true }
func (l locator) Hash() (uint32, error) { return 0, errors.New("unhashable: .loc") }

// Get refuses to choose rows.
func (l locator) Get(starlark.Value) (starlark.Value, bool, error) {
	return nil, false, unsupported(".loc[…]: rows are chosen")
}

// SetKey assigns to the rows of a column for which a mask is true.
func (l locator) SetKey(key, value starlark.Value) error {
	pair, ok := key.(starlark.Tuple)
	if !ok || len(pair) != 2 {
		return unsupported(".loc[…] = … without a mask and one column")
	}
	name, ok := starlark.AsString(pair[1])
	mask, isColumn := pair[0].(*series)
	if !ok || !isColumn {
		return unsupported(".loc[…] = … without a mask and one column")
	}
	with, err := l.f.run.vector(value)
	if err != nil {
		return err
	}
	old, ok := l.f.columns[name]
	if !ok {
		old = newVector(kindNull, l.f.run.n)
	}
	v, err := chosen(mask.vector, with, old)
	if err == nil {
		l.f.set(name, v.firm())
	}
	return err
}
