package python

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

func textwrapModule() *Namespace {
	return &Namespace{Name: "textwrap", Members: map[string]starlark.Value{
		"dedent": function("dedent", one(func(v starlark.Value) (starlark.Value, error) { return starlark.String(dedent(text(v))), nil })),
		"indent": function("indent", func(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			if len(args) != 2 {
				return nil, errors.New("indent needs a text and a prefix")
			}
			lines := strings.SplitAfter(text(args[0]), "\n")
			for i, line := range lines {
				if strings.TrimSpace(line) != "" {
					lines[i] = text(args[1]) + line
				}
			}
			return starlark.String(strings.Join(lines, "")), nil
		}),
	}}
}

// dedent takes away the white space that all lines have in common.
func dedent(s string) string {
	lines := strings.Split(s, "\n")
	margin, found := "", false
	for i, line := range lines {
		if strings.TrimSpace(line) == "" {
			lines[i] = ""
			continue
		}
		lead := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
		if !found {
			margin, found = lead, true
		}
		for !strings.HasPrefix(lead, margin) {
			margin = margin[:len(margin)-1]
		}
	}
	for i, line := range lines {
		lines[i] = strings.TrimPrefix(line, margin)
	}
	return strings.Join(lines, "\n")
}

func mathModule() *Namespace {
	members := map[string]starlark.Value{"pi": starlark.Float(math.Pi), "e": starlark.Float(math.E), "inf": starlark.Float(math.Inf(1)), "nan": starlark.Float(math.NaN())}
	for name, f := range map[string]func(float64) float64{"sqrt": math.Sqrt, "log": math.Log, "log2": math.Log2, "log10": math.Log10, "exp": math.Exp, "fabs": math.Abs} {
		members[name] = function(name, onFloat(func(x float64) (starlark.Value, error) { return starlark.Float(f(x)), nil }))
	}
	for name, f := range map[string]func(float64) float64{"floor": math.Floor, "ceil": math.Ceil, "trunc": math.Trunc} {
		members[name] = function(name, onFloat(func(x float64) (starlark.Value, error) { return starlark.NumberToInt(starlark.Float(f(x))) }))
	}
	return &Namespace{Name: "math", Members: members}
}

func onFloat(f func(float64) (starlark.Value, error)) builtinFunc {
	return one(func(v starlark.Value) (starlark.Value, error) {
		x, ok := starlark.AsFloat(number(v))
		if !ok {
			return nil, fmt.Errorf("a number is needed, not %s", v.Type())
		}
		return f(x)
	})
}

func copyModule() *Namespace {
	shallow := function("copy", one(func(v starlark.Value) (starlark.Value, error) { return copyValue(v, 1), nil }))
	deep := function("deepcopy", one(func(v starlark.Value) (starlark.Value, error) { return copyValue(v, 100), nil }))
	return &Namespace{Name: "copy", Members: map[string]starlark.Value{"copy": shallow, "deepcopy": deep}}
}

func copyValue(v starlark.Value, depth int) starlark.Value {
	if depth == 0 {
		return v
	}
	switch v := v.(type) {
	case *starlark.List:
		values := valuesOf(v)
		for i, x := range values {
			values[i] = copyValue(x, depth-1)
		}
		return starlark.NewList(values)
	case *starlark.Dict:
		d := starlark.NewDict(v.Len())
		for _, item := range v.Items() {
			_ = d.SetKey(item[0], copyValue(item[1], depth-1)) // the key was hashable before
		}
		return d
	}
	return v
}

func reModule() *Namespace {
	sub := func(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		if len(args) != 3 {
			return nil, errors.New("sub needs a pattern, a replacement and a text")
		}
		pattern, err := regexp.Compile(text(args[0]))
		if err != nil {
			return nil, err
		}
		replacement := backReference.ReplaceAllString(strings.ReplaceAll(text(args[1]), "$", "$$"), "$${$1}")
		return starlark.String(pattern.ReplaceAllString(text(args[2]), replacement)), nil
	}
	matcher := func(prefix, suffix string) builtinFunc {
		return func(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			if len(args) != 2 {
				return nil, errors.New("a pattern and a text are needed")
			}
			pattern, err := regexp.Compile(prefix + "(?:" + text(args[0]) + ")" + suffix)
			if err != nil {
				return nil, err
			}
			if found := pattern.FindString(text(args[1])); pattern.MatchString(text(args[1])) {
				return starlark.Tuple{starlark.String(found)}, nil
			}
			return starlark.None, nil
		}
	}
	return &Namespace{Name: "re", Members: map[string]starlark.Value{
		"sub": function("sub", sub), "match": function("match", matcher("^", "")),
		"search": function("search", matcher("", "")), "fullmatch": function("fullmatch", matcher("^", "$")),
	}}
}

var backReference = regexp.MustCompile(`\\(\d)`)

func operatorModule() *Namespace {
	getter := func(get func(v, key starlark.Value) (starlark.Value, error)) builtinFunc {
		return func(_ *starlark.Thread, keys starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			return function("getter", one(func(v starlark.Value) (starlark.Value, error) {
				var out starlark.Tuple
				for _, key := range keys {
					x, err := get(v, key)
					if err != nil {
						return nil, err
					}
					out = append(out, x)
				}
				if len(out) == 1 {
					return out[0], nil
				}
				return out, nil
			})), nil
		}
	}
	return &Namespace{Name: "operator", Members: map[string]starlark.Value{
		"itemgetter": function("itemgetter", getter(index)),
		"attrgetter": function("attrgetter", getter(func(v, key starlark.Value) (starlark.Value, error) { return getAttr(v, text(key)) })),
		"add": function("add", func(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			if len(args) != 2 {
				return nil, errors.New("add needs two arguments")
			}
			return add(args[0], args[1])
		}),
		"eq": function("eq", func(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			if len(args) != 2 {
				return nil, errors.New("eq needs two arguments")
			}
			same, err := starlark.Compare(syntax.EQL, args[0], args[1])
			return starlark.Bool(same), err
		}),
	}}
}
