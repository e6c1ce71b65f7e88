// Package chart draws SVG for pages: shapes with CSS classes and no colours of
// their own, so that a style sheet decides how they look in the light and in
// the dark. Everything that is drawn is escaped.
package chart

import (
	"embed"
	"html/template"
	"strings"
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
	Lines           []Line
}

// Line is a line of a node.
type Line struct {
	Text, Href string
	Marked     bool
}

// Edge leads from one node to another.
type Edge struct{ From, To string }

//go:embed *.svg
var files embed.FS

var templates = template.Must(template.New("").ParseFS(files, "*.svg"))

// SVG returns the drawing as an element of a page. Its size is in pixels; the
// page scrolls what is wider than itself.
func (p Placed) SVG() template.HTML {
	var out strings.Builder
	if err := templates.ExecuteTemplate(&out, "graph.svg", p); err != nil {
		panic(err) // of a template that a test draws
	}
	return template.HTML(out.String())
}
