package python

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

func (in *Interpreter) jsonModule() *Namespace {
	load := one(func(v starlark.Value) (starlark.Value, error) {
		var data any
		decoder := json.NewDecoder(strings.NewReader(contentOf(v)))
		decoder.UseNumber()
		if err := decoder.Decode(&data); err != nil {
			return nil, fmt.Errorf("this is not JSON: %w", err)
		}
		return fromGo(data), nil
	})
	dumps := func(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		if len(args) != 1 {
			return nil, errors.New("dumps needs one value")
		}
		out, err := JSON(args[0])
		return starlark.String(out), err
	}
	return &Namespace{Name: "json", Members: map[string]starlark.Value{
		"load": function("load", load), "loads": function("loads", load), "dumps": function("dumps", dumps),
	}}
}

func (in *Interpreter) yamlModule() *Namespace {
	load := func(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		if len(args) == 0 {
			return nil, errors.New("a text or a file is needed")
		}
		var data any
		if err := yaml.UnmarshalWithOptions([]byte(contentOf(args[0])), &data, yaml.UseOrderedMap()); err != nil {
			return nil, fmt.Errorf("this is not YAML: %s", strings.SplitN(yaml.FormatError(err, false, false), "\n", 2)[0])
		}
		return fromGo(data), nil
	}
	return &Namespace{Name: "yaml", Members: map[string]starlark.Value{
		"safe_load": function("safe_load", load), "load": function("load", load),
		"SafeLoader": inert{"SafeLoader"}, "FullLoader": inert{"FullLoader"}, "Loader": inert{"Loader"},
	}}
}

// contentOf is the text of a text or of a file.
func contentOf(v starlark.Value) string {
	if f, ok := v.(*file); ok {
		return f.content
	}
	return text(v)
}

// fromGo turns decoded JSON or YAML into values.
func fromGo(v any) starlark.Value {
	switch v := v.(type) {
	case nil:
		return starlark.None
	case bool:
		return starlark.Bool(v)
	case string:
		return starlark.String(v)
	case float64:
		return starlark.Float(v)
	case int:
		return starlark.MakeInt(v)
	case int64:
		return starlark.MakeInt64(v)
	case uint64:
		return starlark.MakeUint64(v)
	case json.Number:
		if i, ok := new(big.Int).SetString(v.String(), 10); ok {
			return starlark.MakeBigInt(i)
		}
		f, _ := v.Float64()
		return starlark.Float(f)
	case []any:
		list := make([]starlark.Value, len(v))
		for i, x := range v {
			list[i] = fromGo(x)
		}
		return starlark.NewList(list)
	case map[string]any:
		d := starlark.NewDict(len(v))
		for _, k := range sortedKeys(v) {
			_ = d.SetKey(starlark.String(k), fromGo(v[k])) // a new dict takes any text
		}
		return d
	case yaml.MapSlice:
		d := starlark.NewDict(len(v))
		for _, item := range v {
			if key := fromGo(item.Key); hashable(key) {
				_ = d.SetKey(key, fromGo(item.Value))
			}
		}
		return d
	}
	return starlark.String(fmt.Sprint(v))
}

func hashable(v starlark.Value) bool {
	_, err := v.Hash()
	return err == nil
}

// JSON writes a value as Python's json.dumps does.
func JSON(v starlark.Value) (string, error) {
	var b strings.Builder
	err := writeJSON(&b, v, 0)
	return b.String(), err
}

func writeJSON(b *strings.Builder, v starlark.Value, depth int) error {
	if depth > maxDepth || b.Len() > maxLength {
		return errTooLong
	}
	between := func(i int) {
		if i > 0 {
			b.WriteString(", ")
		}
	}
	switch v := v.(type) {
	case starlark.NoneType:
		b.WriteString("null")
	case starlark.Bool:
		fmt.Fprint(b, bool(v))
	case starlark.Int:
		b.WriteString(v.String())
	case starlark.Float:
		b.WriteString(floatText(float64(v)))
	case starlark.String:
		quoted, err := json.Marshal(string(v))
		b.Write(quoted)
		return err
	case *starlark.Dict:
		b.WriteByte('{')
		for i, item := range v.Items() {
			between(i)
			if err := writeJSON(b, starlark.String(text(item[0])), depth+1); err != nil {
				return err
			}
			b.WriteString(": ")
			if err := writeJSON(b, item[1], depth+1); err != nil {
				return err
			}
		}
		b.WriteByte('}')
	case *starlark.List, starlark.Tuple:
		b.WriteByte('[')
		for i, x := range valuesOf(v) {
			between(i)
			if err := writeJSON(b, x, depth+1); err != nil {
				return err
			}
		}
		b.WriteByte(']')
	default:
		return fmt.Errorf("%s cannot be written as JSON", v.Type())
	}
	return nil
}

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
