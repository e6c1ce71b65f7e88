package python

import (
	"slices"

	"go.starlark.net/syntax"
)

// assignment translates a = b = value and x: int = value.
func (t *translator) assignment(n *node) []syntax.Stmt {
	right := n.child("right")
	if right == nil {
		return nil // a declaration of a type alone
	}
	targets := []*node{n.child("left")}
	for right.kind == "assignment" {
		targets = append(targets, right.child("left"))
		if right = right.child("right"); right == nil {
			return nil
		}
	}
	value := t.expr(right)
	if len(targets) == 1 {
		return t.assignTo(targets[0], value)
	}
	temp := t.temp()
	stmts := []syntax.Stmt{t.assign(n, t.ident(n, temp), value)}
	for _, target := range targets {
		stmts = append(stmts, t.assignTo(target, t.ident(n, temp))...)
	}
	return stmts
}

func (t *translator) assignTo(target *node, value syntax.Expr) []syntax.Stmt {
	lhs, after := t.target(target)
	if _, many := lhs.(*syntax.TupleExpr); many {
		value = t.help(target, "iterate", value)
	}
	return append([]syntax.Stmt{t.assign(target, lhs, value)}, after...)
}

// target translates what stands left of an assignment. A pattern with a star
// needs statements after the assignment that take the value apart.
func (t *translator) target(n *node) (lhs syntax.Expr, after []syntax.Stmt) {
	switch n.kind {
	case "identifier":
		return t.variable(n, t.text(n)), nil
	case "attribute":
		pos := t.pos(n)
		return &syntax.DotExpr{X: t.expr(n.child("object")), Dot: pos, NamePos: pos, Name: t.ident(n, t.text(n.child("attribute")))}, nil
	case "subscript":
		if subs := n.children("subscript"); !slices.ContainsFunc(subs, func(s *node) bool { return s.kind == "slice" }) {
			return &syntax.IndexExpr{X: t.expr(n.child("value")), Lbrack: t.pos(n), Y: t.key(n, subs), Rbrack: t.pos(n)}, nil
		}
	case "pattern_list", "tuple_pattern", "list_pattern", "tuple", "list", "expression_list":
		return t.patternTarget(n)
	case "parenthesized_expression":
		return t.target(n.nodes()[0])
	}
	t.refuse(n, "an assignment to this")
	return t.ident(n, t.temp()), nil
}

func (t *translator) patternTarget(n *node) (syntax.Expr, []syntax.Stmt) {
	kids := n.nodes()
	if len(kids) == 1 && n.kind == "tuple_pattern" && !n.has(",") && !isStar(kids[0]) {
		return t.target(kids[0]) // a name in parentheses
	}
	star := -1
	for i, k := range kids {
		if k.kind == "list_splat_pattern" || k.kind == "list_splat" {
			star = i
		}
	}
	tuple := &syntax.TupleExpr{Lparen: t.pos(n), Rparen: t.pos(n)}
	var after []syntax.Stmt
	for i, k := range kids {
		if i == star {
			k = k.nodes()[0]
		}
		lhs, more := t.target(k)
		tuple.List = append(tuple.List, lhs)
		after = append(after, more...)
	}
	if star < 0 {
		return tuple, after
	}
	temp := t.temp()
	spread := t.help(n, "spread", t.ident(n, temp), t.int(n, int64(star)), t.int(n, int64(len(kids)-star-1)))
	return t.ident(n, temp), append([]syntax.Stmt{t.assign(n, tuple, spread)}, after...)
}

// augmented maps the operators that Starlark assigns with by itself.
var augmented = map[string]syntax.Token{
	"-=": syntax.MINUS_EQ, "//=": syntax.SLASHSLASH_EQ, "&=": syntax.AMP_EQ,
	"|=": syntax.PIPE_EQ, "^=": syntax.CIRCUMFLEX_EQ, "<<=": syntax.LTLT_EQ, ">>=": syntax.GTGT_EQ,
}

// augmentedHelpers are those that need a helper.
var augmentedHelpers = map[string]string{"+=": "extend", "*=": "multiply", "/=": "divide", "%=": "modulo", "**=": "power"}

func (t *translator) augmentedAssignment(n *node) []syntax.Stmt {
	left, operator := n.child("left"), t.text(n.child("operator"))
	lhs, _ := t.target(left)
	value := t.expr(n.child("right"))
	if op, ok := augmented[operator]; ok {
		return []syntax.Stmt{&syntax.AssignStmt{OpPos: t.pos(n), Op: op, LHS: lhs, RHS: value}}
	}
	helper, ok := augmentedHelpers[operator]
	if !ok {
		t.refuse(n, "the operator "+operator)
		return nil
	}
	return []syntax.Stmt{t.assign(n, lhs, t.help(n, helper, t.expr(left), value))}
}
