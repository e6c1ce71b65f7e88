package pipeline

import (
	"maps"
	"slices"

	"github.com/goccy/go-yaml/ast"
)

// anchors puts the values of YAML's anchors in the place of their aliases.
type anchors struct {
	*reading
	named map[string]anchored
}

// anchored is a value with its aliases resolved.
type anchored struct {
	ast.Node
	size int // values in it
}

// mostAliased is how many values the aliases of a file may stand for: a few
// lines of aliases of aliases would be billions.
const mostAliased = 100_000

// resolve returns a value without anchors and aliases. An alias stands for the
// newest anchor of its name before it.
func (a *anchors) resolve(n ast.Node) anchored {
	size := 1
	switch n := n.(type) {
	case *ast.AnchorNode:
		value := a.resolve(n.Value)
		a.named[n.Name.GetToken().Value] = value
		return value
	case *ast.AliasNode:
		name := n.Value.GetToken().Value
		value, known := a.named[name]
		if !known {
			a.problem(n, "the alias *%s stands for no anchor before it%s", name, orKnown(name, slices.Sorted(maps.Keys(a.named))))
			return anchored{n, 1}
		}
		return value
	case *ast.SequenceNode:
		for i, item := range n.Values {
			value := a.resolve(item)
			n.Values[i], size = value.Node, size+value.size
		}
	case *ast.MappingNode:
		for _, pair := range n.Values {
			size += a.pair(pair)
		}
		a.merge(n)
	case *ast.MappingValueNode:
		size += a.pair(n)
	}
	if size > mostAliased {
		a.problem(n, "its aliases stand for more than %d values", mostAliased)
		size = 1
	}
	return anchored{n, size}
}

func (a *anchors) pair(n *ast.MappingValueNode) int {
	value := a.resolve(n.Value)
	n.Value = value.Node
	return value.size
}

// merge adds the keys of the mappings behind <<; the mapping's own keys hold,
// then those of the first that has one.
func (a *anchors) merge(n *ast.MappingNode) {
	at := slices.IndexFunc(n.Values, func(pair *ast.MappingValueNode) bool { return pair.Key.IsMergeKey() })
	if at < 0 {
		return
	}
	from := n.Values[at].Value
	n.Values = slices.Delete(slices.Clone(n.Values), at, at+1)
	taken := map[string]bool{}
	for _, pair := range n.Values {
		taken[pair.Key.GetToken().Value] = true
	}
	list := []ast.Node{from}
	if sequence, ok := from.(*ast.SequenceNode); ok {
		list = sequence.Values
	}
	for _, other := range list {
		mapping, ok := other.(*ast.MappingNode)
		if !ok {
			a.problem(other, "<< takes a mapping, or a list of them")
			continue
		}
		for _, pair := range mapping.Values {
			if name := pair.Key.GetToken().Value; !taken[name] {
				taken[name] = true
				n.Values = append(n.Values, pair)
			}
		}
	}
}
