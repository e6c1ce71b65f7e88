package python

import (
	"strings"

	"go.starlark.net/syntax"
)

// binary are the operators that mean the same in Starlark.
var binary = map[string]syntax.Token{
	"-": syntax.MINUS, "//": syntax.SLASHSLASH, "&": syntax.AMP, "|": syntax.PIPE,
	"^": syntax.CIRCUMFLEX, "<<": syntax.LTLT, ">>": syntax.GTGT, "and": syntax.AND, "or": syntax.OR,
}

// binaryHelpers are those that need a helper: Starlark lacks them, gives them
// another meaning, or sets no bound on what they make.
var binaryHelpers = map[string]string{"+": "add", "*": "multiply", "/": "divide", "%": "modulo", "**": "power", "is": "is", "is not": "isnot",
	"==": "equal", "!=": "unequal", "<": "less", "<=": "lessequal", ">": "greater", ">=": "greaterequal", "in": "in", "not in": "notin"}

// operation translates operators.
func (t *translator) operation(n *node) syntax.Expr {
	switch n.kind {
	case "binary_operator", "boolean_operator":
		return t.operate(n, t.text(n.child("operator")), t.expr(n.child("left")), t.expr(n.child("right")))
	case "not_operator":
		return &syntax.UnaryExpr{OpPos: t.pos(n), Op: syntax.NOT, X: t.expr(n.child("argument"))}
	case "unary_operator":
		ops := map[string]syntax.Token{"-": syntax.MINUS, "+": syntax.PLUS, "~": syntax.TILDE}
		return &syntax.UnaryExpr{OpPos: t.pos(n), Op: ops[t.text(n.child("operator"))], X: t.expr(n.child("argument"))}
	case "comparison_operator":
		return t.comparison(n)
	case "conditional_expression":
		kids := n.nodes()
		return &syntax.CondExpr{If: t.pos(n), Cond: t.expr(kids[1]), True: t.expr(kids[0]), ElsePos: t.pos(n), False: t.expr(kids[2])}
	case "await":
		t.refuse(n, "await")
	case "yield":
		t.refuse(n, "a generator function (yield)")
	default:
		t.refuse(n, "this expression ("+strings.ReplaceAll(n.kind, "_", " ")+")")
	}
	return t.none(n)
}

func (t *translator) operate(n *node, operator string, left, right syntax.Expr) syntax.Expr {
	if op, ok := binary[operator]; ok {
		return &syntax.BinaryExpr{X: left, OpPos: t.pos(n), Op: op, Y: right}
	}
	if helper, ok := binaryHelpers[operator]; ok {
		return t.help(n, helper, left, right)
	}
	t.refuse(n, "the operator "+operator)
	return left
}

// comparison translates a < b < c as (a < b) and (b < c). An operand in the
// middle that is more than a name or a number is evaluated once, as the argument
// of a function.
func (t *translator) comparison(n *node) syntax.Expr {
	operands := n.nodes()
	var operators []string
	for _, k := range n.kids {
		if k.field == "operators" {
			operators = append(operators, strings.Join(strings.Fields(t.text(k)), " "))
		}
	}
	if len(operators) != len(operands)-1 {
		t.refuse(n, "this comparison")
		return t.none(n)
	}
	exprs := make([]syntax.Expr, len(operands))
	for i, k := range operands {
		exprs[i] = t.expr(k)
	}
	pos := t.pos(n)
	lambda := &syntax.LambdaExpr{Lambda: pos}
	call := &syntax.CallExpr{Fn: lambda, Lparen: pos, Rparen: pos}
	again := func(i int) syntax.Expr { return exprs[i] }
	if len(operands) > 2 {
		names := make([]string, len(operands))
		for i := range operands {
			names[i] = t.temp()
			lambda.Params = append(lambda.Params, t.ident(n, names[i]))
			call.Args = append(call.Args, exprs[i])
		}
		again = func(i int) syntax.Expr { return t.ident(n, names[i]) }
	}
	var all syntax.Expr
	for i, operator := range operators {
		one := t.operate(n, operator, again(i), again(i+1))
		if all == nil {
			all = one
		} else {
			all = &syntax.BinaryExpr{X: all, OpPos: pos, Op: syntax.AND, Y: one}
		}
	}
	if len(operands) > 2 {
		lambda.Body = all
		return call
	}
	return all
}

func (t *translator) comprehension(n *node) syntax.Expr {
	outer := t.scope
	defer func() { t.scope = outer }()
	pos := t.pos(n)
	c := &syntax.Comprehension{Curly: n.kind == "dictionary_comprehension", Lbrack: pos, Rbrack: pos}
	for _, k := range n.nodes() {
		switch k.kind {
		case "for_in_clause":
			if k.has("async") {
				t.refuse(k, "async")
			}
			if len(k.children("right")) != 1 {
				t.refuse(k, "this comprehension")
				continue
			}
			values := t.help(k, "iterate", t.expr(k.child("right")))
			names := map[string]bool{}
			bindTarget(k.child("left"), t.src, names)
			t.scope = t.scope.inner(names, nil)
			vars, after := t.target(k.child("left"))
			if len(after) > 0 {
				t.refuse(k, "a star in the variables of a comprehension")
			}
			c.Clauses = append(c.Clauses, &syntax.ForClause{For: t.pos(k), Vars: vars, In: t.pos(k), X: values})
		case "if_clause":
			c.Clauses = append(c.Clauses, &syntax.IfClause{If: t.pos(k), Cond: t.expr(k.nodes()[0])})
		}
	}
	body := n.child("body")
	if body.kind == "pair" {
		c.Body = &syntax.DictEntry{Key: t.expr(body.child("key")), Colon: t.pos(body), Value: t.expr(body.child("value"))}
	} else {
		c.Body = t.expr(body)
	}
	if n.kind == "set_comprehension" {
		return t.help(n, "set", c)
	}
	return c
}

// walrus binds a module variable inside an expression; Starlark has no way to
// bind a local one there.
func (t *translator) walrus(n *node) syntax.Expr {
	name := t.text(n.child("name"))
	if t.scope.isLocal(name) || t.scope.isMember(name) {
		t.refuse(n, "an assignment (:=) inside an expression of a function or class")
		return t.none(n)
	}
	return t.help(n, "setglobal", t.globals(n), t.str(n, name), t.expr(n.child("value")))
}
