package definition

import (
	"fmt"
	"slices"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/python"
)

// An object is a value that a class built: a noun, or a part of one such as a
// file format.
type object struct {
	class string
	bases []string
	// noun is the root package's object for what is registered; for parts it is
	// whatever the part's users expect.
	noun any
	// projection is how a service or an on-demand view that is given this view
	// uses it.
	projection asof.Projection
	// entities are those of a view.
	entities []*asof.Entity
	place    python.Place
	attrs    map[string]starlark.Value
	loader   *loader
}

// object makes the value of a call: its attributes are the arguments.
func (a *arguments) made(noun any) *object {
	o := &object{class: a.name, bases: a.bases, noun: noun, place: a.site.Place, attrs: map[string]starlark.Value{}, loader: a.loader}
	for _, p := range a.params {
		if v := a.values[p.name]; v != nil {
			o.attrs[p.name] = v
		} else {
			o.attrs[p.name] = absent(p)
		}
	}
	return o
}

// absent is the attribute of an argument that was left out.
func absent(p param) starlark.Value {
	switch p.kind {
	case kinds["text"]:
		return starlark.String("")
	case kinds["tags"], kinds["dict"]:
		return new(starlark.Dict)
	case kinds["fields"], kinds["entities"], kinds["texts"]:
		return new(starlark.List)
	case kinds["bool"]:
		return starlark.False
	}
	return starlark.None
}

func (o *object) is(class string) bool {
	return o.class == class || slices.Contains(o.bases, class)
}

// IsInstance serves Python's isinstance.
func (o *object) IsInstance(class string) bool { return o.is(class) }

func (o *object) String() string {
	if name, ok := starlark.AsString(o.attrs["name"]); ok {
		return fmt.Sprintf("<%s %s>", o.class, name)
	}
	return "<" + o.class + ">"
}
func (o *object) Type() string         { return o.class }
func (o *object) Freeze()              {}
func (o *object) Truth() starlark.Bool { return true }

// Hash is by name, so that objects can be the keys of dicts.
func (o *object) Hash() (uint32, error) { return starlark.String(o.String()).Hash() }

// Name serves error messages.
func (o *object) Name() string { return o.class }

// AttrNames returns the names of the arguments and of the methods.
func (o *object) AttrNames() []string {
	names := sortedNames(o.attrs)
	if o.is("BaseFeatureView") {
		names = append(names, sortedNames(viewMethods)...)
	}
	return names
}

// Attr returns an argument, or a method of a view.
func (o *object) Attr(name string) (starlark.Value, error) {
	if v, ok := o.attrs[name]; ok {
		return v, nil
	}
	if f, ok := viewMethods[name]; ok && o.is("BaseFeatureView") {
		return starlark.NewBuiltin(name, func(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			return f(o, python.CallSite(thread), args, kwargs)
		}), nil
	}
	return nil, &python.Error{Message: fmt.Sprintf("%s has no attribute %q", o.class, name) + asof.DidYouMean(name, o.AttrNames())}
}

// SetField refuses changes: a definition is complete when it is built. (The
// statement o.tags |= {…} changes the dict, and then sets what was there.)
func (o *object) SetField(name string, v starlark.Value) error {
	if d, ok := v.(*starlark.Dict); ok && o.attrs[name] == starlark.Value(d) {
		return nil
	}
	return &python.Error{Message: fmt.Sprintf("%s of a %s is changed after it was built", name, o.class),
		Hint: fmt.Sprintf("give it to the constructor: %s(…, %s=…)", o.class, name)}
}

// Get is view[["feature", …]]: the view with some of its features.
func (o *object) Get(key starlark.Value) (starlark.Value, bool, error) {
	if !o.is("BaseFeatureView") {
		return nil, false, fmt.Errorf("%s cannot be indexed", o.class)
	}
	if python.IsUnknown(key) {
		return python.Unknown, true, nil
	}
	if !listOf(isText)(key) {
		return nil, false, &python.Error{Message: fmt.Sprintf("features of %s are chosen by a list of names, not by %s", python.Text(o.attrs["name"]), describe(key)),
			Hint: `write view[["feature"]], with two brackets`}
	}
	chosen := o.copied()
	chosen.projection.Features = nil
	for _, x := range elements(key) {
		name := python.Text(x)
		i := slices.IndexFunc(o.features(), func(f asof.Field) bool { return f.Name == name })
		if i < 0 {
			if len(o.features()) == 0 {
				// The view's schema is inferred later; so is this choice checked.
				chosen.projection.Features = append(chosen.projection.Features, asof.Field{Name: name})
				continue
			}
			return nil, false, &python.Error{Message: fmt.Sprintf("feature view %s has no feature %q", python.Text(o.attrs["name"]), name) + asof.DidYouMean(name, fieldNames(o.features()))}
		}
		chosen.projection.Features = append(chosen.projection.Features, o.features()[i])
	}
	return chosen, true, nil
}

// CompareSameType compares by identity of what was defined.
func (o *object) CompareSameType(op syntax.Token, other starlark.Value, _ int) (bool, error) {
	same := o == other.(*object)
	switch op {
	case syntax.EQL:
		return same, nil
	case syntax.NEQ:
		return !same, nil
	}
	return false, fmt.Errorf("%s values have no order", o.class)
}

func (o *object) copied() *object {
	c := *o
	return &c
}

// features are those of the view, whatever its projection.
func (o *object) features() []asof.Field {
	switch v := o.noun.(type) {
	case *asof.FeatureView:
		return v.Features
	case *asof.OnDemandFeatureView:
		return v.Features
	case *labelView:
		return v.features
	}
	return nil
}

func fieldNames(fields []asof.Field) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	return names
}

type viewMethod = func(o *object, site *python.Site, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error)

// viewMethods are the methods of feature views.
var viewMethods = map[string]viewMethod{
	"with_name":         withName,
	"with_join_key_map": withJoinKeyMap,
	"with_projection": func(*object, *python.Site, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
		return nil, &python.Error{Kind: python.Unsupported, Message: "with_projection cannot be read without Python", Hint: `choose features by view[["feature"]]`}
	},
}

func withName(o *object, _ *python.Site, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var name string
	if err := starlark.UnpackArgs("with_name", args, kwargs, "name", &name); err != nil {
		return nil, err
	}
	c := o.copied()
	c.projection.Alias = name
	return c, nil
}

func withJoinKeyMap(o *object, _ *python.Site, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var m starlark.Value
	if err := starlark.UnpackArgs("with_join_key_map", args, kwargs, "join_key_map", &m); err != nil {
		return nil, err
	}
	if python.IsUnknown(m) {
		return python.Unknown, nil
	}
	if !isTags(m) {
		return nil, &python.Error{Message: "a join-key map is a dict of texts", Hint: `write {"the view's join key": "the entity rows' column"}`}
	}
	c := o.copied()
	c.projection.JoinKeyMap = map[string]string{}
	for _, item := range m.(*starlark.Dict).Items() {
		key := python.Text(item[0])
		if v, ok := o.noun.(*asof.FeatureView); ok {
			if keys := o.loader.joinKeys[v]; len(keys) > 0 && !slices.Contains(keys, key) {
				return nil, &python.Error{Message: fmt.Sprintf("feature view %s has no join key %q", v.Name, key) + asof.DidYouMean(key, keys)}
			}
		}
		c.projection.JoinKeyMap[key] = python.Text(item[1])
	}
	return c, nil
}
