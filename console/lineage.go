package console

import (
	"context"
	"html/template"
	"strings"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/chart"
)

// traced is the page of what reads what.
type traced struct {
	Focus *link         `json:"focus,omitempty"`
	Nodes []tracedNode  `json:"nodes"`
	Edges []tracedEdge  `json:"edges"`
	More  int           `json:"more"` // nodes that are left off the page; JSON has all
	Query string        `json:"-"`
	Found []entry       `json:"-"`
	Graph template.HTML `json:"-"`
}

// tracedNode is an object with its columns.
type tracedNode struct {
	link
	Columns []column `json:"columns,omitempty"`
}

// tracedEdge says that To reads From.
type tracedEdge struct {
	From link `json:"from"`
	To   link `json:"to"`
}

const (
	nodeLimit   = 500 // nodes on a page
	columnLimit = 40  // nodes up to which their columns are shown
	foundLimit  = 20  // objects that a search for a focus lists
	nodeLetters = 28  // of a name, in a node
)

// lineage shows the graph of all objects, or what stands before and behind one.
func lineage(_ context.Context, c *Console, r *request) (any, error) {
	t := &traced{Nodes: []tracedNode{}, Edges: []tracedEdge{}, Query: r.URL.Query().Get("q")}
	if t.Query != "" {
		found := search(r.words, t.Query)
		t.Found = found[:min(len(found), foundLimit)]
	}
	keep := map[link]bool{}
	if focus := r.URL.Query().Get("focus"); focus != "" {
		kind, name, _ := strings.Cut(focus, "/")
		t.Focus = &link{kind, name}
		if !r.has(*t.Focus) || kind == "entity" {
			return nil, asof.Errorf(asof.CodeNotFound, "the lineage has no %q; take one from %s/lineage", focus, c.o.RootPath)
		}
		keep = r.network.around(*t.Focus)
	}
	for _, n := range r.network.nodes {
		switch {
		case t.Focus != nil && !keep[n]:
		case t.Focus == nil && len(t.Nodes) == nodeLimit && !wantsJSON(r.Request):
			t.More++
		default:
			keep[n] = true
			t.Nodes = append(t.Nodes, tracedNode{n, r.network.columns[n]})
		}
	}
	for _, n := range t.Nodes {
		for _, from := range r.network.reads[n.link] {
			if keep[from] {
				t.Edges = append(t.Edges, tracedEdge{from, n.link})
			}
		}
	}
	if wantsJSON(r.Request) {
		return t, nil
	}
	if t.Focus == nil {
		t.Graph = r.graph(func() template.HTML { return t.draw(c) })
		return t, nil
	}
	t.Graph = t.draw(c)
	return t, nil
}

func (v *view) has(l link) bool {
	for _, e := range v.words {
		if e.link == l {
			return true
		}
	}
	return false
}

// draw lays the graph out. Nodes lead to the graph around them, columns to that
// of their feature.
func (t *traced) draw(c *Console) template.HTML {
	g := chart.Graph{}
	for _, n := range t.Nodes {
		node := chart.Node{ID: n.id(), Title: chart.Shortened(n.Name, nodeLetters), Class: n.Kind, Href: c.o.RootPath + n.Lineage(), Marked: t.Focus != nil && *t.Focus == n.link}
		seen := map[string]bool{}
		for _, column := range n.Columns {
			if len(t.Nodes) <= columnLimit && !seen[column.Name] {
				seen[column.Name] = true
				node.Lines = append(node.Lines, chart.NodeLine{Text: chart.Shortened(column.Name, nodeLetters), Href: c.o.RootPath + column.Of.Lineage(), Marked: t.Focus != nil && *t.Focus == column.Of})
			}
		}
		g.Nodes = append(g.Nodes, node)
	}
	for _, e := range t.Edges {
		g.Edges = append(g.Edges, chart.Edge{From: e.From.id(), To: e.To.id()})
	}
	return chart.Layered(g).SVG()
}
