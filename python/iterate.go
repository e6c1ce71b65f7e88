package python

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

func lessThan(a, b starlark.Value) (bool, error) {
	return starlark.Compare(syntax.LT, number(a), number(b))
}

// sequences makes the values of every argument.
func sequences(args starlark.Tuple) ([][]starlark.Value, error) {
	all := make([][]starlark.Value, len(args))
	for i, a := range args {
		it, err := iterable(a)
		if err != nil {
			return nil, err
		}
		all[i] = valuesOf(it)
	}
	return all, nil
}

func oneSequence(name string, args starlark.Tuple) ([]starlark.Value, error) {
	if len(args) == 0 {
		return nil, fmt.Errorf("%s needs something to loop over", name)
	}
	all, err := sequences(args[:1])
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

func enumerate(_ *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	values, err := oneSequence("enumerate", args)
	if err != nil {
		return nil, err
	}
	start := 0
	if len(args) > 1 {
		start, err = starlark.AsInt32(args[1])
	} else if len(kwargs) > 0 {
		start, err = starlark.AsInt32(kwargs[0][1])
	}
	pairs := make([]starlark.Value, len(values))
	for i, v := range values {
		pairs[i] = starlark.Tuple{starlark.MakeInt(start + i), v}
	}
	return starlark.NewList(pairs), err
}

func zip(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	all, err := sequences(args)
	if err != nil {
		return nil, err
	}
	var rows []starlark.Value
	for i := 0; len(all) > 0; i++ {
		row := make(starlark.Tuple, len(all))
		for j, values := range all {
			if i >= len(values) {
				return starlark.NewList(rows), nil
			}
			row[j] = values[i]
		}
		rows = append(rows, row)
	}
	return starlark.NewList(rows), nil
}

func sorted(thread *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	values, err := oneSequence("sorted", args)
	if err != nil {
		return nil, err
	}
	out, err := sortedValues(thread, values, kwargs)
	return starlark.NewList(out), err
}

func reversed(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	values, err := oneSequence("reversed", args)
	if err != nil {
		return nil, err
	}
	out := make([]starlark.Value, len(values))
	for i, v := range values {
		out[len(values)-1-i] = v
	}
	return starlark.NewList(out), nil
}

// extreme is min (by less than) or max (by greater than).
func extreme(op syntax.Token) builtinFunc {
	return func(thread *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		values := []starlark.Value(args)
		if len(args) == 1 {
			var err error
			if values, err = oneSequence("min and max", args); err != nil {
				return nil, err
			}
		}
		var key, fallback starlark.Value
		for _, kw := range kwargs {
			switch kw[0].(starlark.String) {
			case "key":
				key = kw[1]
			case "default":
				fallback = kw[1]
			}
		}
		var best, bestKey starlark.Value
		for _, v := range values {
			k := number(v)
			if key != nil && key != starlark.None {
				var err error
				if k, err = starlark.Call(thread, key, starlark.Tuple{v}, nil); err != nil {
					return nil, err
				}
			}
			better := best == nil
			if !better {
				var err error
				if better, err = starlark.Compare(op, k, bestKey); err != nil {
					return nil, err
				}
			}
			if better {
				best, bestKey = v, k
			}
		}
		switch {
		case best != nil:
			return best, nil
		case fallback != nil:
			return fallback, nil
		}
		return nil, errors.New("min and max of nothing")
	}
}

func sum(_ *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	values, err := oneSequence("sum", args)
	if err != nil {
		return nil, err
	}
	var total starlark.Value = starlark.MakeInt(0)
	if len(args) > 1 {
		total = args[1]
	} else if len(kwargs) > 0 {
		total = kwargs[0][1]
	}
	for _, v := range values {
		if total, err = add(total, v); err != nil {
			return nil, err
		}
	}
	return total, nil
}

func anyOf(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	values, err := oneSequence("any", args)
	for _, v := range values {
		if v.Truth() {
			return starlark.True, nil
		}
	}
	return starlark.False, err
}

func allOf(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	values, err := oneSequence("all", args)
	for _, v := range values {
		if !v.Truth() {
			return starlark.False, nil
		}
	}
	return starlark.True, err
}

// round rounds half to even, as Python does.
func round(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	if len(args) == 0 || len(args) > 2 {
		return nil, errors.New("round needs one or two arguments")
	}
	if i, ok := number(args[0]).(starlark.Int); ok {
		return i, nil
	}
	f, ok := args[0].(starlark.Float)
	if !ok {
		return nil, fmt.Errorf("round needs a number, not %s", args[0].Type())
	}
	if len(args) == 1 || args[1] == starlark.None {
		return starlark.NumberToInt(starlark.Float(math.RoundToEven(float64(f))))
	}
	digits, err := starlark.AsInt32(args[1])
	if err != nil || digits < 0 || digits > 300 {
		return nil, errors.New("round needs a number of digits from 0 to 300")
	}
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(float64(f), 'f', digits, 64), 64)
	return starlark.Float(rounded), err
}

func divmod(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	if len(args) != 2 {
		return nil, errors.New("divmod needs two arguments")
	}
	quotient, err := starlark.Binary(syntax.SLASHSLASH, args[0], args[1])
	if err != nil {
		return nil, err
	}
	rest, err := starlark.Binary(syntax.PERCENT, args[0], args[1])
	return starlark.Tuple{quotient, rest}, err
}

func mapOver(thread *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	if len(args) < 2 {
		return nil, errors.New("map needs a function and something to loop over")
	}
	rows, err := zip(thread, args[1:], nil)
	if err != nil {
		return nil, err
	}
	var out []starlark.Value
	for _, row := range valuesOf(rows) {
		v, err := starlark.Call(thread, args[0], row.(starlark.Tuple), nil)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return starlark.NewList(out), nil
}

func filterOver(thread *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	if len(args) != 2 {
		return nil, errors.New("filter needs a function and something to loop over")
	}
	values, err := oneSequence("filter", args[1:])
	if err != nil {
		return nil, err
	}
	var out []starlark.Value
	for _, v := range values {
		keep := v
		if args[0] != starlark.None {
			if keep, err = starlark.Call(thread, args[0], starlark.Tuple{v}, nil); err != nil {
				return nil, err
			}
		}
		if keep.Truth() {
			out = append(out, v)
		}
	}
	return starlark.NewList(out), nil
}

// next gives the first of the values: generators are lists here, so that only
// the common next(generator, default) makes sense.
func next(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	values, err := oneSequence("next", args)
	switch {
	case err != nil:
		return nil, err
	case len(values) > 0:
		return values[0], nil
	case len(args) > 1:
		return args[1], nil
	}
	return nil, errors.New("StopIteration: next of nothing")
}
