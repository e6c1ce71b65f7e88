package python

import (
	"errors"
	"fmt"
	"strings"

	"go.starlark.net/starlark"
)

// record is a value with named parts: a named tuple, or a SimpleNamespace.
type record struct {
	starlark.Tuple
	class string
	names []string
	// loose is true of a SimpleNamespace, which is no tuple.
	loose bool
}

func (r *record) Type() string { return r.class }
func (r *record) String() string {
	parts := make([]string, len(r.names))
	for i, name := range r.names {
		parts[i] = name + "=" + repr(r.Tuple[i])
	}
	return r.class + "(" + strings.Join(parts, ", ") + ")"
}

// AttrNames returns the names of the parts.
func (r *record) AttrNames() []string { return r.names }

// Attr returns a part by its name.
func (r *record) Attr(name string) (starlark.Value, error) {
	for i, n := range r.names {
		if n == name {
			return r.Tuple[i], nil
		}
	}
	if name == "_asdict" && !r.loose {
		return function(name, func(*starlark.Thread, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
			d := new(starlark.Dict)
			for i, n := range r.names {
				if err := d.SetKey(starlark.String(n), r.Tuple[i]); err != nil {
					return nil, err
				}
			}
			return d, nil
		}), nil
	}
	return nil, &Error{Message: fmt.Sprintf("%s has no %q", r.class, name), Hint: didYouMean(name, r.names)}
}

// SetField sets a part of a SimpleNamespace.
func (r *record) SetField(name string, v starlark.Value) error {
	if !r.loose {
		return fmt.Errorf("the parts of %s cannot be changed", r.class)
	}
	for i, n := range r.names {
		if n == name {
			r.Tuple[i] = v
			return nil
		}
	}
	r.names, r.Tuple = append(r.names, name), append(r.Tuple, v)
	return nil
}

// namedTuple is collections.namedtuple: it makes a class of records.
func namedTuple(_ *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if len(args) < 2 {
		return nil, errors.New("namedtuple needs a name and the names of its parts")
	}
	var names []string
	if s, ok := args[1].(starlark.String); ok {
		names = strings.Fields(strings.ReplaceAll(string(s), ",", " "))
	} else {
		for _, v := range valuesOf(args[1]) {
			names = append(names, text(v))
		}
	}
	var defaults []starlark.Value
	for _, kw := range kwargs {
		if kw[0] == starlark.String("defaults") {
			defaults = valuesOf(kw[1])
		}
	}
	if len(defaults) > len(names) {
		return nil, errors.New("namedtuple has more defaults than parts")
	}
	name := text(args[0])
	return &class{name: name, call: func(_ *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		return newRecord(name, names, defaults, args, kwargs)
	}}, nil
}

func newRecord(class string, names []string, defaults []starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if len(args) > len(names) {
		return nil, fmt.Errorf("%s has %d parts, %d are given", class, len(names), len(args))
	}
	given := map[string]starlark.Value{}
	for i, v := range args {
		given[names[i]] = v
	}
	for _, kw := range kwargs {
		given[text(kw[0])] = kw[1]
	}
	r := &record{class: class, names: names}
	for i, name := range names {
		v, ok := given[name]
		if at := i - (len(names) - len(defaults)); !ok && at >= 0 {
			v, ok = defaults[at], true
		}
		if !ok {
			return nil, fmt.Errorf("%s needs its part %q", class, name)
		}
		r.Tuple = append(r.Tuple, v)
		delete(given, name)
	}
	for name := range given {
		return nil, &Error{Message: fmt.Sprintf("%s has no part %q", class, name), Hint: didYouMean(name, names)}
	}
	return r, nil
}

// typesModule has SimpleNamespace.
func typesModule() *Namespace {
	return &Namespace{Name: "types", Members: map[string]starlark.Value{
		"FunctionType": inert{"FunctionType"}, "MappingProxyType": builtins["dict"], "ModuleType": inert{"ModuleType"},
		"SimpleNamespace": function("SimpleNamespace", func(_ *starlark.Thread, _ starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			r := &record{class: "SimpleNamespace", loose: true}
			for _, kw := range kwargs {
				r.names, r.Tuple = append(r.names, text(kw[0])), append(r.Tuple, kw[1])
			}
			return r, nil
		}),
	}}
}
