package ondemand

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"go.starlark.net/starlark"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/python"
)

// pandas is the module of that name, as far as functions of rows need it.
func pandas(current func() *run) *python.Namespace {
	members := starlark.StringDict{"NA": starlark.None, "NaT": starlark.None}
	for name, f := range map[string]func(r *run, a *arguments) (starlark.Value, error){
		"DataFrame": newFrame, "Series": newSeries, "to_datetime": toDatetime, "to_numeric": toNumeric, "concat": concat,
		"isna": pandasNull(true), "isnull": pandasNull(true), "notna": pandasNull(false), "notnull": pandasNull(false),
		"Timestamp": timestamp, "Timedelta": timedelta,
	} {
		members[name] = moduleFunction(name, current, f)
	}
	return &python.Namespace{Name: "pandas", Members: members}
}

func moduleFunction(name string, current func() *run, f func(r *run, a *arguments) (starlark.Value, error)) *starlark.Builtin {
	return starlark.NewBuiltin(name, func(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		return f(current(), &arguments{thread, name, args, kwargs})
	})
}

func newFrame(r *run, a *arguments) (starlark.Value, error) {
	var data, index, columns starlark.Value = starlark.None, starlark.None, starlark.None
	if err := a.unpack("data?", &data, "index?", &index, "columns?", &columns); err != nil {
		return nil, err
	}
	if _, ok := index.(rows); !ok && index != starlark.None {
		return nil, unsupported("a data frame with an index of its own")
	}
	f := r.frame()
	switch data := data.(type) {
	case starlark.NoneType:
	case *frame:
		f = data.copy()
	case *starlark.Dict:
		for _, item := range data.Items() {
			if err := f.SetKey(item[0], item[1]); err != nil {
				return nil, err
			}
		}
	default:
		return nil, unsupported("a data frame made of " + data.Type())
	}
	if list, ok := columns.(*starlark.List); ok && len(f.names) > 0 {
		part, _, err := f.Get(list)
		return part, err
	}
	return f, nil
}

func newSeries(r *run, a *arguments) (starlark.Value, error) {
	var data, index, dtype, name starlark.Value = starlark.None, starlark.None, starlark.None, starlark.None
	if err := a.unpack("data?", &data, "index?", &index, "dtype?", &dtype, "name?", &name); err != nil {
		return nil, err
	}
	v, err := r.vector(data)
	if err == nil && dtype != starlark.None {
		v, err = converted(v, typeName(dtype))
	}
	if err != nil {
		return nil, err
	}
	return r.series(v.firm()), nil
}

// concat puts frames beside one another.
func concat(r *run, a *arguments) (starlark.Value, error) {
	var parts starlark.Iterable
	axis := 0
	if err := a.unpack("objs", &parts, "axis?", &axis); err != nil {
		return nil, err
	}
	if axis != 1 {
		return nil, unsupported("concat of rows")
	}
	out := r.frame()
	for _, part := range listOf(parts) {
		f, ok := part.(*frame)
		if !ok {
			return nil, unsupported("concat of something other than data frames")
		}
		for _, name := range f.names {
			out.set(name, f.columns[name])
		}
	}
	return out, nil
}

func pandasNull(wanted bool) func(r *run, a *arguments) (starlark.Value, error) {
	return func(r *run, a *arguments) (starlark.Value, error) {
		var x starlark.Value
		if err := a.unpack("obj", &x); err != nil {
			return nil, err
		}
		if s, ok := x.(*series); ok {
			return r.series(nullMask(s.vector, wanted)), nil
		}
		f, isFloat := x.(starlark.Float)
		missing := x == starlark.None || isFloat && math.IsNaN(float64(f))
		return starlark.Bool(missing == wanted), nil
	}
}

func toDatetime(r *run, a *arguments) (starlark.Value, error) {
	var x starlark.Value
	var unit string
	errorsMode, utc := "raise", false
	if err := a.unpack("arg", &x, "errors?", &errorsMode, "utc?", &utc, "unit?", &unit); err != nil {
		return nil, err
	}
	if errorsMode != "raise" && errorsMode != "coerce" {
		return nil, unsupported(fmt.Sprintf("errors=%q", errorsMode))
	}
	if s, ok := starlark.AsString(x); ok {
		return parsedTime(s)
	}
	v, err := r.vector(x)
	if err != nil {
		return nil, err
	}
	if _, isSeries := x.(*series); !isSeries {
		v.weak = false
	}
	if errorsMode == "coerce" && v.kind == kindText {
		v = dated(v, &vector{kind: kindTime})
	}
	out, err := toTimes(v, unit)
	if err != nil {
		return nil, err
	}
	if _, isSeries := x.(*series); !isSeries && out.n > 0 {
		return out.value(0), nil
	}
	return r.series(out), nil
}

func parsedTime(s string) (starlark.Value, error) {
	t, ok := asof.ParseTime(s)
	if !ok {
		return nil, fmt.Errorf("%q is no time", s)
	}
	return timeOf(t.UnixMicro()), nil
}

func toNumeric(r *run, a *arguments) (starlark.Value, error) {
	var x starlark.Value
	mode := "raise"
	if err := a.unpack("arg", &x, "errors?", &mode); err != nil {
		return nil, err
	}
	v, err := r.vector(x)
	if err != nil || v.kind != kindText {
		return x, err
	}
	floats, wholes := newVector(kindFloat, v.n), newVector(kindInt, v.n)
	whole := true
	for i, s := range v.texts {
		n, err := parseFloat(s)
		if err != nil && mode != "coerce" && !v.isNull(i) {
			return nil, err
		}
		if err != nil || v.isNull(i) {
			floats.setNull(i)
			wholes.setNull(i)
			continue
		}
		floats.floats[i] = n
		wholes.ints[i], err = strconv.ParseInt(strings.TrimSpace(s), 10, 64)
		whole = whole && err == nil
	}
	if whole {
		return r.series(wholes), nil
	}
	return r.series(floats), nil
}

func timestamp(_ *run, a *arguments) (starlark.Value, error) {
	var x, tz starlark.Value
	if err := a.unpack("ts_input", &x, "tz?", &tz); err != nil {
		return nil, err
	}
	if d, ok := x.(python.Datetime); ok {
		return python.Datetime{Time: d.Time}, nil
	}
	s, ok := starlark.AsString(x)
	if !ok {
		return nil, unsupported("a Timestamp made of " + x.Type())
	}
	return parsedTime(s)
}

func timedelta(_ *run, a *arguments) (starlark.Value, error) {
	sizes := map[string]time.Duration{"days": 24 * time.Hour, "hours": time.Hour, "minutes": time.Minute, "seconds": time.Second,
		"milliseconds": time.Millisecond, "microseconds": time.Microsecond, "weeks": 7 * 24 * time.Hour,
		"D": 24 * time.Hour, "h": time.Hour, "min": time.Minute, "m": time.Minute, "s": time.Second, "ms": time.Millisecond, "us": time.Microsecond, "W": 7 * 24 * time.Hour}
	kwargs := a.kwargs
	if len(a.args) == 1 && len(kwargs) == 1 && kwargs[0][0] == starlark.String("unit") {
		kwargs = []starlark.Tuple{{kwargs[0][1], a.args[0]}}
	} else if len(a.args) > 0 {
		return nil, unsupported("a Timedelta made of a text")
	}
	var total time.Duration
	for _, kw := range kwargs {
		name, _ := starlark.AsString(kw[0])
		size, ok := sizes[name]
		n, isNumber := starlark.AsFloat(kw[1])
		if !ok || !isNumber {
			return nil, fmt.Errorf("a Timedelta has no %s", name)
		}
		total += time.Duration(math.RoundToEven(n * float64(size)))
	}
	if len(kwargs) == 0 {
		return nil, errors.New("a Timedelta needs a length")
	}
	return python.Timedelta(total), nil
}
