package ondemand

import (
	"fmt"
	"math"
	"slices"

	"go.starlark.net/starlark"
)

type frameMethod func(f *frame, a *arguments) (starlark.Value, error)

var frameMethods = func() map[string]frameMethod {
	all := map[string]frameMethod{
		"copy":   func(f *frame, _ *arguments) (starlark.Value, error) { return f.copy(), nil },
		"assign": assign, "rename": rename, "drop": dropColumns, "fillna": fillFrame, "astype": convertFrame,
		"apply": applyRows, "get": getColumn, "round": everyColumn, "isna": everyColumn, "notna": everyColumn, "isnull": everyColumn, "notnull": everyColumn, "abs": everyColumn, "clip": everyColumn,
		"sum": acrossColumns, "mean": acrossColumns, "min": acrossColumns, "max": acrossColumns,
	}
	all["reset_index"] = all["copy"]
	return all
}()

// everyColumn carries out a column's method on all of them.
func everyColumn(f *frame, a *arguments) (starlark.Value, error) {
	out := f.run.frame()
	for _, name := range f.names {
		v, err := seriesMethods[a.method](f.run.series(f.columns[name]), a)
		if err != nil {
			return nil, err
		}
		out.set(name, v)
	}
	return out, nil
}

func getColumn(f *frame, a *arguments) (starlark.Value, error) {
	var name string
	var fallback starlark.Value = starlark.None
	if err := a.unpack("key", &name, "default?", &fallback); err != nil {
		return nil, err
	}
	if v, ok := f.columns[name]; ok {
		return f.run.series(v), nil
	}
	return fallback, nil
}

func assign(f *frame, a *arguments) (starlark.Value, error) {
	out := f.copy()
	for _, kw := range a.kwargs {
		value := kw[1]
		if fn, ok := value.(starlark.Callable); ok {
			var err error
			if value, err = a.call(fn, out); err != nil {
				return nil, err
			}
		}
		if err := out.SetKey(kw[0], value); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func rename(f *frame, a *arguments) (starlark.Value, error) {
	var names *starlark.Dict
	if err := a.unpack("columns", &names); err != nil {
		return nil, err
	}
	out := f.run.frame()
	for _, name := range f.names {
		to, found, err := names.Get(starlark.String(name))
		if err != nil {
			return nil, err
		}
		renamed, _ := starlark.AsString(to)
		if !found {
			renamed = name
		}
		out.set(renamed, f.columns[name])
	}
	return out, nil
}

func dropColumns(f *frame, a *arguments) (starlark.Value, error) {
	var labels, columns starlark.Value
	axis := 0
	if err := a.unpack("labels?", &labels, "axis?", &axis, "columns?", &columns); err != nil {
		return nil, err
	}
	if columns == nil && axis == 1 {
		columns = labels
	}
	if columns == nil {
		return nil, unsupported("drop of rows")
	}
	list := []starlark.Value{columns}
	if it, ok := columns.(starlark.Iterable); ok {
		list = listOf(it)
	}
	out := f.run.frame()
	for _, name := range f.names {
		if !slices.Contains(list, starlark.Value(starlark.String(name))) {
			out.set(name, f.columns[name])
		}
	}
	return out, nil
}

// perColumn calls do with the value that a dict has for each column, or with
// the one value for all.
func (f *frame) perColumn(by starlark.Value, do func(v *vector, x starlark.Value) (*vector, error)) (starlark.Value, error) {
	out := f.copy()
	for _, name := range f.names {
		x := by
		if d, ok := by.(*starlark.Dict); ok {
			found, ok, err := d.Get(starlark.String(name))
			if err != nil {
				return nil, err
			}
			if x = found; !ok {
				continue
			}
		}
		v, err := do(f.columns[name], x)
		if err != nil {
			return nil, err
		}
		out.set(name, v.firm())
	}
	return out, nil
}

func fillFrame(f *frame, a *arguments) (starlark.Value, error) {
	var by starlark.Value
	if err := a.unpack("value", &by); err != nil {
		return nil, err
	}
	return f.perColumn(by, func(v *vector, x starlark.Value) (*vector, error) {
		filling, err := f.run.vector(x)
		if err != nil {
			return nil, err
		}
		return filled(v, filling)
	})
}

func convertFrame(f *frame, a *arguments) (starlark.Value, error) {
	var by starlark.Value
	if err := a.unpack("dtype", &by); err != nil {
		return nil, err
	}
	return f.perColumn(by, func(v *vector, x starlark.Value) (*vector, error) { return converted(v, typeName(x)) })
}

// applyRows is apply(f, axis=1): the function is called with each row as a dict.
func applyRows(f *frame, a *arguments) (starlark.Value, error) {
	var fn starlark.Callable
	var axis starlark.Value = starlark.MakeInt(0)
	if err := a.unpack("func", &fn, "axis?", &axis); err != nil {
		return nil, err
	}
	if axis != starlark.MakeInt(1) && axis != starlark.String("columns") {
		return nil, unsupported("apply over whole columns (without axis=1)")
	}
	f.run.rowwise = true
	values := make([]starlark.Value, f.run.n)
	for i := range values {
		row := starlark.NewDict(len(f.names))
		for _, name := range f.names {
			x := f.columns[name].value(i)
			if f.columns[name].isNull(i) && f.columns[name].kind == kindInt {
				x = starlark.Float(math.NaN())
			}
			_ = row.SetKey(starlark.String(name), x) // a new dict takes any text
		}
		y, err := a.call(fn, row)
		if err != nil {
			return nil, err
		}
		values[i] = y
	}
	v, err := collected(values)
	if err != nil {
		return nil, err
	}
	return f.run.series(v), nil
}

// acrossColumns is sum, mean, min or max of a row's numbers (axis=1), nulls left
// out.
func acrossColumns(f *frame, a *arguments) (starlark.Value, error) {
	var axis starlark.Value = starlark.MakeInt(0)
	if err := a.unpack("axis?", &axis); err != nil {
		return nil, err
	}
	if axis != starlark.MakeInt(1) && axis != starlark.String("columns") {
		return nil, unsupported("." + a.method + "() of whole columns takes other rows into account")
	}
	total, err := f.reduce(a.method)
	if err != nil {
		return nil, err
	}
	return f.run.series(total), nil
}

func (f *frame) reduce(method string) (*vector, error) {
	op := map[string]string{"min": "<", "max": ">"}[method]
	var total *vector
	count := newVector(kindFloat, f.run.n)
	for _, name := range f.names {
		v := f.columns[name].wholes()
		for i := range count.floats {
			if !v.isNull(i) {
				count.floats[i]++
			}
		}
		var err error
		switch {
		case total == nil:
			total = v
		case op != "":
			var better *vector
			if better, err = compared(op, v, total); err == nil {
				better, err = logic("|", better, nullMask(total, true))
			}
			if err == nil {
				total, err = chosen(better, v, total)
			}
		default:
			total, err = added(total, v)
		}
		if err != nil {
			return nil, err
		}
	}
	switch {
	case total == nil:
		return nil, fmt.Errorf("%s of a data frame without columns", method)
	case method == "mean":
		return arithmetic("/", zeroed(total), count)
	case method == "sum":
		return zeroed(total), nil
	}
	return total, nil
}

// zeroed has 0 in the place of nulls.
func zeroed(v *vector) *vector {
	if v.kind == kindNull {
		v = v.asKind(kindFloat)
	}
	out := *v
	out.null = nil
	out.floats = slices.Clone(v.floats)
	for i, x := range out.floats {
		if math.IsNaN(x) {
			out.floats[i] = 0
		}
	}
	return &out
}

// added is a + b, in which a null counts as 0.
func added(a, b *vector) (*vector, error) { return arithmetic("+", zeroed(a), zeroed(b)) }
