package python

import (
	"fmt"

	"go.starlark.net/syntax"
)

// Names that the translation adds start with a character that no Python name
// can hold, so that they never meet a name of the file.
const (
	helperMark  = "·"
	globalsName = helperMark + "globals"
)

// A translator rewrites Python statements as Starlark ones. Mistakes are
// collected; what cannot be translated becomes None and is not run.
type translator struct {
	module *Module
	path   *string
	src    []byte
	scope  *scope
	errs   []*Error
	temps  int
}

func newTranslator(m *Module) *translator {
	return &translator{module: m, path: &m.File, src: m.src}
}

// takeErrors returns the mistakes found since it was called last.
func (t *translator) takeErrors() []*Error {
	errs := t.errs
	t.errs = nil
	return errs
}

// refuse records that a construct is not supported.
func (t *translator) refuse(n *node, what string) {
	t.fail(n, Unsupported, what+" cannot be read without Python", PythonHint)
}

func (t *translator) fail(n *node, kind Kind, message, hint string) {
	t.errs = append(t.errs, &Error{Kind: kind, Place: n.place(t.module.File, t.src), Message: message, Hint: hint})
}

func (t *translator) pos(n *node) syntax.Position {
	return syntax.MakePosition(t.path, int32(n.line), int32(n.col))
}

func (t *translator) text(n *node) string { return n.text(t.src) }

// variable is a reference to, or the target of an assignment to, a name.
func (t *translator) variable(n *node, name string) syntax.Expr {
	pos := t.pos(n)
	if t.scope.isLocal(name) {
		return &syntax.Ident{NamePos: pos, Name: name}
	}
	owner := globalsName
	if t.scope.isMember(name) {
		owner = t.scope.object
	}
	return &syntax.DotExpr{
		X:   &syntax.Ident{NamePos: pos, Name: owner},
		Dot: pos, NamePos: pos, Name: &syntax.Ident{NamePos: pos, Name: name},
	}
}

// help is a call of one of our helpers.
func (t *translator) help(n *node, helper string, args ...syntax.Expr) syntax.Expr {
	pos := t.pos(n)
	return &syntax.CallExpr{Fn: &syntax.Ident{NamePos: pos, Name: helperMark + helper}, Lparen: pos, Args: args, Rparen: pos}
}

func (t *translator) str(n *node, s string) syntax.Expr {
	return &syntax.Literal{Token: syntax.STRING, TokenPos: t.pos(n), Value: s}
}

func (t *translator) int(n *node, i int64) syntax.Expr {
	return &syntax.Literal{Token: syntax.INT, TokenPos: t.pos(n), Value: i}
}

func (t *translator) none(n *node) syntax.Expr {
	return &syntax.Ident{NamePos: t.pos(n), Name: "None"}
}

// temp returns a new name of our own.
func (t *translator) temp() string {
	t.temps++
	return fmt.Sprintf("%st%d", helperMark, t.temps)
}

func (t *translator) ident(n *node, name string) *syntax.Ident {
	return &syntax.Ident{NamePos: t.pos(n), Name: name}
}

func (t *translator) assign(n *node, target, value syntax.Expr) syntax.Stmt {
	return &syntax.AssignStmt{OpPos: t.pos(n), Op: syntax.EQ, LHS: target, RHS: value}
}

// globals is the namespace of the module, as an argument of a helper.
func (t *translator) globals(n *node) syntax.Expr {
	return &syntax.Ident{NamePos: t.pos(n), Name: globalsName}
}
