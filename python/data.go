package python

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/goccy/go-yaml"
	"go.starlark.net/starlark"
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
