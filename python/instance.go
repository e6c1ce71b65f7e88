package python

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// A dataclass is what @dataclass makes of a class: fields with defaults.
type dataclass struct {
	fields   []string
	defaults []starlark.Value
	frozen   bool
}

func dataclassesModule() starlark.Value {
	return &openModule{&Namespace{Name: "dataclasses", Members: map[string]starlark.Value{"dataclass": function("dataclass", decorateDataclass)}}}
}

// openModule is a module of which only some members are here; the others can be
// imported, but not called.
type openModule struct{ *Namespace }

func (m *openModule) Attr(name string) (starlark.Value, error) {
	if v, ok := m.Members[name]; ok {
		return v, nil
	}
	return Library(m.Name + "." + name), nil
}

// decorateDataclass is @dataclass, @dataclass() and @dataclass(frozen=…).
func decorateDataclass(_ *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var frozen bool
	for _, kw := range kwargs {
		value, isBool := kw[1].(starlark.Bool)
		if kw[0] != starlark.String("frozen") || !isBool {
			return nil, refusedClass(Place{})
		}
		frozen = bool(value)
	}
	decorate := one(func(v starlark.Value) (starlark.Value, error) { return asDataclass(v, frozen) })
	if len(args) > 0 {
		return decorate(nil, args, nil)
	}
	return function("dataclass", decorate), nil
}

// asDataclass adds a class's annotated values to the fields of its base.
func asDataclass(v starlark.Value, frozen bool) (starlark.Value, error) {
	c, ok := v.(*valueClass)
	if !ok || c.record != nil && c.record.frozen != frozen {
		return nil, refusedClass(Place{})
	}
	made := &dataclass{frozen: frozen}
	if c.record != nil {
		made.fields, made.defaults = slices.Clone(c.record.fields), slices.Clone(c.record.defaults)
	}
	for _, name := range c.annotated {
		value, ok := c.values[name]
		if !ok {
			return nil, refusedClass(Place{})
		}
		if _, isTuple := value.(starlark.Tuple); !isTuple && !hashable(Plain(value)) {
			return nil, fmt.Errorf("mutable default %s for field %s is not allowed", typeName(value), name)
		}
		if i := slices.Index(made.fields, name); i >= 0 {
			made.defaults[i] = value
			continue
		}
		made.fields, made.defaults = append(made.fields, name), append(made.defaults, value)
	}
	c.record = made
	return c, nil
}

// An instance is an object of a valueClass: it has values of its own beside
// those of the class.
type instance struct {
	class  *valueClass
	values map[string]starlark.Value
}

func (o *instance) Type() string         { return o.class.Name() }
func (o *instance) Freeze()              {}
func (o *instance) Truth() starlark.Bool { return true }

// String is Python's repr, without the address that it shows of an object.
func (o *instance) String() string {
	if o.class.record == nil {
		return "<" + o.class.Name() + " object>"
	}
	var parts []string
	for _, name := range o.class.record.fields {
		parts = append(parts, name+"="+repr(o.values[name]))
	}
	return o.class.qualified + "(" + strings.Join(parts, ", ") + ")"
}

// Hash is that of the fields, which only a frozen dataclass has for good.
func (o *instance) Hash() (uint32, error) {
	switch {
	case o.class.record == nil:
		return o.class.Hash()
	case o.class.record.frozen:
		return o.fields().Hash()
	}
	return 0, errors.New("unhashable: " + o.class.name)
}

func (o *instance) fields() starlark.Tuple {
	var values starlark.Tuple
	for _, name := range o.class.record.fields {
		values = append(values, o.values[name])
	}
	return values
}

// CompareSameType tells whether two objects are one, or, of a dataclass, have
// equal fields.
func (o *instance) CompareSameType(op syntax.Token, other starlark.Value, depth int) (bool, error) {
	y, _ := other.(*instance) // nil of a class that has the same name
	if op != syntax.EQL && op != syntax.NEQ {
		return false, fmt.Errorf("objects of %s have no order", o.class.name)
	}
	equal, err := o == y, error(nil)
	if !equal && y != nil && o.class == y.class && o.class.record != nil {
		equal, err = starlark.EqualDepth(o.fields(), y.fields(), depth-1)
	}
	return equal == (op == syntax.EQL), err
}

// AttrNames returns the names of the object's values and of its class's.
func (o *instance) AttrNames() []string {
	return slices.Compact(slices.Sorted(slices.Values(append(slices.Collect(maps.Keys(o.values)), o.class.AttrNames()...))))
}

// Attr returns a value of the object or of its class.
func (o *instance) Attr(name string) (starlark.Value, error) {
	if v, ok := o.values[name]; ok {
		return v, nil
	}
	if strings.HasPrefix(name, "__") {
		return nil, nil
	}
	return o.class.Attr(name)
}

// SetField sets a value of the object, unless it is frozen.
func (o *instance) SetField(name string, v starlark.Value) error {
	if o.class.record != nil && o.class.record.frozen {
		return fmt.Errorf("cannot assign to field %q: %s is frozen", name, o.class.name)
	}
	o.values[name] = v
	return nil
}

func (o *instance) pythonClass() starlark.Value { return o.class }

// IsInstance tells whether the object is of the named class or of one below it.
func (o *instance) IsInstance(class string) bool {
	for c := o.class; c != nil; c = c.base {
		if c.Name() == class {
			return true
		}
	}
	return false
}
