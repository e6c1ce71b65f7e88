package definition

import (
	"fmt"
	"strings"
	"time"

	"go.starlark.net/starlark"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/python"
)

// A class is one of Feast's classes as definition files see it: calling it
// checks the arguments and builds the noun.
type class struct {
	name string
	// modules are those that hold the class beside "feast"; a leading "-" says
	// that "feast" itself does not.
	modules []string
	params  []param
	// positional is how many arguments may be given without their names.
	positional int
	build      func(*arguments) starlark.Value
	members    map[string]starlark.Value // for classes that are enumerations too
	bases      []string
}

// A param is one argument of a class.
type param struct {
	name     string
	kind     *kind
	required bool
}

// params reads "name:text! ttl:duration": a "!" marks what must be given.
func params(spec string) []param {
	var all []param
	for _, field := range strings.Fields(spec) {
		name, kindName, _ := strings.Cut(field, ":")
		kindName, required := strings.CutSuffix(kindName, "!")
		all = append(all, param{name: name, kind: kinds[kindName], required: required})
	}
	return all
}

func (c *class) names() []string {
	names := make([]string, len(c.params))
	for i, p := range c.params {
		names[i] = p.name
	}
	return names
}

func (c *class) param(name string) *param {
	for i := range c.params {
		if c.params[i].name == name {
			return &c.params[i]
		}
	}
	return nil
}

// constructor is a class that a loader handed to the definition files.
type constructor struct {
	*class
	loader *loader
}

func (c *constructor) String() string        { return "<class '" + c.name + "'>" }
func (c *constructor) Type() string          { return "type" }
func (c *constructor) Freeze()               {}
func (c *constructor) Truth() starlark.Bool  { return true }
func (c *constructor) Hash() (uint32, error) { return starlark.String(c.name).Hash() }
func (c *constructor) Name() string          { return c.name }
func (c *constructor) AttrNames() []string   { return nil }

// Attr returns the member of an enumeration, or the class's name.
func (c *constructor) Attr(name string) (starlark.Value, error) {
	if v, ok := c.members[name]; ok {
		return v, nil
	}
	if name == "__name__" {
		return starlark.String(c.name), nil
	}
	if v, ok := c.loader.names[name]; ok && name == c.name {
		return v, nil // a module of Feast that bears the name of what it holds
	}
	return nil, &python.Error{Message: fmt.Sprintf("%s has no %q", c.name, name) + asof.DidYouMean(name, sortedNames(c.members))}
}

// CallInternal builds an object. Wrong arguments are recorded, all of them, and
// the result is then unknown.
func (c *constructor) CallInternal(thread *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a := &arguments{class: c.class, loader: c.loader, site: python.CallSite(thread), thread: thread, values: map[string]starlark.Value{}}
	a.bind(args, kwargs)
	if a.wrong || a.unknown {
		return python.Unknown, nil
	}
	v := c.build(a)
	if a.wrong {
		return python.Unknown, nil
	}
	return v, nil
}

// arguments are those of one call, checked.
type arguments struct {
	*class
	loader  *loader
	site    *python.Site
	thread  *starlark.Thread
	values  map[string]starlark.Value
	wrong   bool // a mistake was recorded
	unknown bool // an argument comes from a statement that failed
}

func (a *arguments) bind(args starlark.Tuple, kwargs []starlark.Tuple) {
	for i, v := range args {
		if i >= a.positional {
			a.problemAt(a.site.Argument(i), "%s takes its arguments by name: write %s(%s=…)", a.name, a.name, a.params[min(i, len(a.params)-1)].name)
			return
		}
		a.set(&a.params[i], v, a.site.Argument(i))
	}
	for _, kw := range kwargs {
		name := string(kw[0].(starlark.String))
		if p := a.param(name); p != nil {
			a.set(p, kw[1], a.site.Keyword(name))
			continue
		}
		a.problemAt(a.site.Keyword(name), "%s has no argument %q%s", a.name, name, a.advice(name))
	}
	for _, p := range a.params {
		if p.required && a.values[p.name] == nil && !a.wrong && !a.unknown {
			a.problemAt(a.site.Place, "%s needs the argument %q", a.name, p.name)
		}
	}
}

// retired are arguments that Feast once had, and what is written now.
var retired = map[string]string{
	"features": "schema", "input": "source", "batch_source": "source", "stream_source": "source", "join_key": "join_keys",
	"event_timestamp_column": "timestamp_field", "event_timestamp": "timestamp_field", "inputs": "sources", "date_partition_column": "timestamp_field",
	"file_url": "path", "labels": "tags", "value_type": "dtype", "table_ref": "table",
}

func (a *arguments) advice(name string) string {
	if now, ok := retired[name]; ok && a.param(now) != nil {
		return fmt.Sprintf("; write %s=", now)
	}
	return asof.DidYouMean(name, a.names())
}

// set takes one value, if it is of the right kind. None stands for an optional
// argument that is left out, except where it has a meaning of its own.
func (a *arguments) set(p *param, v starlark.Value, at python.Place) {
	v = python.Plain(v) // Feast writes a member of an enumeration as the text that it is
	switch {
	case python.IsUnknown(v):
		a.unknown = true
	case v == starlark.None && !p.required:
		a.values[p.name] = v
	case !p.kind.takes(v):
		a.problemAt(at, "%s of %s is %s, not %s%s", p.name, a.name, p.kind.what, p.kind.describe(v), p.kind.advice(v))
	default:
		a.values[p.name] = v
	}
}

// problem records a mistake at the named argument.
func (a *arguments) problem(argument, format string, args ...any) {
	a.problemAt(a.site.Keyword(argument), format, args...)
}

func (a *arguments) problemAt(at python.Place, format string, args ...any) {
	a.wrong = true
	a.loader.problem(at, fmt.Sprintf(format, args...))
}

// has tells whether an argument was given and is not None.
func (a *arguments) has(name string) bool {
	v := a.values[name]
	return v != nil && v != starlark.None
}

func (a *arguments) text(name string) string {
	if !a.has(name) {
		return ""
	}
	return python.Text(a.values[name])
}

func (a *arguments) bool(name string, otherwise bool) bool {
	if !a.has(name) {
		return otherwise
	}
	return bool(a.values[name].Truth())
}

func (a *arguments) int(name string) int {
	if !a.has(name) {
		return 0
	}
	i, err := starlark.AsInt32(a.values[name])
	if err != nil {
		a.problem(name, "%s of %s is too big", name, a.name)
	}
	return i
}

func (a *arguments) duration(name string) time.Duration {
	d, _ := a.values[name].(python.Timedelta)
	return time.Duration(d)
}

// texts is a dict of texts, such as tags. As in Python, what a file adds to the
// dict later is in it too: collect brings the map up to date.
func (a *arguments) texts(name string) map[string]string {
	d, ok := a.values[name].(*starlark.Dict)
	if !ok {
		d = new(starlark.Dict)
		a.values[name] = d
	}
	shared := sharedTexts{what: name + " of " + a.name, place: a.site.Keyword(name), dict: d, texts: map[string]string{}}
	shared.update()
	a.loader.shared = append(a.loader.shared, shared)
	return shared.texts
}

// sharedTexts are a dict of a definition file, and the map of a noun that holds
// its texts.
type sharedTexts struct {
	what  string
	place python.Place
	dict  *starlark.Dict
	texts map[string]string
}

func (s sharedTexts) update() {
	clear(s.texts)
	for _, item := range s.dict.Items() {
		s.texts[python.Text(item[0])] = python.Text(item[1])
	}
}

func (a *arguments) list(name string) []starlark.Value {
	return elements(a.values[name])
}

// object returns the noun that was given for an argument, or nil.
func (a *arguments) object(name string) *object {
	o, _ := a.values[name].(*object)
	return o
}

func (a *arguments) meta() asof.Meta {
	return asof.Meta{Place: asof.Place{File: a.site.File, Line: a.site.Line}}
}

func elements(v starlark.Value) []starlark.Value {
	it, ok := v.(starlark.Iterable)
	if !ok {
		return nil
	}
	var all []starlark.Value
	for x := range starlark.Elements(it) {
		all = append(all, x)
	}
	return all
}
