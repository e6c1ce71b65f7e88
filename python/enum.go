package python

import (
	"fmt"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// An enumClass is an enumeration of a Python file, or one that others are
// derived from.
type enumClass struct {
	*classText
	base    *enumClass
	mixin   string // "str" or "int" when its members are texts or numbers too
	shows   bool   // whether str() of a member is that of its value
	members []*enumMember
	names   map[string]*enumMember // aliases too
}

// pythonEnum and pythonIntEnum are enum.Enum and enum.IntEnum.
var (
	enumHome      = &Module{Name: "enum"}
	pythonEnum    = &enumClass{classText: &classText{name: "Enum", qualified: "Enum", module: enumHome}}
	pythonIntEnum = &enumClass{classText: &classText{name: "IntEnum", qualified: "IntEnum", module: enumHome}, base: pythonEnum, mixin: "int", shows: true}
)

func enumModule() starlark.Value {
	return &openModule{&Namespace{Name: "enum", Members: map[string]starlark.Value{"Enum": pythonEnum, "IntEnum": pythonIntEnum}}}
}

// enumBase is the enumeration that bases amount to, or nil: one without
// members, or Enum behind str.
func enumBase(bases starlark.Tuple) *enumClass {
	if len(bases) == 2 && bases[0] == builtins["str"] && bases[1] == starlark.Value(pythonEnum) {
		return &enumClass{classText: pythonEnum.classText, mixin: "str"}
	}
	if len(bases) != 1 {
		return nil
	}
	base, _ := bases[0].(*enumClass)
	if base != nil && len(base.members) > 0 {
		return nil
	}
	return base
}

// newEnum makes members of the values of a class's body. Values that Python
// would change, or would not make members of, are refused.
func newEnum(text *classText, base *enumClass, body *classBody) (starlark.Value, error) {
	c := &enumClass{classText: text, base: base, mixin: base.mixin, shows: base.shows, names: map[string]*enumMember{}}
	for _, name := range body.names {
		v := body.values[name]
		_, callable := v.(starlark.Callable)
		if callable || strings.HasPrefix(name, "_") || c.mixin != "" && typeName(v) != c.mixin {
			return nil, refusedClass(Place{})
		}
		m, err := c.byValue(v)
		if err != nil {
			return nil, err
		}
		if m == nil {
			m = &enumMember{class: c, name: name, value: v}
			c.members = append(c.members, m)
		}
		c.names[name] = m
	}
	return c, nil
}

func (c *enumClass) byValue(v starlark.Value) (*enumMember, error) {
	for _, m := range c.members {
		if same, err := equal(m.value, v); same || err != nil {
			return m, err
		}
	}
	return nil, nil
}

func (c *enumClass) String() string        { return "<enum '" + c.name + "'>" }
func (c *enumClass) Type() string          { return "type" }
func (c *enumClass) Freeze()               {}
func (c *enumClass) Truth() starlark.Bool  { return true }
func (c *enumClass) Hash() (uint32, error) { return starlark.String(c.Name()).Hash() }
func (c *enumClass) Name() string          { return c.module.Name + "." + c.qualified }
func (c *enumClass) Len() int              { return len(c.members) }
func (c *enumClass) AttrNames() []string   { return sortedKeys(c.names) }
func (c *enumClass) sourceText() *Function { return c.text }

// Iterate runs over the members in the order of the text.
func (c *enumClass) Iterate() starlark.Iterator {
	members := make(starlark.Tuple, len(c.members))
	for i, m := range c.members {
		members[i] = m
	}
	return members.Iterate()
}

// Attr returns a member by its name, or the class's name.
func (c *enumClass) Attr(name string) (starlark.Value, error) {
	if m, ok := c.names[name]; ok {
		return m, nil
	}
	if name == "__name__" {
		return starlark.String(c.name), nil
	}
	return nil, &Error{Message: fmt.Sprintf("%s has no %q", c.qualified, name), Hint: didYouMean(name, c.AttrNames())}
}

// Get returns a member by its name, as Source["A"] does.
func (c *enumClass) Get(key starlark.Value) (starlark.Value, bool, error) {
	m, ok := c.names[text(key)]
	if !ok {
		return nil, false, nil
	}
	return m, true, nil
}

// CallInternal returns a member by its value, as Source("a") does.
func (c *enumClass) CallInternal(_ *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if len(args) != 1 || len(kwargs) > 0 || c.names == nil {
		return nil, fmt.Errorf("%s needs one value", c.name)
	}
	if m, ok := args[0].(*enumMember); ok && m.class == c {
		return m, nil
	}
	m, err := c.byValue(args[0])
	if m == nil && err == nil {
		err = fmt.Errorf("%s is not a valid %s", repr(args[0]), c.name)
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

// An enumMember is a name and a value of an enumeration.
type enumMember struct {
	class *enumClass
	name  string
	value starlark.Value
}

func (m *enumMember) String() string {
	return "<" + m.class.name + "." + m.name + ": " + repr(m.value) + ">"
}
func (m *enumMember) Type() string { return m.class.Name() }
func (m *enumMember) Freeze()      {}

// Truth is that of the text or number that a member is; others are true.
func (m *enumMember) Truth() starlark.Bool {
	return m.class.mixin == "" || m.value.Truth()
}

// Hash refuses members that are texts or numbers: as keys of a dict they would
// have to equal these, which a dict of Starlark does not know.
func (m *enumMember) Hash() (uint32, error) {
	if m.class.mixin != "" {
		return 0, fmt.Errorf("a member of %s cannot be a key here: write %s.%s.value", m.class.name, m.class.name, m.name)
	}
	return starlark.String(m.name).Hash()
}

// PythonString is Python's str(member), which since 3.11 is what f-strings show.
func (m *enumMember) PythonString() string {
	if m.class.shows {
		return text(m.value)
	}
	return m.class.name + "." + m.name
}

// PythonFormat formats a number as one, and other members by their names.
func (m *enumMember) PythonFormat(spec string) (string, error) {
	if m.class.shows {
		return formatValue(m.value, "", spec)
	}
	return formatValue(starlark.String(m.PythonString()), "", spec)
}

// AttrNames returns the attributes of every member.
func (m *enumMember) AttrNames() []string { return []string{"name", "value"} }

// Attr returns the name or the value, or a method of the text that it is.
func (m *enumMember) Attr(name string) (starlark.Value, error) {
	switch name {
	case "name", "_name_":
		return starlark.String(m.name), nil
	case "value", "_value_":
		return m.value, nil
	}
	if m.class.mixin != "" {
		return method(m.value, name)
	}
	return nil, &Error{Message: fmt.Sprintf("%s.%s has no %q", m.class.name, m.name, name), Hint: didYouMean(name, m.AttrNames())}
}

func (m *enumMember) pythonClass() starlark.Value { return m.class }

// IsInstance tells whether a member is a text, a number or of an enumeration.
func (m *enumMember) IsInstance(class string) bool {
	for c := m.class; c != nil; c = c.base {
		if c.Name() == class {
			return true
		}
	}
	return class == m.class.mixin
}

// Plain gives the texts and numbers that members of enumerations are, also those
// within lists, tuples and the values of dicts.
func Plain(v starlark.Value) starlark.Value {
	plain, _ := plainWithin(v, 0)
	return plain
}

// plainWithin also tells whether there was a member; a value without one is
// given back as it is. It looks as deep as comparisons do.
func plainWithin(v starlark.Value, depth int) (plain starlark.Value, changed bool) {
	if depth > starlark.CompareLimit {
		return v, false
	}
	all := func(values []starlark.Value) (plain []starlark.Value, changed bool) {
		for _, x := range values {
			p, was := plainWithin(x, depth+1)
			plain, changed = append(plain, p), changed || was
		}
		return plain, changed
	}
	switch v := v.(type) {
	case *enumMember:
		return number(v), v.class.mixin != ""
	case *starlark.List:
		if values, changed := all(valuesOf(v)); changed {
			return starlark.NewList(values), true
		}
	case starlark.Tuple:
		if values, changed := all(v); changed {
			return starlark.Tuple(values), true
		}
	case *starlark.Dict:
		changed := false
		copied := starlark.NewDict(v.Len())
		for _, item := range v.Items() {
			p, was := plainWithin(item[1], depth+1)
			changed = changed || was
			_ = copied.SetKey(item[0], p) // a key that a dict has can be one of another
		}
		if changed {
			return copied, true
		}
	}
	return v, false
}

// equal is Python's ==.
func equal(a, b starlark.Value) (bool, error) {
	return starlark.Equal(number(Plain(a)), number(Plain(b)))
}

// contains is Python's in.
func contains(a, b starlark.Value) (starlark.Value, error) {
	if c, ok := b.(*enumClass); ok {
		m, ok := a.(*enumMember)
		if !ok {
			return nil, fmt.Errorf("only a member can be looked for in %s: write [m.value for m in %s]", c.name, c.name)
		}
		return starlark.Bool(m.class == c), nil
	}
	return starlark.Binary(syntax.IN, Plain(a), Plain(b))
}
