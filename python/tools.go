package python

import (
	"errors"

	"go.starlark.net/starlark"
)

// functoolsModule has partial and reduce; its decorators leave functions as
// they are.
func functoolsModule() *Namespace {
	partial := func(_ *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		if len(args) == 0 {
			return nil, errors.New("partial needs a function")
		}
		f, early, named := args[0], args[1:], kwargs
		return function("partial", func(thread *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			given := map[starlark.Value]bool{}
			for _, kw := range kwargs {
				given[kw[0]] = true
			}
			all := append([]starlark.Tuple{}, kwargs...)
			for _, kw := range named {
				if !given[kw[0]] {
					all = append(all, kw)
				}
			}
			return starlark.Call(thread, f, append(append(starlark.Tuple{}, early...), args...), all)
		}), nil
	}
	reduce := func(thread *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		if len(args) < 2 {
			return nil, errors.New("reduce needs a function and something to loop over")
		}
		values, err := oneSequence("reduce", args[1:])
		if err != nil {
			return nil, err
		}
		if len(args) > 2 {
			values = append([]starlark.Value{args[2]}, values...)
		}
		if len(values) == 0 {
			return nil, errors.New("reduce of nothing")
		}
		total := values[0]
		for _, v := range values[1:] {
			if total, err = starlark.Call(thread, args[0], starlark.Tuple{total, v}, nil); err != nil {
				return nil, err
			}
		}
		return total, nil
	}
	return &Namespace{Name: "functools", Members: map[string]starlark.Value{
		"partial": function("partial", partial), "reduce": function("reduce", reduce),
		"wraps":     function("wraps", constant(function("wraps", one(func(f starlark.Value) (starlark.Value, error) { return f, nil })))),
		"lru_cache": inert{"lru_cache"}, "cache": inert{"cache"},
	}}
}

func itertoolsModule() *Namespace {
	chain := func(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		return concatenate(args)
	}
	fromIterable := one(func(v starlark.Value) (starlark.Value, error) {
		parts, err := iterable(v)
		if err != nil {
			return nil, err
		}
		return concatenate(valuesOf(parts))
	})
	return &Namespace{Name: "itertools", Members: map[string]starlark.Value{
		"chain":   &class{name: "chain", call: chain, members: map[string]starlark.Value{"from_iterable": function("from_iterable", fromIterable)}},
		"product": function("product", product),
	}}
}

// product gives every combination of one value of each argument.
func product(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	all, err := sequences(args)
	if err != nil {
		return nil, err
	}
	rows := []starlark.Tuple{{}}
	for _, values := range all {
		if len(rows)*len(values) > maxLength/16 {
			return nil, errTooLong
		}
		var longer []starlark.Tuple
		for _, row := range rows {
			for _, v := range values {
				longer = append(longer, append(append(starlark.Tuple{}, row...), v))
			}
		}
		rows = longer
	}
	list := make([]starlark.Value, len(rows))
	for i, row := range rows {
		list[i] = row
	}
	return starlark.NewList(list), nil
}

func collectionsModule() *Namespace {
	return &Namespace{Name: "collections", Members: map[string]starlark.Value{
		"OrderedDict": builtins["dict"], "namedtuple": function("namedtuple", namedTuple), "abc": inert{"collections.abc"},
		"ChainMap": function("ChainMap", func(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			reversed := make(starlark.Tuple, len(args))
			for i, a := range args {
				reversed[len(args)-1-i] = a
			}
			return mergeDicts(reversed)
		}),
		"defaultdict": function("defaultdict", newDefaultDict),
	}}
}

// defaultDict is a dict whose missing keys are made by a function.
type defaultDict struct {
	*starlark.Dict
	thread *starlark.Thread
	make   starlark.Value
}

// Get returns the value of a key, made when it is missing.
func (d defaultDict) Get(key starlark.Value) (starlark.Value, bool, error) {
	v, ok, err := d.Dict.Get(key)
	if ok || err != nil || d.make == starlark.None {
		return v, ok, err
	}
	if v, err = starlark.Call(d.thread, d.make, nil, nil); err != nil {
		return nil, false, err
	}
	return v, true, d.SetKey(key, v)
}

func newDefaultDict(thread *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	var factory starlark.Value = starlark.None
	if len(args) > 0 {
		factory = args[0]
	}
	return defaultDict{new(starlark.Dict), thread, factory}, nil
}
