package python

import (
	"strings"

	"go.starlark.net/syntax"
)

// refused are the statements that are not translated, and what to do instead.
var refused = map[string]struct{ what, instead string }{
	// A class that only holds values is translated (see classDefinition).
	"class_definition":     {"a class", "keep its values in variables of the module or in a dict"},
	"try_statement":        {"a try statement within another statement", "move it to the module's own level, or test first"},
	"match_statement":      {"a match statement", "write if and elif"},
	"nonlocal_statement":   {"a nonlocal statement", "return the value, or change a list or dict"},
	"exec_statement":       {"an exec statement", "write what it runs"},
	"print_statement":      {"a print statement of Python 2", "write print(…)"},
	"type_alias_statement": {"a type statement", "leave the annotation out"},
}

// statement translates one statement.
func (t *translator) statement(n *node) []syntax.Stmt {
	if n.kind == "class_definition" {
		return t.classDefinition(n, n)
	}
	if r, ok := refused[n.kind]; ok {
		t.fail(n, Unsupported, r.what+" cannot be read without Python", r.instead+", "+byPython)
		return nil
	}
	switch n.kind {
	case "expression_statement":
		return t.expressionStatement(n)
	case "import_statement", "import_from_statement":
		return t.importStatement(n)
	case "future_import_statement", "global_statement", "comment":
		return nil
	case "if_statement":
		return t.ifStatement(n)
	case "for_statement":
		return t.forStatement(n)
	case "while_statement":
		return t.whileStatement(n)
	case "with_statement":
		return t.withStatement(n)
	case "function_definition":
		return t.define(n, n)
	case "decorated_definition":
		return t.decorated(n)
	case "return_statement":
		stmt := &syntax.ReturnStmt{Return: t.pos(n)}
		if kids := n.nodes(); len(kids) > 0 {
			stmt.Result = t.expr(kids[0])
		}
		return []syntax.Stmt{stmt}
	case "pass_statement":
		return []syntax.Stmt{t.pass(n)}
	case "break_statement":
		return []syntax.Stmt{&syntax.BranchStmt{Token: syntax.BREAK, TokenPos: t.pos(n)}}
	case "continue_statement":
		return []syntax.Stmt{&syntax.BranchStmt{Token: syntax.CONTINUE, TokenPos: t.pos(n)}}
	case "raise_statement":
		return t.raiseStatement(n)
	case "assert_statement":
		return t.assertStatement(n)
	case "delete_statement":
		return t.deleteStatement(n)
	}
	t.refuse(n, "a "+strings.ReplaceAll(n.kind, "_", " "))
	return nil
}

func (t *translator) pass(n *node) syntax.Stmt {
	return &syntax.BranchStmt{Token: syntax.PASS, TokenPos: t.pos(n)}
}

// block translates the statements of a block; an empty one becomes pass.
func (t *translator) block(n *node) []syntax.Stmt {
	var stmts []syntax.Stmt
	for _, k := range n.nodes() {
		stmts = append(stmts, t.statement(k)...)
	}
	if len(stmts) == 0 {
		stmts = []syntax.Stmt{t.pass(n)}
	}
	return stmts
}

func (t *translator) expressionStatement(n *node) []syntax.Stmt {
	var stmts []syntax.Stmt
	for _, k := range n.nodes() {
		switch k.kind {
		case "assignment":
			stmts = append(stmts, t.assignment(k)...)
		case "augmented_assignment":
			stmts = append(stmts, t.augmentedAssignment(k)...)
		case "string", "concatenated_string", "ellipsis":
			// A docstring, or a placeholder for a body.
		default:
			stmts = append(stmts, &syntax.ExprStmt{X: t.expr(k)})
		}
	}
	return stmts
}

func (t *translator) ifStatement(n *node) []syntax.Stmt {
	condition := n.child("condition")
	if t.isMainGuard(condition) {
		return nil // the file is imported, so this part never runs
	}
	stmt := &syntax.IfStmt{If: t.pos(n), Cond: t.expr(condition), True: t.block(n.child("consequence"))}
	last := stmt
	for _, alt := range n.children("alternative") {
		last.ElsePos = t.pos(alt)
		if alt.kind == "else_clause" {
			last.False = t.block(alt.child("body"))
			break
		}
		next := &syntax.IfStmt{If: t.pos(alt), Cond: t.expr(alt.child("condition")), True: t.block(alt.child("consequence"))}
		last.False = []syntax.Stmt{next}
		last = next
	}
	return []syntax.Stmt{stmt}
}

// isMainGuard recognises __name__ == "__main__".
func (t *translator) isMainGuard(n *node) bool {
	for n.kind == "parenthesized_expression" && len(n.nodes()) == 1 {
		n = n.nodes()[0]
	}
	if n.kind != "comparison_operator" {
		return false
	}
	kids := n.nodes()
	if len(kids) != 2 || !n.has("==") {
		return false
	}
	left, right := t.text(kids[0]), t.text(kids[1])
	if right == "__name__" {
		left, right = right, left
	}
	return left == "__name__" && strings.Trim(right, `'"`) == "__main__"
}

func (t *translator) forStatement(n *node) []syntax.Stmt {
	if alt := n.child("alternative"); alt != nil {
		t.refuse(alt, "the else of a for loop")
	}
	if n.has("async") {
		t.refuse(n, "async")
	}
	values := t.help(n.child("right"), "iterate", t.expr(n.child("right")))
	target, after := t.target(n.child("left"))
	body := append(after, t.block(n.child("body"))...)
	return []syntax.Stmt{&syntax.ForStmt{For: t.pos(n), Vars: target, X: values, Body: body}}
}

func (t *translator) whileStatement(n *node) []syntax.Stmt {
	if alt := n.child("alternative"); alt != nil {
		t.refuse(alt, "the else of a while loop")
	}
	return []syntax.Stmt{&syntax.WhileStmt{While: t.pos(n), Cond: t.expr(n.child("condition")), Body: t.block(n.child("body"))}}
}

// withStatement runs the body with what is entered; only files that were opened
// for reading can be, and they need no closing.
func (t *translator) withStatement(n *node) []syntax.Stmt {
	if n.has("async") {
		t.refuse(n, "async")
	}
	var stmts []syntax.Stmt
	for _, clause := range n.nodes() {
		if clause.kind != "with_clause" {
			continue
		}
		for _, item := range clause.nodes() {
			value := item.child("value")
			if value.kind != "as_pattern" {
				stmts = append(stmts, &syntax.ExprStmt{X: t.help(value, "enter", t.expr(value))})
				continue
			}
			target, after := t.target(value.child("alias").nodes()[0])
			entered := t.help(value, "enter", t.expr(value.nodes()[0]))
			stmts = append(append(stmts, t.assign(value, target, entered)), after...)
		}
	}
	return append(stmts, t.block(n.child("body"))...)
}

func (t *translator) raiseStatement(n *node) []syntax.Stmt {
	var raised syntax.Expr = t.str(n, "raise")
	if kids := n.nodes(); len(kids) > 0 {
		raised = t.expr(kids[0])
	}
	return []syntax.Stmt{&syntax.ExprStmt{X: t.help(n, "raise", raised)}}
}

func (t *translator) assertStatement(n *node) []syntax.Stmt {
	kids := n.nodes()
	message := t.str(n, "the assertion does not hold: "+kids[0].firstLine(t.src))
	if len(kids) > 1 {
		message = t.expr(kids[1])
	}
	return []syntax.Stmt{&syntax.IfStmt{
		If: t.pos(n), Cond: t.expr(kids[0]), True: []syntax.Stmt{t.pass(n)},
		ElsePos: t.pos(n), False: []syntax.Stmt{&syntax.ExprStmt{X: t.help(n, "raise", message)}},
	}}
}

// deleteStatement handles names of the module and items of dicts and lists.
func (t *translator) deleteStatement(n *node) []syntax.Stmt {
	targets := n.nodes()
	if len(targets) == 1 && (targets[0].kind == "expression_list" || targets[0].kind == "tuple") {
		targets = targets[0].nodes()
	}
	var stmts []syntax.Stmt
	for _, k := range targets {
		switch {
		case k.kind == "identifier" && !t.scope.isLocal(t.text(k)):
			stmts = append(stmts, &syntax.ExprStmt{X: t.help(k, "delglobal", t.globals(k), t.str(k, t.text(k)))})
		case k.kind == "identifier":
			stmts = append(stmts, t.assign(k, t.variable(k, t.text(k)), t.none(k)))
		case k.kind == "subscript" && len(k.children("subscript")) == 1:
			stmts = append(stmts, &syntax.ExprStmt{X: t.help(k, "delitem", t.expr(k.child("value")), t.expr(k.child("subscript")))})
		default:
			t.refuse(k, "this del statement")
		}
	}
	return stmts
}
