package python

import (
	"fmt"
	"sort"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// Unknown is the value of a name whose statement failed. Everything that is done
// with it gives Unknown again, so that one mistake is reported once. Builtins of
// the caller should answer Unknown when an argument is (see [IsUnknown]).
var Unknown starlark.Value = unknown{}

type unknown struct{}

func (unknown) String() string                                   { return "unknown" }
func (unknown) Type() string                                     { return "unknown" }
func (unknown) Freeze()                                          {}
func (unknown) Truth() starlark.Bool                             { return false }
func (unknown) Hash() (uint32, error)                            { return 0, nil }
func (unknown) Name() string                                     { return "unknown" }
func (unknown) Attr(string) (starlark.Value, error)              { return Unknown, nil }
func (unknown) AttrNames() []string                              { return nil }
func (unknown) SetField(string, starlark.Value) error            { return nil }
func (unknown) SetKey(_, _ starlark.Value) error                 { return nil }
func (unknown) Iterate() starlark.Iterator                       { return noIterator{} }
func (unknown) Get(starlark.Value) (starlark.Value, bool, error) { return Unknown, true, nil }
func (unknown) Binary(syntax.Token, starlark.Value, starlark.Side) (starlark.Value, error) {
	return Unknown, nil
}
func (unknown) Unary(syntax.Token) (starlark.Value, error) { return Unknown, nil }
func (unknown) CallInternal(*starlark.Thread, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
	return Unknown, nil
}

type noIterator struct{}

func (noIterator) Next(*starlark.Value) bool { return false }
func (noIterator) Done()                     {}

// IsUnknown tells whether a value is Unknown, or a list, tuple or dict that
// holds it.
func IsUnknown(v starlark.Value) bool {
	switch v := v.(type) {
	case unknown:
		return true
	case *starlark.List:
		for i := range v.Len() {
			if IsUnknown(v.Index(i)) {
				return true
			}
		}
	case starlark.Tuple:
		for _, x := range v {
			if IsUnknown(x) {
				return true
			}
		}
	case *starlark.Dict:
		for _, item := range v.Items() {
			if IsUnknown(item[0]) || IsUnknown(item[1]) {
				return true
			}
		}
	}
	return false
}

// A Namespace is a module, or an enumeration, that is made of Go values.
type Namespace struct {
	Name    string
	Members map[string]starlark.Value
}

func (n *Namespace) String() string        { return "<module '" + n.Name + "'>" }
func (n *Namespace) Type() string          { return "module" }
func (n *Namespace) Freeze()               {}
func (n *Namespace) Truth() starlark.Bool  { return true }
func (n *Namespace) Hash() (uint32, error) { return starlark.String(n.Name).Hash() }

// AttrNames returns the names of the members, sorted.
func (n *Namespace) AttrNames() []string { return sortedKeys(n.Members) }

// Attr returns a member, or an error that names the nearest one.
func (n *Namespace) Attr(name string) (starlark.Value, error) {
	if v, ok := n.Members[name]; ok {
		return v, nil
	}
	return nil, &Error{Kind: Import, Message: fmt.Sprintf("%s has no %q", n.Name, name), Hint: didYouMean(name, n.AttrNames())}
}

// A Package is a module of the caller with modules below it.
type Package interface {
	starlark.HasAttrs
	// Submodule returns a module by its path below the package.
	Submodule(path string) (starlark.Value, error)
	// Home names the module from which a name is imported, or is "".
	Home(name string) string
}

// Library is a library that is not here, or a part of one. It may be imported,
// named in annotations and passed around; calling it is an error of that kind.
func Library(name string) starlark.Value { return foreign{name} }

// LibraryName returns the dotted name of a Library.
func LibraryName(v starlark.Value) (name string, ok bool) {
	f, ok := v.(foreign)
	return f.name, ok
}

type foreign struct{ name string }

func (f foreign) String() string        { return "<" + f.name + ">" }
func (f foreign) Type() string          { return "module" }
func (f foreign) Freeze()               {}
func (f foreign) Truth() starlark.Bool  { return true }
func (f foreign) Hash() (uint32, error) { return starlark.String(f.name).Hash() }
func (f foreign) Name() string          { return f.name }
func (f foreign) AttrNames() []string   { return nil }
func (f foreign) Attr(name string) (starlark.Value, error) {
	return foreign{f.name + "." + name}, nil
}
func (f foreign) CallInternal(*starlark.Thread, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
	return nil, &Error{Kind: Foreign, Message: fmt.Sprintf("calls %s, a library that is not available here", f.name),
		Hint: "keep such calls inside functions, list the file in .feastignore, or run with --python"}
}

// inert stands for things that have no effect on definitions, such as a logger
// or a type alias: whatever is done with it gives it back.
type inert struct{ name string }

func (n inert) String() string                                   { return n.name }
func (n inert) Type() string                                     { return n.name }
func (n inert) Freeze()                                          {}
func (n inert) Truth() starlark.Bool                             { return true }
func (n inert) Hash() (uint32, error)                            { return starlark.String(n.name).Hash() }
func (n inert) Name() string                                     { return n.name }
func (n inert) AttrNames() []string                              { return nil }
func (n inert) Attr(name string) (starlark.Value, error)         { return inert{n.name + "." + name}, nil }
func (n inert) SetField(string, starlark.Value) error            { return nil }
func (n inert) Get(starlark.Value) (starlark.Value, bool, error) { return n, true, nil }
func (n inert) Binary(op syntax.Token, _ starlark.Value, _ starlark.Side) (starlark.Value, error) {
	if op == syntax.PIPE {
		return n, nil
	}
	return nil, nil
}
func (n inert) CallInternal(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	// A decorator such as functools.wraps(f) hands back what it decorates.
	if len(args) == 1 {
		if f, ok := args[0].(*Function); ok {
			return f, nil
		}
	}
	return n, nil
}

// Str is a value's text, as Python's str gives it.
func Str(v starlark.Value) string { return text(v) }

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
