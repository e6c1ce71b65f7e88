package python

import (
	"strings"

	"go.starlark.net/syntax"
)

// importStatement translates import and from-import into calls of helpers.
func (t *translator) importStatement(n *node) []syntax.Stmt {
	t.module.imports = append(t.module.imports, importLine{text: t.text(n), names: importedNames(n, t.src)})
	if n.kind == "import_statement" {
		return t.plainImport(n)
	}
	from := n.child("module_name")
	name, level := t.moduleName(from)
	module := []syntax.Expr{t.globals(n), t.str(from, name), t.int(from, level)}
	for _, k := range n.kids {
		if k.kind == "wildcard_import" {
			return []syntax.Stmt{&syntax.ExprStmt{X: t.help(k, "importstar", module...)}}
		}
	}
	var stmts []syntax.Stmt
	for _, k := range n.children("name") {
		imported, bound := k, k
		if k.kind == "aliased_import" {
			imported, bound = k.child("name"), k.child("alias")
		}
		value := t.help(k, "importname", append(module[:3:3], t.str(k, t.text(imported)))...)
		stmts = append(stmts, t.assign(k, t.variable(k, t.text(bound)), value))
	}
	return stmts
}

func (t *translator) plainImport(n *node) []syntax.Stmt {
	var stmts []syntax.Stmt
	for _, k := range n.children("name") {
		imported, bound, whole := k, "", "0"
		if k.kind == "aliased_import" {
			imported, bound, whole = k.child("name"), t.text(k.child("alias")), "1"
		} else {
			bound = t.text(k.nodes()[0])
		}
		value := t.help(k, "import", t.globals(k), t.str(k, t.text(imported)), t.str(k, whole))
		stmts = append(stmts, t.assign(k, t.variable(k, bound), value))
	}
	return stmts
}

// moduleName splits the dots of a relative import from the name behind them.
func (t *translator) moduleName(n *node) (name string, level int64) {
	text := strings.ReplaceAll(t.text(n), " ", "")
	name = strings.TrimLeft(text, ".")
	return name, int64(len(text) - len(name))
}
