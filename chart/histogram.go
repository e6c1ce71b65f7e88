package chart

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"sort"
	"strings"
	"time"
)

// Histogram shows distributions of numbers over the same bins, one drawn over
// the other: of a bar the area is the share. What lies beyond the ends, the
// outermost hundredth of the first distribution, has a bar on either side.
type Histogram struct {
	Frame
	Edges  []float64 // ascending
	Times  bool      // edges are seconds since 1970
	Series []Distribution
}

// Distribution is how many values are in each bin: up to the first edge, above
// it and up to the next, …, above the last.
type Distribution struct {
	Name   string
	Counts []int64
}

// drawnHistogram is what the template histogram.svg draws.
type drawnHistogram struct {
	drawing
	Shapes []shape
	Slots  []slot
}

// shape is the outline of a distribution.
type shape struct {
	Number int
	Path   string
}

// slot is one or several bins that are drawn as one bar.
type slot struct {
	Beyond bool // the ends of what is true to scale
	X1, X2 float64
	Says   string
	first  int // bins
	last   int
	shares []float64 // of each series
}

// SVG returns the chart as an element of a page. Counts that do not fit the
// edges are drawn as no distribution.
func (h Histogram) SVG() template.HTML {
	var names []string
	for _, s := range h.Series {
		names = append(names, s.Name)
	}
	d := drawnHistogram{drawing: newDrawing(h.Frame, names)}
	if h.fits() {
		d.Empty = ""
		d.Slots, d.Across = h.place(&d.drawing)
		h.fill(&d)
	}
	return svg("histogram.svg", d)
}

// fits reports whether there is something to draw.
func (h Histogram) fits() bool {
	some := false
	for _, s := range h.Series {
		if len(s.Counts) != 0 && len(s.Counts) != len(h.Edges)+1 {
			return false
		}
		some = some || total(s.Counts) > 0
	}
	for _, e := range h.Edges {
		some = some && drawable(e)
	}
	return some && len(h.Edges) > 0 && slices.IsSorted(h.Edges)
}

func total(counts []int64) (sum int64) {
	for _, n := range counts {
		sum += n
	}
	return sum
}

// place puts bins side by side: true to scale, or where that would leave fewer
// than three, each as wide as the others.
func (h Histogram) place(d *drawing) ([]slot, []mark) {
	low, high := h.ends()
	inner := h.merged(low, high)
	if len(inner) < 3 {
		return h.even(d)
	}
	var widths []float64
	for _, s := range inner {
		widths = append(widths, h.Edges[s.last]-h.Edges[s.first-1])
	}
	sort.Float64s(widths)
	whole := h.Edges[high] - h.Edges[low]
	side := min(max(widths[len(widths)/2], whole/40), whole/8)
	from, to := h.Edges[low], h.Edges[high]
	slots := inner
	if h.any(0, low) {
		slots, from = slices.Insert(slots, 0, slot{Beyond: true, first: 0, last: low}), from-side
	}
	if h.any(high+1, len(h.Edges)) {
		slots, to = append(slots, slot{Beyond: true, first: high + 1, last: len(h.Edges)}), to+side
	}
	x := newAxis([]float64{from, to}, d.Left, d.Right)
	scaled := newAxis([]float64{h.Edges[low], h.Edges[high]}, x.at(h.Edges[low]), x.at(h.Edges[high]))
	for i := range slots {
		s := &slots[i]
		s.X1, s.X2 = d.Left, d.Right
		if s.first > 0 {
			s.X1 = x.at(h.Edges[s.first-1])
		}
		if s.last < len(h.Edges) {
			s.X2 = x.at(h.Edges[s.last])
		}
	}
	if h.Times {
		return slots, timeMarks(scaled, inTime(scaled.Min), inTime(scaled.Max), int((d.Right-d.Left)/apart))
	}
	return slots, scaled.marks(8, "")
}

func inTime(seconds float64) time.Time { return time.UnixMicro(int64(seconds * 1e6)).UTC() }

// ends returns the edges between which bins are true to scale: beyond them is
// about a hundredth of the first distribution, or what is one value alone.
func (h Histogram) ends() (low, high int) {
	const beyond = 0.015
	counts := h.Series[0].Counts
	whole := float64(total(counts))
	low, high = 0, len(h.Edges)-1
	narrow := (h.Edges[high] - h.Edges[low]) * 1e-6
	for low < high && whole > 0 && (float64(total(counts[:low+2])) <= beyond*whole || h.Edges[low+1]-h.Edges[low] <= narrow) {
		low++
	}
	for high > low && whole > 0 && float64(total(counts[high:])) <= beyond*whole {
		high--
	}
	return low, high
}

// merged returns the bins between two edges; too narrow ones are drawn with the
// next, or the last with the one before.
func (h Histogram) merged(low, high int) (slots []slot) {
	narrowest := (h.Edges[high] - h.Edges[low]) / 80
	for bin := low + 1; bin <= high; bin++ {
		if n := len(slots); n > 0 && h.Edges[slots[n-1].last]-h.Edges[slots[n-1].first-1] < narrowest {
			slots[n-1].last = bin
			continue
		}
		slots = append(slots, slot{first: bin, last: bin})
	}
	if n := len(slots); n > 1 && h.Edges[slots[n-1].last]-h.Edges[slots[n-1].first-1] < narrowest {
		slots[n-2].last = slots[n-1].last
		slots = slots[:n-1]
	}
	return slots
}

// even gives each bin the same width, and leaves out the outer ones that are empty.
func (h Histogram) even(d *drawing) ([]slot, []mark) {
	var slots []slot
	var labels []string
	for bin := 0; bin <= len(h.Edges); bin++ {
		if bin > 0 && bin < len(h.Edges) || h.any(bin, bin) {
			slots = append(slots, slot{first: bin, last: bin})
			labels = append(labels, h.label(bin, bin))
		}
	}
	categories(d, labels)
	step := (d.Right - d.Left) / float64(len(slots))
	for i := range slots {
		slots[i].X1, slots[i].X2 = rounded(d.Left+step*float64(i)), rounded(d.Left+step*float64(i+1))
	}
	return slots, d.Across
}

// any reports whether a distribution has values in the bins from one to another.
func (h Histogram) any(first, last int) bool {
	for _, s := range h.Series {
		if len(s.Counts) > 0 && total(s.Counts[first:last+1]) > 0 {
			return true
		}
	}
	return false
}

// Label says which values are in a bin.
func (h Histogram) Label(bin int) string { return h.label(bin, bin) }

// label says which values are in the bins from one to another.
func (h Histogram) label(first, last int) string {
	write := Number
	if h.Times {
		write = func(v float64) string {
			return strings.TrimSuffix(inTime(v).Format("2006-01-02 15:04"), " 00:00")
		}
	}
	switch {
	case first == 0 && last == 0 && len(h.Edges) > 1 && alike(h.Edges[0], h.Edges[1]):
		return "< " + write(h.Edges[1])
	case first == 0:
		return "≤ " + write(h.Edges[last])
	case last == len(h.Edges):
		return "> " + write(h.Edges[first-1])
	case alike(h.Edges[first-1], h.Edges[last]):
		return write(h.Edges[last])
	}
	return write(h.Edges[first-1]) + " – " + write(h.Edges[last])
}

// alike reports whether between two edges is one number alone.
func alike(a, b float64) bool { return math.Nextafter(a, math.Inf(1)) == b }

// fill draws the shares as heights above the slots.
func (h Histogram) fill(d *drawnHistogram) {
	highest := 0.0
	for i := range d.Slots {
		s := &d.Slots[i]
		says := []string{h.label(s.first, s.last)}
		for _, series := range h.Series {
			share := 0.0
			if n := total(series.Counts); n > 0 {
				share = float64(total(series.Counts[s.first:s.last+1])) / float64(n)
			}
			s.shares = append(s.shares, share)
			highest = max(highest, share/(s.X2-s.X1))
			says = append(says, fmt.Sprintf("%s %.1f %%", series.Name, 100*share))
		}
		s.Says = strings.Join(says, "\n")
	}
	for i, series := range h.Series {
		if total(series.Counts) == 0 {
			continue
		}
		var path strings.Builder
		fmt.Fprintf(&path, "M%g %g", d.Slots[0].X1, d.Bottom)
		for _, s := range d.Slots {
			y := rounded(d.Bottom - s.shares[i]/(s.X2-s.X1)/highest*(d.Bottom-d.Top))
			fmt.Fprintf(&path, "L%g %gL%g %g", s.X1, y, s.X2, y)
		}
		fmt.Fprintf(&path, "L%g %gZ", d.Slots[len(d.Slots)-1].X2, d.Bottom)
		d.Shapes = append(d.Shapes, shape{i + 1, path.String()})
	}
}
