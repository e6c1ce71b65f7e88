package chart

import (
	"html/template"
	"math"
)

// Bars compares numbers of categories: a row for each, with a bar for each
// series and its number behind it. The height follows from the rows.
type Bars struct {
	Frame
	Labels []string
	Series []Series // of a value for each label; bands are not drawn
	Unit   string   // written after numbers: " %"
}

// drawnBars is what the template bars.svg draws.
type drawnBars struct {
	drawing
	Rows []barRow
	Zero float64 // where bars begin
}

type barRow struct {
	Label, Whole string // shortened, and not
	Y            float64
	Bars         []bar
}

type bar struct {
	Number     int
	X, Y, W, H float64
	TextX      float64
	TextY      float64
	Text, Says string
}

const (
	barHeight = 14
	rowGap    = 10
	rowLabel  = 24 // letters
)

// SVG returns the chart as an element of a page.
func (b Bars) SVG() template.HTML {
	var names []string
	all := []float64{0}
	numbers := 0.0
	for _, s := range b.Series {
		names = append(names, s.Name)
		all = append(all, s.Values[:min(len(s.Values), len(b.Labels))]...)
		for _, v := range s.Values {
			numbers = max(numbers, wide(Number(v)+b.Unit))
		}
	}
	row := float64(barHeight*max(1, len(b.Series)) + rowGap)
	d := drawnBars{drawing: newDrawing(b.Frame, names)}
	d.Bottom = d.Top + row*float64(len(b.Labels))
	d.Height = int(math.Ceil(d.Bottom)) + gutter
	for _, label := range b.Labels {
		d.room([]mark{{0, Shortened(label, rowLabel)}})
	}
	if len(b.Labels) > 0 && len(b.Series) > 0 {
		d.Empty = ""
	}
	x := newAxis(all, d.Left, max(d.Right-numbers-8, d.Left+40))
	d.Zero = x.at(0)
	for i, label := range b.Labels {
		r := barRow{Label: Shortened(label, rowLabel), Whole: label, Y: rounded(d.Top + row*float64(i))}
		for n, s := range b.Series {
			r.Bars = append(r.Bars, b.bar(s, n, i, r.Y+rowGap/2, x))
		}
		d.Rows = append(d.Rows, r)
	}
	return svg("bars.svg", d)
}

// bar places the bar of a series in a row that begins at top.
func (b Bars) bar(s Series, number, at int, top float64, x axis) bar {
	v := math.NaN()
	if at < len(s.Values) {
		v = s.Values[at]
	}
	drawn := bar{Number: number + 1, X: x.at(0), Y: top + float64(barHeight*number), H: barHeight - 2, Text: Number(v)}
	if drawable(v) {
		drawn.Text += b.Unit
		drawn.X, drawn.W = min(x.at(0), x.at(v)), rounded(math.Abs(x.at(v)-x.at(0)))
	}
	drawn.TextX, drawn.TextY = drawn.X+drawn.W+5, drawn.Y+barHeight-3
	drawn.Says = b.Labels[at] + ": " + drawn.Text
	if len(b.Series) > 1 {
		drawn.Says = s.Name + ", " + drawn.Says
	}
	return drawn
}

// Middle is the line that the label of a row stands on.
func (r barRow) Middle() float64 {
	return r.Y + rowGap/2 + float64(barHeight*max(1, len(r.Bars)))/2 + 3
}
