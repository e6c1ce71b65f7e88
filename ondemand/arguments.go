package ondemand

import (
	"fmt"
	"maps"
	"slices"

	"go.starlark.net/starlark"
)

// arguments are those of a call of a method that pandas or numpy has.
type arguments struct {
	thread *starlark.Thread
	method string
	args   starlark.Tuple
	kwargs []starlark.Tuple
}

// unpack sets variables as starlark.UnpackArgs does. A parameter that is not
// named here is an error: it would change the answer.
func (a *arguments) unpack(pairs ...any) error {
	return starlark.UnpackArgs(a.method, a.args, a.kwargs, pairs...)
}

// call calls a function with one value.
func (a *arguments) call(f starlark.Value, x ...starlark.Value) (starlark.Value, error) {
	return starlark.Call(a.thread, f, x, nil)
}

// method computes a column from one.
type method func(s *series, a *arguments) (*vector, error)

func namesOf[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// accessor is .str or .dt of a column.
type accessor struct {
	s       *series
	name    string
	methods map[string]method
	parts   map[string]func(*vector) (*vector, error) // what is read without a call
}

func (c *accessor) String() string        { return "." + c.name }
func (c *accessor) Type() string          { return c.name }
func (c *accessor) Freeze()               {}
func (c *accessor) Truth() starlark.Bool  { return true }
func (c *accessor) Hash() (uint32, error) { return 0, fmt.Errorf("unhashable: .%s", c.name) }
func (c *accessor) AttrNames() []string   { return append(namesOf(c.methods), namesOf(c.parts)...) }

// Attr returns a method, or a part of a time.
func (c *accessor) Attr(name string) (starlark.Value, error) {
	if part, ok := c.parts[name]; ok {
		v, err := part(c.s.vector)
		if err != nil {
			return nil, err
		}
		return c.s.run.series(v), nil
	}
	m, ok := c.methods[name]
	if !ok {
		return nil, unsupported("." + c.name + "." + name + " is used")
	}
	return starlark.NewBuiltin(name, func(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		v, err := m(c.s, &arguments{thread, name, args, kwargs})
		if err != nil {
			return nil, err
		}
		return c.s.run.series(v), nil
	}), nil
}

// Get is .str[i].
func (c *accessor) Get(key starlark.Value) (starlark.Value, bool, error) {
	get, ok := c.methods["get"]
	if !ok {
		return nil, false, unsupported("." + c.name + "[…] is used")
	}
	v, err := get(c.s, &arguments{method: "get", args: starlark.Tuple{key}})
	if err != nil {
		return nil, false, err
	}
	return c.s.run.series(v), true, nil
}
