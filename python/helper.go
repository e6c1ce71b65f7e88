package python

import (
	"errors"
	"fmt"

	"go.starlark.net/starlark"
)

// maxLength bounds the lists and texts that a definition file may make, so that
// doubling a list a few times does not use up the memory.
const maxLength = 1 << 22

var errTooLong = errors.New("the list or text would be too long for a definition file")

// helpers are the functions that translated code calls by names of our own.
func helpers() starlark.StringDict {
	all := map[string]func(thread *starlark.Thread, args starlark.Tuple) (starlark.Value, error){
		"add":          func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) { return add(a[0], a[1]) },
		"extend":       func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) { return extend(a[0], a[1]) },
		"multiply":     func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) { return multiply(a[0], a[1]) },
		"divide":       func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) { return divide(a[0], a[1]) },
		"modulo":       func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) { return modulo(a[0], a[1]) },
		"power":        func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) { return power(a[0], a[1]) },
		"is":           func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) { return identical(a[0], a[1]), nil },
		"isnot":        func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) { return !identical(a[0], a[1]), nil },
		"equal":        comparing("=="),
		"unequal":      comparing("!="),
		"less":         comparing("<"),
		"lessequal":    comparing("<="),
		"greater":      comparing(">"),
		"greaterequal": comparing(">="),
		"in":           func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) { return contains(a[0], a[1]) },
		"notin": func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
			found, err := contains(a[0], a[1])
			if err != nil || IsUnknown(found) {
				return found, err
			}
			return !found.Truth(), nil
		},
		"iterate":     func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) { return iterable(a[0]) },
		"concatenate": func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) { return concatenate(a) },
		"mergedicts":  func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) { return mergeDicts(a) },
		"spread":      func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) { return spread(a) },
		"index":       func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) { return index(a[0], a[1]) },
		"slice":       func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) { return slice(a) },
		"method": func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) {
			return method(a[0], string(a[1].(starlark.String)))
		},
		"format":     func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) { return formatted(a) },
		"fstring":    func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) { return fstring(a) },
		"enter":      func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) { return enter(a[0]) },
		"raise":      func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) { return nil, raised(a[0]) },
		"delitem":    func(_ *starlark.Thread, a starlark.Tuple) (starlark.Value, error) { return deleteItem(a[0], a[1]) },
		"function":   newFunction,
		"classbody":  newClassBody,
		"class":      newClass,
		"delglobal":  deleteGlobal,
		"setglobal":  setGlobal,
		"import":     importHelper,
		"importname": importNameHelper,
		"importstar": importStarHelper,
	}
	dict := starlark.StringDict{}
	for name, f := range all {
		dict[helperMark+name] = starlark.NewBuiltin(helperMark+name, func(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			return f(thread, args)
		})
	}
	for _, name := range []string{"set", "tuple", "dict"} {
		dict[helperMark+name] = builtins[name]
	}
	return dict
}

func newFunction(_ *starlark.Thread, args starlark.Tuple) (starlark.Value, error) {
	i, _ := starlark.AsInt32(args[0])
	f := *args[1].(*globals).module.functions[i]
	f.impl = args[2].(starlark.Callable)
	return &f, nil
}

func deleteGlobal(_ *starlark.Thread, args starlark.Tuple) (starlark.Value, error) {
	g, name := args[0].(*globals), string(args[1].(starlark.String))
	if _, ok := g.module.globals[name]; !ok {
		return nil, fmt.Errorf("name %q is not defined", name)
	}
	delete(g.module.globals, name)
	return starlark.None, nil
}

func setGlobal(_ *starlark.Thread, args starlark.Tuple) (starlark.Value, error) {
	args[0].(*globals).module.globals[string(args[1].(starlark.String))] = args[2]
	return args[2], nil
}

// importHelper carries out "import a.b", which binds a, and "import a.b as c",
// which binds a.b.
func importHelper(_ *starlark.Thread, args starlark.Tuple) (starlark.Value, error) {
	by, name := args[0].(*globals).module, string(args[1].(starlark.String))
	last, err := by.in.importModule(by, name, 0)
	if err != nil || args[2] == starlark.String("1") {
		return last, err
	}
	top := topOf(name)
	if top == name {
		return last, nil
	}
	return by.in.importModule(by, top, 0)
}

func importNameHelper(_ *starlark.Thread, args starlark.Tuple) (starlark.Value, error) {
	by := args[0].(*globals).module
	level, _ := starlark.AsInt32(args[2])
	module, name := string(args[1].(starlark.String)), string(args[3].(starlark.String))
	return by.in.importName(by, module, level, name)
}

func importStarHelper(_ *starlark.Thread, args starlark.Tuple) (starlark.Value, error) {
	by := args[0].(*globals).module
	level, _ := starlark.AsInt32(args[2])
	return starlark.None, by.in.importStar(by, string(args[1].(starlark.String)), level)
}

// identical is Python's "is", as far as it matters: for None, booleans, enum
// members and objects. Equal numbers and texts count as the same.
func identical(a, b starlark.Value) starlark.Bool {
	switch a.(type) {
	case starlark.NoneType, starlark.Bool, starlark.Int, starlark.String:
		same, err := starlark.Equal(a, b)
		return starlark.Bool(err == nil && same && a.Type() == b.Type())
	case *starlark.List, *starlark.Dict, *starlark.Set, *instance:
		return a == b
	case starlark.Tuple:
		return false
	}
	same, err := starlark.Equal(a, b)
	return starlark.Bool(err == nil && same)
}

// raised makes the error of a raise statement.
func raised(v starlark.Value) error {
	if c, ok := v.(*exceptionClass); ok {
		return errors.New(c.name)
	}
	return errors.New(text(v))
}

func enter(v starlark.Value) (starlark.Value, error) {
	if _, ok := v.(*file); ok || IsUnknown(v) {
		return v, nil
	}
	return nil, &Error{Kind: Unsupported, Message: "a with statement on " + v.Type() + " cannot be read without Python", Hint: PythonHint}
}

func deleteItem(v, key starlark.Value) (starlark.Value, error) {
	switch v := v.(type) {
	case *starlark.Dict:
		_, found, err := v.Delete(key)
		if err == nil && !found {
			err = fmt.Errorf("key %s is not in the dict", repr(key))
		}
		return starlark.None, err
	case *starlark.List:
		i, err := starlark.AsInt32(key)
		if i < 0 {
			i += v.Len()
		}
		if err != nil || i < 0 || i >= v.Len() {
			return nil, errors.New("list index out of range")
		}
		values := valuesOf(v)
		rest := append(values[:i:i], values[i+1:]...)
		if err := v.Clear(); err != nil {
			return nil, err
		}
		for _, x := range rest {
			if err := v.Append(x); err != nil {
				return nil, err
			}
		}
		return starlark.None, nil
	}
	return nil, fmt.Errorf("%s does not support deletion of items", v.Type())
}
