package python

import (
	"fmt"
	"slices"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// classText is the part of a class that its text tells.
type classText struct {
	name, qualified string
	// annotated are the names with a type, the fields of a dataclass.
	annotated []string
	module    *Module
	text      *Function // the class and its decorators, as text to be evaluated elsewhere
}

// classDefinition translates a class that only holds values. Its body binds the
// attributes of an object of ours, which then becomes the class. Whole is the
// definition with its decorators.
func (t *translator) classDefinition(n, whole *node) []syntax.Stmt {
	text := &classText{name: t.text(n.child("name")), module: t.module}
	text.qualified = text.name
	if t.scope != nil {
		text.qualified = t.scope.class + "." + text.name
	}
	body := n.child("body")
	if t.scope != nil && t.scope.class == "" || !t.holdsValues(n, whole) || !t.readFields(body, text) {
		t.errs = append(t.errs, refusedClass(n.place(t.module.File, t.src)))
		return nil
	}
	text.text = &Function{name: text.name, module: t.module, def: whole, whole: whole}
	t.module.classes = append(t.module.classes, text)
	object := t.temp()
	made := []syntax.Expr{t.int(n, int64(len(t.module.classes)-1)), t.globals(n), t.ident(n, object)}
	if bases := n.child("superclasses"); bases != nil {
		for _, base := range bases.nodes() {
			made = append(made, t.expr(base))
		}
	}
	stmts := []syntax.Stmt{t.assign(n, t.ident(n, object), t.help(n, "classbody", t.globals(n)))}
	outer := t.scope
	t.scope = &scope{outer: outer, class: text.qualified, object: object, members: boundNames(body, t.src)}
	stmts = append(stmts, t.block(body)...)
	t.scope = outer
	return append(stmts, t.assign(n, t.variable(n.child("name"), text.name), t.help(n, "class", made...)))
}

func refusedClass(at Place) *Error {
	r := refused["class_definition"]
	return &Error{Kind: Unsupported, Place: at, Message: r.what + " cannot be read without Python", Hint: r.instead + ", " + byPython}
}

// holdsValues tells whether a class has nothing but names with values, classes
// of that sort, and texts; its bases and decorators must be plain expressions.
func (t *translator) holdsValues(n, whole *node) bool {
	for _, k := range whole.nodes() {
		if k.kind == "decorator" && !dataclassDecorator(t.text(k)) {
			return false
		}
	}
	if bases := n.child("superclasses"); bases != nil {
		for _, base := range bases.nodes() {
			if base.kind != "identifier" && base.kind != "attribute" {
				return false
			}
		}
	}
	for _, statement := range n.child("body").nodes() {
		if !slices.Contains([]string{"expression_statement", "pass_statement", "class_definition", "decorated_definition"}, statement.kind) ||
			statement.kind == "decorated_definition" && statement.child("definition").kind != "class_definition" {
			return false
		}
	}
	return true
}

// dataclassDecorator recognises @dataclass, also with arguments or by the full
// name.
func dataclassDecorator(text string) bool {
	name, _, _ := strings.Cut(strings.TrimPrefix(text, "@"), "(")
	return strings.TrimPrefix(strings.TrimSpace(name), "dataclasses.") == "dataclass"
}

// readFields collects the annotated names of a class's body. It is false of a
// body that does more than bind names, or binds those to which
// Python gives a meaning of their own.
func (t *translator) readFields(body *node, text *classText) bool {
	for name := range boundNames(body, t.src) {
		if strings.HasPrefix(name, "__") {
			return false
		}
	}
	for _, statement := range body.nodes() {
		if statement.kind != "expression_statement" {
			continue
		}
		for _, k := range statement.nodes() {
			for k != nil && k.kind == "assignment" {
				if k.child("left").kind != "identifier" {
					return false
				}
				if annotation := k.child("type"); annotation != nil {
					if kind := t.text(annotation); strings.Contains(kind, "ClassVar") || strings.Contains(kind, "InitVar") || strings.Contains(kind, "KW_ONLY") {
						return false
					}
					text.annotated = append(text.annotated, t.text(k.child("left")))
				}
				k = k.child("right")
			}
			if k != nil && !slices.Contains(classValues, k.kind) {
				return false
			}
		}
	}
	return true
}

// classValues are the expressions that the body of a class may hold: a function
// as a value would be a method.
var classValues = []string{
	"identifier", "true", "false", "none", "integer", "float", "string", "concatenated_string", "ellipsis", "attribute",
	"subscript", "call", "list", "tuple", "expression_list", "set", "dictionary", "list_comprehension", "set_comprehension",
	"dictionary_comprehension", "generator_expression", "binary_operator", "boolean_operator", "not_operator",
	"unary_operator", "comparison_operator", "conditional_expression", "parenthesized_expression",
}

// classBody is what the names of a class refer to while its body runs: what it
// bound already, and else, as in Python, the variables of the module.
type classBody struct {
	*globals
	names  []string // in the order in which they were bound
	values map[string]starlark.Value
}

func newClassBody(_ *starlark.Thread, args starlark.Tuple) (starlark.Value, error) {
	return &classBody{globals: args[0].(*globals), values: map[string]starlark.Value{}}, nil
}

func (b *classBody) Attr(name string) (starlark.Value, error) {
	if v, ok := b.values[name]; ok {
		return v, nil
	}
	return b.globals.Attr(name)
}

func (b *classBody) SetField(name string, v starlark.Value) error {
	if _, ok := b.values[name]; !ok {
		b.names = append(b.names, name)
	}
	b.values[name] = v
	return nil
}

// newClass makes the class of a body that was run, according to its bases.
func newClass(_ *starlark.Thread, args starlark.Tuple) (starlark.Value, error) {
	i, _ := starlark.AsInt32(args[0])
	text, body, bases := args[1].(*globals).module.classes[i], args[2].(*classBody), args[3:]
	if IsUnknown(bases) {
		return Unknown, nil
	}
	for _, v := range body.values {
		if isMethod(v) {
			return nil, refusedClass(Place{})
		}
	}
	switch {
	case len(bases) == 0 || len(bases) == 1 && bases[0] == builtins["object"]:
		return &valueClass{classText: text, values: body.values}, nil
	case len(bases) == 1:
		if base, ok := bases[0].(*valueClass); ok {
			return &valueClass{classText: text, values: body.values, base: base, record: base.record}, nil
		}
	}
	if base := enumBase(bases); base != nil {
		return newEnum(text, base, body)
	}
	return nil, refusedClass(Place{})
}

// isMethod tells whether a value in the body of a class does more than be there.
func isMethod(v starlark.Value) bool {
	switch v := v.(type) {
	case *Function, *starlark.Function:
		return true
	case inert:
		return slices.Contains([]string{"property", "staticmethod", "classmethod", "super"}, v.name)
	}
	return false
}

// A valueClass is a class of a Python file that groups values; it is called to
// make an object with these as attributes.
type valueClass struct {
	*classText
	values map[string]starlark.Value
	base   *valueClass
	record *dataclass // nil unless the class or its base is a dataclass
}

func (c *valueClass) String() string        { return "<class '" + c.Name() + "'>" }
func (c *valueClass) Type() string          { return "type" }
func (c *valueClass) Freeze()               {}
func (c *valueClass) Truth() starlark.Bool  { return true }
func (c *valueClass) Hash() (uint32, error) { return starlark.String(c.Name()).Hash() }
func (c *valueClass) Name() string          { return c.module.Name + "." + c.qualified }
func (c *valueClass) sourceText() *Function { return c.text }
func (c *valueClass) AttrNames() []string {
	names := map[string]bool{}
	for ; c != nil; c = c.base {
		for name := range c.values {
			names[name] = true
		}
	}
	return sortedKeys(names)
}

// Attr returns a value of the class or of its base, or the class's name.
func (c *valueClass) Attr(name string) (starlark.Value, error) {
	for from := c; from != nil; from = from.base {
		if v, ok := from.values[name]; ok {
			return v, nil
		}
	}
	switch name {
	case "__name__":
		return starlark.String(c.name), nil
	case "__qualname__":
		return starlark.String(c.qualified), nil
	case "__module__":
		return starlark.String(c.module.Name), nil
	}
	return nil, &Error{Message: fmt.Sprintf("%s has no %q", c.qualified, name), Hint: didYouMean(name, c.AttrNames())}
}

// SetField sets a value of the class from outside (Config.x = 1).
func (c *valueClass) SetField(name string, v starlark.Value) error {
	c.values[name] = v
	return nil
}

// CallInternal makes an object of the class.
func (c *valueClass) CallInternal(_ *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	made := &instance{class: c, values: map[string]starlark.Value{}}
	if c.record == nil {
		if len(args)+len(kwargs) > 0 {
			return nil, fmt.Errorf("%s() takes no arguments", c.name)
		}
		return made, nil
	}
	r, err := newRecord(c.name, c.record.fields, c.record.defaults, args, kwargs)
	if err != nil {
		return nil, err
	}
	for i, v := range r.(*record).Tuple {
		made.values[c.record.fields[i]] = v
	}
	return made, nil
}
