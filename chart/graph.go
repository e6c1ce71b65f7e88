// Package chart draws SVG for pages: shapes with CSS classes and no colours of
// their own. The style sheet [CSS] gives them colours in the light and in the
// dark, by the variables --back, --raised, --line, --text and --quiet that a
// page defines. Everything that is drawn is escaped. A chart is one image to
// those who do not see it: beside it belongs a table of its numbers.
package chart

import (
	"embed"
	"html/template"
)

// Graph is what Layered lays out. IDs are unique; an edge whose ends are not
// nodes is left out.
type Graph struct {
	Nodes []Node
	Edges []Edge
}

// Node is a box with a title and lines below it, each a link where it has an
// address.
type Node struct {
	ID, Title, Href string
	Class           string // of CSS
	Marked          bool
	Lines           []NodeLine
}

// NodeLine is a line of a node.
type NodeLine struct {
	Text, Href string
	Marked     bool
}

// Edge leads from one node to another.
type Edge struct{ From, To string }

// CSS is the style sheet of all that this package draws.
//
//go:embed chart.css
var CSS string

//go:embed *.svg
var files embed.FS

var templates = template.Must(template.New("").ParseFS(files, "*.svg"))

// SVG returns the drawing as an element of a page. Its size is in pixels; the
// page scrolls what is wider than itself.
func (p Placed) SVG() template.HTML {
	return svg("graph.svg", p)
}
