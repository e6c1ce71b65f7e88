package pipeline

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/asof-dev/asof"
)

// reading collects what is wrong in one pipeline file, each with its line and
// a caret under the place.
type reading struct {
	path     string
	lines    []string
	problems asof.Problems
}

func (r *reading) place(n ast.Node) asof.Place {
	return asof.Place{File: r.path, Line: n.GetToken().Position.Line}
}

func (r *reading) problem(n ast.Node, format string, args ...any) {
	message := fmt.Sprintf(format, args...) + r.pointed(n.GetToken().Position)
	r.problems = append(r.problems, asof.Problem{Place: r.place(n), Message: message})
}

// pointed returns the line of a position, and a caret under the place.
func (r *reading) pointed(p *token.Position) string {
	if p.Line < 1 || p.Line > len(r.lines) {
		return ""
	}
	return "\n    " + strings.ReplaceAll(r.lines[p.Line-1], "\t", " ") + "\n    " + strings.Repeat(" ", max(p.Column-1, 0)) + "^"
}

// entry is one key of a mapping and its value.
type entry struct {
	name  string
	key   ast.Node
	value ast.Node
}

// entries returns the keys of a mapping in their order.
func (r *reading) entries(n ast.Node, what string) []entry {
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		r.problem(n, "%s has to be `key: value` lines", what)
		return nil
	}
	entries := make([]entry, len(values))
	for i, v := range values {
		entries[i] = entry{name: v.Key.GetToken().Value, key: v.Key, value: v.Value}
	}
	return entries
}

// object returns the values of a mapping by key; a key that is not known, and
// one that is missing, is a mistake.
func (r *reading) object(n ast.Node, what string, ks keys) map[string]ast.Node {
	values := r.known(n, what, ks.names())
	for _, k := range ks {
		if k.required && values[k.name] == nil && isMapping(n) {
			r.problem(n, "%s needs `%s`", what, k.name)
		}
	}
	return values
}

// known returns the values of a mapping whose keys are all among known.
func (r *reading) known(n ast.Node, what string, known []string) map[string]ast.Node {
	values := map[string]ast.Node{}
	for _, e := range r.entries(n, what) {
		if !slices.Contains(known, e.name) {
			r.problem(e.key, "unknown key %q in %s%s", e.name, what, orKnown(e.name, known))
			continue
		}
		values[e.name] = e.value
	}
	return values
}

func isMapping(n ast.Node) bool {
	_, ok := n.(ast.MapNode)
	return ok
}

// orKnown ends the sentence about an unknown name.
func orKnown[T ~string](name string, known []T) string {
	names := make([]string, len(known))
	for i, k := range known {
		names[i] = string(k)
	}
	if end := asof.DidYouMean(name, names); end != "" {
		return end
	}
	return "; known: " + strings.Join(names, ", ")
}

// text returns a scalar as it is written; nil is "".
func (r *reading) text(n ast.Node, what string) string {
	switch n := n.(type) {
	case nil:
		return ""
	case *ast.LiteralNode:
		return n.Value.Value
	case *ast.NullNode:
		r.problem(n, "%s has no value", what)
	case ast.ScalarNode:
		return n.GetToken().Value
	default:
		r.problem(n, "%s has to be one value", what)
	}
	return ""
}

// texts returns a list of scalars, or one scalar as a list of it.
func (r *reading) texts(n ast.Node, what string) []string {
	if n == nil {
		return nil
	}
	sequence, ok := n.(*ast.SequenceNode)
	if !ok {
		return []string{r.text(n, what)}
	}
	list := make([]string, len(sequence.Values))
	for i, v := range sequence.Values {
		list[i] = r.text(v, what)
	}
	return list
}

func (r *reading) boolean(n ast.Node, what string) bool {
	if n == nil {
		return false
	}
	value, ok := n.(*ast.BoolNode)
	if !ok {
		r.problem(n, "%s has to be true or false", what)
		return false
	}
	return value.Value
}

// items returns the nodes of a list.
func (r *reading) items(n ast.Node, what string) []ast.Node {
	if n == nil {
		return nil
	}
	sequence, ok := n.(*ast.SequenceNode)
	if !ok {
		r.problem(n, "%s has to be a list: lines that start with `- `", what)
		return nil
	}
	return sequence.Values
}
