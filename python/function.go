package python

import (
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// A Function is a function of a Python file. It can be called when its body
// could be translated; its text is there in any case.
type Function struct {
	name    string
	module  *Module
	def     *node // the function_definition
	whole   *node // the same with its decorators
	impl    starlark.Callable
	refusal *Error
}

func (f *Function) Name() string          { return f.name }
func (f *Function) String() string        { return "<function " + f.name + ">" }
func (f *Function) Type() string          { return "function" }
func (f *Function) Freeze()               {}
func (f *Function) Truth() starlark.Bool  { return true }
func (f *Function) Hash() (uint32, error) { return starlark.String(f.name).Hash() }

// AttrNames returns the attributes that a function has.
func (f *Function) AttrNames() []string { return []string{"__doc__", "__module__", "__name__"} }

// Attr returns __name__, __module__ or __doc__.
func (f *Function) Attr(name string) (starlark.Value, error) {
	switch name {
	case "__name__", "__qualname__":
		return starlark.String(f.name), nil
	case "__module__":
		return starlark.String(f.module.Name), nil
	case "__doc__":
		return starlark.None, nil
	}
	return nil, nil
}

// CallInternal runs the function, or says why it cannot be run.
func (f *Function) CallInternal(thread *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if f.refusal != nil {
		return nil, f.refusal
	}
	if thread.CallStackDepth() > maxCalls {
		return nil, &Error{Message: "maximum recursion depth exceeded in " + f.name}
	}
	return starlark.Call(thread, f.impl, args, kwargs)
}

// maxCalls bounds recursion, as Python does.
const maxCalls = 2000

// Place is where the function is defined.
func (f *Function) Place() Place { return f.def.place(f.module.File, f.module.src) }

// Source is the function's text with its decorators, in the form that Python's
// inspect.getsource gives: whole lines, the last one ended.
func (f *Function) Source() string {
	src := f.module.src
	start := f.whole.start
	for start > 0 && src[start-1] != '\n' {
		start--
	}
	return strings.TrimRight(string(src[start:f.whole.end]), " \t\n") + "\n"
}

// Definition is the function's text without decorators, moved to the left
// margin, ready to be evaluated.
func (f *Function) Definition() string {
	src := f.module.src
	lines := strings.Split(strings.TrimRight(string(src[f.def.start:f.def.end]), " \t\n"), "\n")
	for i := 1; i < len(lines); i++ {
		lines[i] = dedentBy(lines[i], f.def.col-1)
	}
	return strings.Join(lines, "\n") + "\n"
}

func dedentBy(line string, width int) string {
	for width > 0 && line != "" && (line[0] == ' ' || line[0] == '\t') {
		line = line[1:]
		width--
	}
	return line
}

// Parameters are the names of the function's parameters, in order.
func (f *Function) Parameters() []string {
	var names []string
	for _, p := range f.def.child("parameters").nodes() {
		if name := paramName(p); name != nil {
			names = append(names, name.text(f.module.src))
		}
	}
	return names
}

// Imports are the import statements of the function's module whose names the
// function uses, in the order of the file.
func (f *Function) Imports() []string {
	used := map[string]bool{}
	usedNames(f.def, f.module.src, used)
	var lines []string
	for _, imp := range f.module.imports {
		for _, name := range imp.names {
			if used[name] {
				lines = append(lines, imp.text)
				break
			}
		}
	}
	return lines
}

// Uses returns the names of module variables, other than imported ones, that
// the function refers to, sorted.
func (f *Function) Uses() []string {
	used := map[string]bool{}
	usedNames(f.def, f.module.src, used)
	for _, imp := range f.module.imports {
		for _, name := range imp.names {
			delete(used, name)
		}
	}
	local := functionScope(nil, f.def.child("parameters"), f.def.child("body"), f.module.src)
	for name := range used {
		if _, isGlobal := f.module.globals[name]; !isGlobal || local.names[name] || name == f.name {
			delete(used, name)
		}
	}
	return sortedKeys(used)
}

func usedNames(n *node, src []byte, into map[string]bool) {
	if n.kind == "identifier" && n.field != "attribute" {
		into[n.text(src)] = true
	}
	for _, k := range n.kids {
		usedNames(k, src, into)
	}
}

// remember keeps a function's text for the moment when its definition runs.
func (m *Module) remember(f *Function) int64 {
	m.functions = append(m.functions, f)
	return int64(len(m.functions) - 1)
}

// define translates a function definition into a Starlark one, which it wraps.
// Whole is the definition with its decorators.
func (t *translator) define(n, whole *node) []syntax.Stmt {
	name := n.child("name")
	impl := t.temp()
	outer := t.errs
	t.errs = nil
	params := t.parameters(n.child("parameters"))
	inSignature := t.errs
	t.errs = nil
	scope := t.scope
	t.scope = functionScope(scope, n.child("parameters"), n.child("body"), t.src)
	if n.has("async") {
		t.refuse(n, "an async function")
	}
	body := t.block(n.child("body"))
	t.scope = scope
	f := &Function{name: t.text(name), module: t.module, def: n, whole: whole}
	if len(t.errs) > 0 {
		f.refusal = t.errs[0]
		body = []syntax.Stmt{t.pass(n)}
	}
	t.errs = append(outer, inSignature...)
	def := &syntax.DefStmt{Def: t.pos(n), Name: t.ident(n, impl), Lparen: t.pos(n), Params: params, Rparen: t.pos(n), Body: body}
	wrapped := t.help(n, "function", t.int(n, t.module.remember(f)), t.globals(n), t.ident(n, impl))
	return []syntax.Stmt{def, t.assign(n, t.variable(name, f.name), wrapped)}
}

// decorated applies the decorators from the innermost on.
func (t *translator) decorated(n *node) []syntax.Stmt {
	definition := n.child("definition")
	var stmts []syntax.Stmt
	if definition.kind == "class_definition" {
		stmts = t.classDefinition(definition, n)
	} else {
		stmts = t.define(definition, n)
	}
	name := definition.child("name")
	kids := n.nodes()
	for i := len(kids) - 1; i >= 0; i-- {
		if kids[i].kind != "decorator" {
			continue
		}
		pos := t.pos(kids[i])
		call := &syntax.CallExpr{Fn: t.expr(kids[i].nodes()[0]), Lparen: pos, Rparen: pos, Args: []syntax.Expr{t.variable(name, t.text(name))}}
		stmts = append(stmts, t.assign(kids[i], t.variable(name, t.text(name)), call))
	}
	return stmts
}

// parameters translates the parameters of a function or lambda. Annotations are
// left out, and so are the marks of positional-only parameters.
func (t *translator) parameters(n *node) []syntax.Expr {
	if n == nil {
		return nil
	}
	var params []syntax.Expr
	for _, p := range n.nodes() {
		pos := t.pos(p)
		switch p.kind {
		case "identifier":
			params = append(params, t.ident(p, t.text(p)))
		case "typed_parameter":
			params = append(params, t.parameter(p.nodes()[0]))
		case "default_parameter", "typed_default_parameter":
			params = append(params, &syntax.BinaryExpr{X: t.ident(p, t.text(p.child("name"))), OpPos: pos, Op: syntax.EQ, Y: t.expr(p.child("value"))})
		case "list_splat_pattern", "dictionary_splat_pattern":
			params = append(params, t.parameter(p))
		case "keyword_separator":
			params = append(params, &syntax.UnaryExpr{OpPos: pos, Op: syntax.STAR})
		case "positional_separator":
		default:
			t.refuse(p, "this parameter")
		}
	}
	return params
}

func (t *translator) parameter(n *node) syntax.Expr {
	switch n.kind {
	case "list_splat_pattern":
		return &syntax.UnaryExpr{OpPos: t.pos(n), Op: syntax.STAR, X: t.ident(n, t.text(n.nodes()[0]))}
	case "dictionary_splat_pattern":
		return &syntax.UnaryExpr{OpPos: t.pos(n), Op: syntax.STARSTAR, X: t.ident(n, t.text(n.nodes()[0]))}
	}
	return t.ident(n, t.text(n))
}

func (t *translator) lambda(n *node) syntax.Expr {
	params := t.parameters(n.child("parameters"))
	outer := t.scope
	t.scope = functionScope(outer, n.child("parameters"), nil, t.src)
	defer func() { t.scope = outer }()
	return &syntax.LambdaExpr{Lambda: t.pos(n), Params: params, Body: t.expr(n.child("body"))}
}

// Prelude is what the function needs to be evaluated elsewhere, as lines of
// Python: the import statements that it uses, the constants of its module, and
// the module's functions that it calls, each with their own.
func (f *Function) Prelude() []string {
	lines := f.Imports()
	return append(lines, f.helpers(map[string]bool{f.name: true})...)
}

func (f *Function) helpers(seen map[string]bool) []string {
	var lines []string
	for _, name := range f.Uses() {
		if seen[name] {
			continue
		}
		seen[name] = true
		value := f.module.globals[name]
		if class, ok := value.(interface{ sourceText() *Function }); ok {
			value = class.sourceText()
		}
		switch v := value.(type) {
		case *Function:
			if v.module == f.module {
				lines = append(lines, v.Imports()...)
				lines = append(lines, v.helpers(seen)...)
				lines = append(lines, strings.TrimSuffix(v.Definition(), "\n"))
			}
		case starlark.NoneType, starlark.Bool, starlark.Int, starlark.Float, starlark.String, *starlark.List, *starlark.Dict, starlark.Tuple, *starlark.Set:
			lines = append(lines, name+" = "+repr(v))
		}
	}
	return lines
}
