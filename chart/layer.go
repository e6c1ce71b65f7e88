package chart

import (
	"cmp"
	"slices"
)

// Placed is a graph with places, in pixels from the upper left corner.
type Placed struct {
	Width, Height int
	Boxes         []Box
	Curves        []Curve
}

// Box is where a node is, with its title and its lines.
type Box struct {
	Node
	X, Y, W, H int
	TX, TY     int // of the title
	Texts      []Text
}

// Text is where a line is.
type Text struct {
	NodeLine
	X, Y int
}

// Curve is an edge from the right of a node to the left of another; XM is the
// middle between them.
type Curve struct{ X1, Y1, X2, Y2, XM int }

// The sizes of a graph. A title of 28 letters fits into a node.
const (
	nodeWidth  = 230
	titleRow   = 28
	lineRow    = 20
	belowLines = 6
	gapAcross  = 90
	gapBetween = 14
	margin     = 12
	sweeps     = 30 // over the layers; crossings seldom get fewer after that
)

// Layered lays a graph out from left to right: a node stands behind all that
// lead to it, and in its layer near its neighbours, which keeps crossings few.
// The same graph has the same places. An edge that closes a circle is drawn and
// does not count for the layers.
func Layered(g Graph) Placed {
	l := newLayers(g)
	for range sweeps {
		l.sweep(l.before)
		l.sweepBack(l.after)
	}
	return l.place(g)
}

// layers are the places of nodes, by their numbers in the graph.
type layers struct {
	before, after [][]int // neighbours
	level         []int   // by node
	rows          [][]int // nodes by layer, from the top
	at            []int   // by node: its place in its layer
}

func newLayers(g Graph) *layers {
	n := len(g.Nodes)
	l := &layers{before: make([][]int, n), after: make([][]int, n), level: make([]int, n), at: make([]int, n)}
	number := map[string]int{}
	for i, node := range g.Nodes {
		number[node.ID] = i
	}
	for _, e := range g.Edges {
		from, known := number[e.From]
		to, too := number[e.To]
		if known && too && from != to {
			l.before[to], l.after[from] = append(l.before[to], from), append(l.after[from], to)
		}
	}
	done := make([]int, n) // 1: under way, 2: known
	var depth func(int) int
	depth = func(i int) int {
		if done[i] == 0 {
			done[i] = 1
			for _, b := range l.before[i] {
				if done[b] != 1 {
					l.level[i] = max(l.level[i], depth(b)+1)
				}
			}
			done[i] = 2
		}
		return l.level[i]
	}
	for i := range g.Nodes {
		for depth(i) >= len(l.rows) {
			l.rows = append(l.rows, nil)
		}
		l.at[i] = len(l.rows[l.level[i]])
		l.rows[l.level[i]] = append(l.rows[l.level[i]], i)
	}
	return l
}

// sweep orders each layer by the middle of its neighbours in the layers before.
func (l *layers) sweep(neighbours [][]int) {
	for i := range l.rows {
		l.order(i, neighbours)
	}
}

// sweepBack is sweep from the last layer to the first.
func (l *layers) sweepBack(neighbours [][]int) {
	for i := len(l.rows) - 1; i >= 0; i-- {
		l.order(i, neighbours)
	}
}

func (l *layers) order(layer int, neighbours [][]int) {
	middle := map[int]float64{}
	for _, i := range l.rows[layer] {
		middle[i] = float64(l.at[i]) / float64(len(l.rows[layer]))
		if len(neighbours[i]) > 0 {
			sum := 0.0
			for _, other := range neighbours[i] {
				sum += (float64(l.at[other]) + 0.5) / float64(len(l.rows[l.level[other]]))
			}
			middle[i] = sum / float64(len(neighbours[i]))
		}
	}
	slices.SortStableFunc(l.rows[layer], func(a, b int) int { return cmp.Compare(middle[a], middle[b]) })
	for place, i := range l.rows[layer] {
		l.at[i] = place
	}
}

// place turns layers into pixels; each is in the middle of the height.
func (l *layers) place(g Graph) Placed {
	p := Placed{Width: 2*margin + max(len(l.rows), 1)*(nodeWidth+gapAcross) - gapAcross}
	height := func(i int) int {
		if len(g.Nodes[i].Lines) == 0 {
			return titleRow
		}
		return titleRow + lineRow*len(g.Nodes[i].Lines) + belowLines
	}
	heights := make([]int, len(l.rows))
	for layer, row := range l.rows {
		for _, i := range row {
			heights[layer] += height(i) + gapBetween
		}
		p.Height = max(p.Height, heights[layer])
	}
	p.Boxes = make([]Box, len(g.Nodes))
	for layer, row := range l.rows {
		y := margin + (p.Height-heights[layer])/2
		for _, i := range row {
			x := margin + layer*(nodeWidth+gapAcross)
			b := Box{Node: g.Nodes[i], X: x, Y: y, W: nodeWidth, H: height(i), TX: x + 10, TY: y + 19}
			for n, line := range g.Nodes[i].Lines {
				b.Texts = append(b.Texts, Text{line, x + 18, y + titleRow + lineRow*n + 14})
			}
			p.Boxes[i] = b
			y += b.H + gapBetween
		}
	}
	p.Height += 2 * margin
	for to, list := range l.before {
		for _, from := range list {
			a, b := p.Boxes[from], p.Boxes[to]
			p.Curves = append(p.Curves, Curve{a.X + nodeWidth, a.Y + titleRow/2, b.X, b.Y + titleRow/2, (a.X + nodeWidth + b.X) / 2})
		}
	}
	return p
}
