package python

import (
	"slices"

	"go.starlark.net/starlark"
)

// try runs a try statement at a module's own level, where statements run one by
// one. (Within functions nothing can be caught.) What Python would raise is
// caught; what cannot be run here is not.
func (m *Module) try(t *translator, n *node, env starlark.StringDict) []*Error {
	failed := m.attemptAll(t, n.child("body"), env)
	caught := false
	for _, clause := range n.nodes() {
		switch clause.kind {
		case "except_clause":
			if len(failed) == 0 || caught || !catches(clause, failed[0], m.src) {
				continue
			}
			caught = true
			if value := clause.child("value"); value != nil && value.child("alias") != nil {
				m.globals[value.child("alias").text(m.src)] = starlark.String(failed[0].Message)
			}
			failed = m.attemptAll(t, clause, env)
		case "except_group_clause":
			t.refuse(clause, "except*")
			return t.takeErrors()
		case "else_clause":
			if len(failed) == 0 && !caught {
				failed = m.attemptAll(t, clause.child("body"), env)
			}
		case "finally_clause":
			failed = append(failed, m.attemptAll(t, clause, env)...)
		}
	}
	return failed
}

// attemptAll runs the statements of a block, or of the block that a clause ends
// with, up to the first that fails.
func (m *Module) attemptAll(t *translator, n *node, env starlark.StringDict) []*Error {
	kids := n.nodes()
	if last := kids[len(kids)-1]; last.kind == "block" {
		kids = last.nodes()
	}
	for _, statement := range kids {
		if failed := m.attempt(t, statement, env); len(failed) > 0 || m.in.spent() {
			return failed
		}
	}
	return nil
}

// catches tells whether an except clause is for a failure. Of Python's
// exceptions only those of imports are told apart.
func catches(clause *node, failure *Error, src []byte) bool {
	if failure.Kind != Failed && failure.Kind != Import {
		return false
	}
	value := clause.child("value")
	if value == nil {
		return true
	}
	caught := map[string]bool{}
	usedNames(value, src, caught)
	if value.child("alias") != nil {
		delete(caught, value.child("alias").text(src))
	}
	isImport := func(name string) bool { return name == "ImportError" || name == "ModuleNotFoundError" }
	return caught["Exception"] || caught["BaseException"] ||
		slices.ContainsFunc(sortedKeys(caught), func(name string) bool { return isImport(name) == (failure.Kind == Import) })
}
