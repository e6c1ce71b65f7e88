package chart

import (
	"strings"
	"testing"
)

// TestLayered lays out a graph with a circle and an edge to nowhere.
func TestLayered(t *testing.T) {
	p := Layered(Graph{
		Nodes: []Node{{ID: "a", Title: "<a>", Href: "javascript:x"}, {ID: "b", Title: "b"}, {ID: "c", Lines: []NodeLine{{Text: "x", Marked: true}}}, {ID: "d"}, {ID: "e"}},
		Edges: []Edge{{"a", "d"}, {"b", "c"}, {"c", "e"}, {"e", "c"}, {"a", "nowhere"}},
	})
	x := map[string]int{}
	for _, b := range p.Boxes {
		x[b.ID] = b.X
		if b.X < 0 || b.Y < 0 || b.X+b.W > p.Width || b.Y+b.H > p.Height {
			t.Errorf("%s is outside: %+v", b.ID, b)
		}
		for _, other := range p.Boxes {
			if other.ID != b.ID && other.X == b.X && other.Y < b.Y+b.H && b.Y < other.Y+other.H {
				t.Errorf("%s and %s overlap", b.ID, other.ID)
			}
		}
	}
	if x["a"] >= x["d"] || x["b"] >= x["c"] || len(p.Curves) != 4 {
		t.Errorf("layers %v, %d curves", x, len(p.Curves))
	}
	if svg := string(p.SVG()); strings.Contains(svg, "<a>") || strings.Contains(svg, "javascript:x") || !strings.Contains(svg, `class="line marked"`) {
		t.Error(svg)
	}
	if empty := Layered(Graph{}); empty.Width <= 0 || len(empty.Boxes) != 0 {
		t.Errorf("of nothing: %+v", empty)
	}
}
