package python

import (
	"errors"
	"fmt"

	"go.starlark.net/starlark"
)

// variables is what globals() gives: a module's names as a dict.
type variables struct{ module *Module }

func (v *variables) String() string        { return "globals()" }
func (v *variables) Type() string          { return "dict" }
func (v *variables) Freeze()               {}
func (v *variables) Truth() starlark.Bool  { return true }
func (v *variables) Hash() (uint32, error) { return 0, errors.New("unhashable: dict") }
func (v *variables) Len() int              { return len(v.module.globals) }

// Get returns a variable of the module.
func (v *variables) Get(key starlark.Value) (starlark.Value, bool, error) {
	found, ok := v.module.globals[text(key)]
	return found, ok, nil
}

// SetKey binds a variable of the module.
func (v *variables) SetKey(key, value starlark.Value) error {
	name, ok := starlark.AsString(key)
	if !ok {
		return fmt.Errorf("a variable's name must be a text, not %s", key.Type())
	}
	v.module.globals[name] = value
	return nil
}

// Items returns the variables, sorted by name.
func (v *variables) Items() []starlark.Tuple {
	var items []starlark.Tuple
	for _, name := range v.module.Names() {
		items = append(items, starlark.Tuple{starlark.String(name), v.module.globals[name]})
	}
	return items
}

// Iterate runs over the names.
func (v *variables) Iterate() starlark.Iterator {
	names := make(starlark.Tuple, 0, len(v.module.globals))
	for _, name := range v.module.Names() {
		names = append(names, starlark.String(name))
	}
	return names.Iterate()
}

// AttrNames returns the methods of a dict that globals() has.
func (v *variables) AttrNames() []string { return []string{"get", "items", "keys", "update", "values"} }

// Attr returns one of these methods.
func (v *variables) Attr(name string) (starlark.Value, error) {
	if name != "update" {
		copied, err := mergeDicts(starlark.Tuple{v})
		if err != nil {
			return nil, err
		}
		return copied.(starlark.HasAttrs).Attr(name)
	}
	return function(name, func(_ *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		more := append([]starlark.Tuple{}, kwargs...)
		for _, a := range args {
			m, ok := a.(starlark.IterableMapping)
			if !ok {
				return nil, fmt.Errorf("update needs a dict, not %s", a.Type())
			}
			more = append(more, m.Items()...)
		}
		for _, item := range more {
			if err := v.SetKey(item[0], item[1]); err != nil {
				return nil, err
			}
		}
		return starlark.None, nil
	}), nil
}

// callingModule is the module whose code is running.
func callingModule(thread *starlark.Thread) *Module {
	in, _ := thread.Local(interpreterKey).(*Interpreter)
	for depth := 1; in != nil && depth < thread.CallStackDepth(); depth++ {
		if m := in.modules[thread.CallFrame(depth).Pos.Filename()]; m != nil {
			return m
		}
	}
	return nil
}

func moduleVariables(thread *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	if len(args) > 0 {
		return nil, &Error{Kind: Unsupported, Message: "vars of a value cannot be read without Python", Hint: PythonHint}
	}
	m := callingModule(thread)
	if m == nil {
		return nil, errors.New("globals() is called outside of a module")
	}
	return &variables{m}, nil
}

func listNames(thread *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	var names []string
	if len(args) > 0 {
		if owner, ok := args[0].(starlark.HasAttrs); ok {
			names = owner.AttrNames()
		}
	} else if m := callingModule(thread); m != nil {
		names = m.Names()
	}
	list := make([]starlark.Value, len(names))
	for i, name := range names {
		list[i] = starlark.String(name)
	}
	return starlark.NewList(list), nil
}
