package python

import (
	"errors"
	"fmt"
	"sort"

	"go.starlark.net/starlark"
)

func listMethod(l *starlark.List, name string) methodFunc {
	switch name {
	case "sort":
		return func(starlark.Tuple, []starlark.Tuple) (starlark.Value, error) { return starlark.None, nil }
	case "reverse":
		return func(starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
			values := valuesOf(l)
			for i := range values {
				if err := l.SetIndex(i, values[len(values)-1-i]); err != nil {
					return nil, err
				}
			}
			return starlark.None, nil
		}
	case "copy":
		return func(starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
			return starlark.NewList(valuesOf(l)), nil
		}
	case "extend":
		return func(args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			if len(args) != 1 {
				return nil, errors.New("extend needs one argument")
			}
			_, err := extend(l, args[0])
			return starlark.None, err
		}
	}
	return sequenceMethod(l, name)
}

func sequenceMethod(seq starlark.Iterable, name string) methodFunc {
	if name != "count" && name != "index" {
		return nil
	}
	return func(args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		if len(args) != 1 {
			return nil, fmt.Errorf("%s needs one argument", name)
		}
		count := 0
		for i, v := range valuesOf(seq) {
			same, err := starlark.Equal(v, args[0])
			if err != nil {
				return nil, err
			}
			if same && name == "index" {
				return starlark.MakeInt(i), nil
			}
			if same {
				count++
			}
		}
		if name == "index" {
			return nil, fmt.Errorf("%s is not in the list", repr(args[0]))
		}
		return starlark.MakeInt(count), nil
	}
}

func sortInPlace(thread *starlark.Thread, l *starlark.List, kwargs []starlark.Tuple) error {
	sorted, err := sortedValues(thread, valuesOf(l), kwargs)
	if err != nil {
		return err
	}
	for i, v := range sorted {
		if err := l.SetIndex(i, v); err != nil {
			return err
		}
	}
	return nil
}

// sortedValues sorts by the keyword arguments key and reverse, stably.
func sortedValues(thread *starlark.Thread, values []starlark.Value, kwargs []starlark.Tuple) ([]starlark.Value, error) {
	keys, reverse := values, false
	for _, kw := range kwargs {
		switch kw[0].(starlark.String) {
		case "reverse":
			reverse = bool(kw[1].Truth())
		case "key":
			if kw[1] == starlark.None {
				continue
			}
			keys = make([]starlark.Value, len(values))
			for i, v := range values {
				k, err := starlark.Call(thread, kw[1], starlark.Tuple{v}, nil)
				if err != nil {
					return nil, err
				}
				keys[i] = k
			}
		default:
			return nil, fmt.Errorf("sort has no argument %s", kw[0])
		}
	}
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	var failed error
	sort.SliceStable(order, func(i, j int) bool {
		a, b := keys[order[i]], keys[order[j]]
		if reverse {
			a, b = b, a
		}
		less, err := lessThan(a, b)
		if err != nil {
			failed = err
		}
		return less
	})
	sorted := make([]starlark.Value, len(values))
	for i, at := range order {
		sorted[i] = values[at]
	}
	return sorted, failed
}
