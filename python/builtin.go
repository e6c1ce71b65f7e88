package python

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

type builtinFunc = func(thread *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error)

// builtins are Python's builtin names.
var builtins = makeBuiltins()

func makeBuiltins() starlark.StringDict {
	all := starlark.StringDict{"True": starlark.True, "False": starlark.False, "None": starlark.None}
	for name, f := range map[string]builtinFunc{
		"len": length, "str": toText, "repr": one(func(v starlark.Value) (starlark.Value, error) { return starlark.String(repr(v)), nil }),
		"int": universe("int"), "float": universe("float"), "bool": universe("bool"), "abs": absolute,
		"ord": universe("ord"), "chr": universe("chr"), "hash": universe("hash"),
		"list": collect("list"), "tuple": collect("tuple"), "set": collect("set"), "frozenset": collect("set"),
		"dict": toDict, "range": boundedRange, "enumerate": enumerate, "zip": zip,
		"sorted": sorted, "reversed": reversed, "min": extreme(syntax.LT), "max": extreme(syntax.GT),
		"sum": sum, "any": anyOf, "all": allOf, "round": round, "divmod": divmod, "map": mapOver, "filter": filterOver,
		"isinstance": isInstance, "issubclass": isInstance, "type": typeOf, "callable": one(func(v starlark.Value) (starlark.Value, error) {
			_, ok := v.(starlark.Callable)
			return starlark.Bool(ok), nil
		}),
		"hasattr": hasAttribute, "getattr": getAttribute, "setattr": setAttribute,
		"pow": func(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			if len(args) != 2 {
				return nil, errors.New("pow needs two arguments")
			}
			return power(args[0], args[1])
		},
		"print": func(*starlark.Thread, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
			return starlark.None, nil
		},
		"globals": moduleVariables, "locals": moduleVariables, "vars": moduleVariables, "dir": listNames,
		"iter": collect("list"), "next": next, "open": openFile,
		"bytes": collect("bytes"), "format": func(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			if len(args) == 0 || len(args) > 2 {
				return nil, errors.New("format needs a value and a format")
			}
			return formatted(append(args[:1:1], starlark.String(""), append(args, starlark.String(""))[1]))
		},
	} {
		all[name] = function(name, f)
	}
	for _, name := range strings.Fields(`Exception ValueError TypeError KeyError IndexError AttributeError RuntimeError
		NotImplementedError ImportError ModuleNotFoundError FileNotFoundError OSError AssertionError StopIteration
		ZeroDivisionError EnvironmentError LookupError NameError Warning DeprecationWarning UserWarning FutureWarning`) {
		all[name] = &exceptionClass{name}
	}
	for _, name := range strings.Fields("object staticmethod classmethod property super") {
		all[name] = inert{name}
	}
	return all
}

// wholeColumn are the builtins whose answer for a column would depend on all of
// its rows.
var wholeColumn = map[string]bool{"sum": true, "min": true, "max": true, "sorted": true, "reversed": true, "any": true, "all": true, "set": true, "frozenset": true}

func function(name string, f builtinFunc) *starlark.Builtin {
	return starlark.NewBuiltin(name, func(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		for _, a := range args {
			if _, ok := a.(unknown); ok {
				return Unknown, nil
			}
			if _, ok := a.(Operand); ok && wholeColumn[name] {
				return nil, &Error{Kind: Unsupported, Message: name + "() of a column takes other rows into account", Hint: "use element-wise operations"}
			}
		}
		return f(thread, args, kwargs)
	})
}

// one makes a builtin of a function of one value.
func one(f func(starlark.Value) (starlark.Value, error)) builtinFunc {
	return func(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		if len(args) != 1 {
			return nil, fmt.Errorf("one argument is needed, %d are given", len(args))
		}
		return f(args[0])
	}
}

// universe is Starlark's own builtin of that name.
func universe(name string) builtinFunc {
	own := starlark.Universe[name]
	return func(thread *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		if len(args) > 0 && name == "int" {
			if s, ok := args[0].(starlark.String); ok {
				args = append(starlark.Tuple{starlark.String(strings.ReplaceAll(strings.TrimSpace(string(s)), "_", ""))}, args[1:]...)
			}
		}
		return starlark.Call(thread, own, args, kwargs)
	}
}

// absolute is abs of numbers and durations.
func absolute(thread *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if len(args) == 1 {
		if d, ok := args[0].(Timedelta); ok {
			return max(d, -d), nil
		}
	}
	return starlark.Call(thread, starlark.Universe["abs"], args, kwargs)
}

func length(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	if len(args) != 1 {
		return nil, errors.New("len needs one argument")
	}
	if s, ok := args[0].(starlark.String); ok {
		return starlark.MakeInt(utf8.RuneCountInString(string(s))), nil
	}
	n := starlark.Len(args[0])
	if n < 0 {
		return nil, fmt.Errorf("%s has no length", args[0].Type())
	}
	return starlark.MakeInt(n), nil
}

func toText(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	if len(args) == 0 {
		return starlark.String(""), nil
	}
	return starlark.String(text(args[0])), nil
}

// collect makes a collection of what can be looped over.
func collect(kind string) builtinFunc {
	return func(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		var values []starlark.Value
		if len(args) > 0 {
			if s, ok := args[0].(starlark.String); ok && kind == "bytes" {
				return starlark.Bytes(s), nil
			}
			it, err := iterable(args[0])
			if err != nil {
				return nil, err
			}
			values = valuesOf(it)
		}
		switch kind {
		case "tuple":
			return starlark.Tuple(values), nil
		case "set":
			set := new(starlark.Set)
			for _, v := range values {
				if err := set.Insert(v); err != nil {
					return nil, err
				}
			}
			return set, nil
		}
		return starlark.NewList(values), nil
	}
}

func toDict(thread *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if len(args) == 1 {
		if m, ok := args[0].(starlark.IterableMapping); ok {
			merged, err := mergeDicts(starlark.Tuple{m})
			if err != nil {
				return nil, err
			}
			args = starlark.Tuple{merged}
		}
	}
	return starlark.Call(thread, starlark.Universe["dict"], args, kwargs)
}

func boundedRange(thread *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	r, err := starlark.Call(thread, starlark.Universe["range"], args, kwargs)
	if err == nil && starlark.Len(r) > maxLength {
		return nil, errTooLong
	}
	return r, err
}

func isInstance(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	if len(args) != 2 {
		return nil, errors.New("isinstance needs a value and a type")
	}
	classes, ok := args[1].(starlark.Tuple)
	if !ok {
		classes = starlark.Tuple{args[1]}
	}
	name := typeName(args[0])
	for _, class := range classes {
		callable, ok := class.(starlark.Callable)
		if ok && (callable.Name() == name || callable.Name() == "int" && name == "bool" || callable.Name() == "object") {
			return starlark.True, nil
		}
		if base, ok := args[0].(interface{ IsInstance(class string) bool }); ok && callable != nil && base.IsInstance(callable.Name()) {
			return starlark.True, nil
		}
	}
	return starlark.False, nil
}

// typeName is the name of a value's class in Python.
func typeName(v starlark.Value) string {
	switch v.(type) {
	case starlark.String:
		return "str"
	case starlark.NoneType:
		return "NoneType"
	}
	return v.Type()
}

func typeOf(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	if len(args) != 1 {
		return nil, errors.New("type needs one argument")
	}
	if o, ok := args[0].(interface{ pythonClass() starlark.Value }); ok {
		return o.pythonClass(), nil
	}
	name := typeName(args[0])
	return &Namespace{Name: name, Members: starlark.StringDict{"__name__": starlark.String(name)}}, nil
}

func hasAttribute(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	if len(args) != 2 {
		return nil, errors.New("hasattr needs a value and a name")
	}
	_, err := getAttr(args[0], text(args[1]))
	return starlark.Bool(err == nil), nil
}

func getAttribute(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	if len(args) < 2 || len(args) > 3 {
		return nil, errors.New("getattr needs a value and a name")
	}
	v, err := method(args[0], text(args[1]))
	if err != nil && len(args) == 3 {
		return args[2], nil
	}
	return v, err
}

func setAttribute(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	if len(args) != 3 {
		return nil, errors.New("setattr needs a value, a name and a value")
	}
	owner, ok := args[0].(starlark.HasSetField)
	if !ok {
		return nil, fmt.Errorf("%s has no attributes that can be set", args[0].Type())
	}
	return starlark.None, owner.SetField(text(args[1]), args[2])
}

// exceptionClass is an exception type; calling it makes an exception, which
// raise turns into an error.
type exceptionClass struct{ name string }

func (c *exceptionClass) String() string        { return "<class '" + c.name + "'>" }
func (c *exceptionClass) Type() string          { return "type" }
func (c *exceptionClass) Freeze()               {}
func (c *exceptionClass) Truth() starlark.Bool  { return true }
func (c *exceptionClass) Hash() (uint32, error) { return starlark.String(c.name).Hash() }
func (c *exceptionClass) Name() string          { return c.name }
func (c *exceptionClass) CallInternal(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	parts := make([]string, len(args))
	for i, a := range args {
		parts[i] = text(a)
	}
	return starlark.String(c.name + ": " + strings.Join(parts, ", ")), nil
}
