package python

import (
	"fmt"
	"strings"
	"time"

	tree_sitter "github.com/tree-sitter/go-tree-sitter"
	tree_sitter_python "github.com/tree-sitter/tree-sitter-python/bindings/go"
)

// Limits on what is parsed: definition files are small, and a text that is not
// Python makes the parser's error recovery slow.
const (
	maxFileSize  = 1 << 20
	maxParseTime = 2 * time.Second
	maxDepth     = 1000
)

// A node is one node of a parsed file, copied out of tree-sitter's memory.
type node struct {
	kind  string // tree-sitter's name, or the token itself
	field string // its part in the parent, "" if none
	named bool
	wrong bool // an error, or a token that is missing
	start uint
	end   uint
	line  int // from 1
	col   int // from 1, in bytes
	kids  []*node
}

// child returns the child that plays the given part, or nil.
func (n *node) child(field string) *node {
	for _, k := range n.kids {
		if k.field == field {
			return k
		}
	}
	return nil
}

// children returns the children that play the given part.
func (n *node) children(field string) []*node {
	var all []*node
	for _, k := range n.kids {
		if k.field == field {
			all = append(all, k)
		}
	}
	return all
}

// named children, comments left out.
func (n *node) nodes() []*node {
	all := make([]*node, 0, len(n.kids))
	for _, k := range n.kids {
		if k.named && k.kind != "comment" && k.kind != "line_continuation" {
			all = append(all, k)
		}
	}
	return all
}

// has tells whether the node has a token of the given kind.
func (n *node) has(kind string) bool {
	for _, k := range n.kids {
		if k.kind == kind {
			return true
		}
	}
	return false
}

func (n *node) text(src []byte) string { return string(src[n.start:n.end]) }

// firstLine returns the beginning of the node's text, for messages.
func (n *node) firstLine(src []byte) string {
	text, _, _ := strings.Cut(n.text(src), "\n")
	return strings.TrimSpace(text)
}

// parse returns the tree of a file, or the first syntax error.
func parse(file string, src []byte) (*node, *Error) {
	if len(src) > maxFileSize {
		return nil, &Error{Kind: Syntax, Place: Place{File: file},
			Message: fmt.Sprintf("the file has %d bytes, more than the %d that a definition file may have", len(src), maxFileSize)}
	}
	parser := tree_sitter.NewParser()
	defer parser.Close()
	if err := parser.SetLanguage(tree_sitter.NewLanguage(tree_sitter_python.Language())); err != nil {
		return nil, &Error{Kind: Syntax, Place: Place{File: file}, Message: err.Error()}
	}
	deadline := time.Now().Add(maxParseTime)
	read := func(offset int, _ tree_sitter.Point) []byte {
		if offset >= len(src) {
			return nil
		}
		return src[offset:]
	}
	tree := parser.ParseWithOptions(read, nil, &tree_sitter.ParseOptions{
		ProgressCallback: func(tree_sitter.ParseState) bool { return time.Now().After(deadline) },
	})
	if tree == nil {
		return nil, &Error{Kind: Syntax, Place: Place{File: file}, Message: "the file takes too long to parse: is it Python?"}
	}
	defer tree.Close()
	cursor := tree.Walk()
	defer cursor.Close()
	root, tooDeep := copyTree(cursor, 0)
	if tooDeep != nil {
		return nil, &Error{Kind: Syntax, Place: tooDeep.place(file, src), Message: "the expression is nested too deeply"}
	}
	if tree.RootNode().HasError() {
		return nil, syntaxError(file, src, root)
	}
	return root, nil
}

// copyTree copies the node under the cursor and all below it. Where the tree
// is deeper than maxDepth it stops and returns the node.
func copyTree(cursor *tree_sitter.TreeCursor, depth int) (n, tooDeep *node) {
	at := cursor.Node()
	start, point := at.StartByte(), at.StartPosition()
	n = &node{
		kind: at.Kind(), field: cursor.FieldName(), named: at.IsNamed(), wrong: at.IsError() || at.IsMissing(),
		start: start, end: at.EndByte(), line: int(point.Row) + 1, col: int(point.Column) + 1,
	}
	if depth > maxDepth {
		return n, n
	}
	if cursor.GotoFirstChild() {
		for more := true; more; more = cursor.GotoNextSibling() {
			var kid *node
			if kid, tooDeep = copyTree(cursor, depth+1); tooDeep != nil {
				return n, tooDeep
			}
			n.kids = append(n.kids, kid)
		}
		cursor.GotoParent()
	}
	return n.untangled(), nil
}

// untangled puts right what the grammar gets wrong in some places, where it
// reads *f(x) as (*f)(x).
func (n *node) untangled() *node {
	if n.kind != "call" && n.kind != "attribute" && n.kind != "subscript" || n.kids[0].kind != "list_splat" {
		return n
	}
	star := n.kids[0]
	inner := star.kids[len(star.kids)-1]
	outer := *star
	outer.field, outer.end = n.field, n.end
	inner.field = star.field
	n.field, n.start, n.line, n.col, n.kids[0] = "", inner.start, inner.line, inner.col, inner
	outer.kids = append(star.kids[:len(star.kids)-1:len(star.kids)-1], n)
	return &outer
}

func (n *node) place(file string, src []byte) Place {
	return Place{File: file, Line: n.line, Col: n.col, Text: n.firstLine(src)}
}

// syntaxError reports the first spot that tree-sitter could not make sense of.
func syntaxError(file string, src []byte, root *node) *Error {
	e := &Error{Kind: Syntax, Place: root.place(file, src), Message: "this is not valid Python"}
	if wrong := firstWrong(root); wrong != nil {
		e.Place = wrong.place(file, src)
		lines := strings.Split(string(src), "\n")
		if e.Line <= len(lines) {
			e.Text = strings.TrimSpace(lines[e.Line-1])
		}
		if wrong.start == wrong.end {
			e.Message = fmt.Sprintf("this is not valid Python: %q is missing", wrong.kind)
		}
	}
	return e
}

func firstWrong(n *node) *node {
	for _, k := range n.kids {
		if w := firstWrong(k); w != nil {
			return w
		}
	}
	if n.wrong {
		return n
	}
	return nil
}
