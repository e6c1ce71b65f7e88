package chart

import (
	"fmt"
	"html/template"
	"math"
	"strings"
	"time"
)

// Line is one or several series of numbers over time or over categories.
type Line struct {
	Frame
	Times  []time.Time // ascending: when each value is of
	Labels []string    // instead of Times: categories
	Series []Series
	Unit   string // written after numbers: " %"
	Zero   bool   // the axis shows zero too
}

// Series is a row of numbers, one for each place of a chart. NaN, infinities
// and what is missing at the end are gaps. Low and High, where they are given,
// are a band around the values.
type Series struct {
	Name      string
	Values    []float64
	Low, High []float64
}

// drawnLine is what the template line.svg draws.
type drawnLine struct {
	drawing
	Lines []drawnSeries
}

type drawnSeries struct {
	Number     int
	Path, Band string
	Points     []point
}

// point is a value that is marked, with what it says.
type point struct {
	X, Y float64
	Says string
}

// marked is how many places a chart may have to mark each; of more only those
// are marked that no line leads to.
const marked = 62

// SVG returns the chart as an element of a page.
func (l Line) SVG() template.HTML {
	places := max(len(l.Times), len(l.Labels))
	var names []string
	var all []float64
	for _, s := range l.Series {
		names = append(names, s.Name)
		for _, list := range [][]float64{s.Values, s.Low, s.High} {
			all = append(all, list[:min(len(list), places)]...)
		}
	}
	if l.Zero {
		all = append(all, 0)
	}
	d := drawnLine{drawing: newDrawing(l.Frame, names)}
	up := newAxis(all, d.Bottom, d.Top)
	d.Up = up.marks(max(2, int((d.Bottom-d.Top)/above)), l.Unit)
	d.room(d.Up)
	across := l.across(&d.drawing)
	empty := true
	for i, s := range l.Series {
		drawn := drawnSeries{Number: i + 1, Band: band(s, places, across, up)}
		var path strings.Builder
		for _, span := range unbroken(places, s.Values) {
			for at := span.from; at < span.to; at++ {
				x, y := across(at), up.at(s.Values[at])
				fmt.Fprintf(&path, "%s%g %g", command(at == span.from), x, y)
				if places <= marked || span.to-span.from == 1 {
					drawn.Points = append(drawn.Points, point{x, y, l.says(s, at)})
				}
			}
			empty = false
		}
		drawn.Path = path.String()
		d.Lines = append(d.Lines, drawn)
	}
	if !empty {
		d.Empty = ""
	}
	return svg("line.svg", d)
}

func command(first bool) string {
	if first {
		return "M"
	}
	return "L"
}

// says is what a marked value says.
func (l Line) says(s Series, at int) string {
	text := Number(s.Values[at]) + l.Unit
	if len(l.Times) > 0 {
		text = strings.TrimSuffix(l.Times[at].UTC().Format(time.DateTime), " 00:00:00") + ": " + text
	} else {
		text = l.Labels[at] + ": " + text
	}
	if len(l.Series) > 1 {
		text = s.Name + ", " + text
	}
	return text
}

// span is places from one to before another.
type span struct{ from, to int }

// unbroken returns the spans of places at which all lists have a number.
func unbroken(places int, lists ...[]float64) (spans []span) {
	for _, list := range lists {
		places = min(places, len(list))
	}
	from := 0
	for at := 0; at <= places; at++ {
		whole := at < places
		for _, list := range lists {
			whole = whole && drawable(list[at])
		}
		if whole {
			continue
		}
		if at > from {
			spans = append(spans, span{from, at})
		}
		from = at + 1
	}
	return spans
}

// band returns the path around the places that have a low and a high value.
func band(s Series, places int, across func(int) float64, up axis) string {
	var path strings.Builder
	for _, span := range unbroken(places, s.Low, s.High) {
		for at := span.from; at < span.to; at++ {
			fmt.Fprintf(&path, "%s%g %g", command(at == span.from), across(at), up.at(s.Low[at]))
		}
		for at := span.to - 1; at >= span.from; at-- {
			fmt.Fprintf(&path, "L%g %g", across(at), up.at(s.High[at]))
		}
		path.WriteByte('Z')
	}
	return path.String()
}

// across marks the lower axis and returns where each place is.
func (l Line) across(d *drawing) func(int) float64 {
	if len(l.Times) == 0 {
		return categories(d, l.Labels)
	}
	seconds := make([]float64, len(l.Times))
	for i, t := range l.Times {
		seconds[i] = inSeconds(t)
	}
	const ends = 24 // pixels: half of a date
	x := newAxis(seconds, d.Left+ends, d.Right-ends)
	d.Across = l.timeMarks(x, int((d.Right-d.Left)/apart))
	return func(at int) float64 { return x.at(seconds[at]) }
}

// timeMarks writes months of places that are a month each, whichever day of it
// they are.
func (l Line) timeMarks(x axis, most int) (marks []mark) {
	if !monthly(l.Times) {
		return timeMarks(x, l.Times[0], l.Times[len(l.Times)-1], most)
	}
	for at := 0; at < len(l.Times); at += thinned(len(l.Times), most) {
		marks = append(marks, mark{x.at(inSeconds(l.Times[at])), l.Times[at].UTC().Format("2006-01")})
	}
	return marks
}

// categories marks a place for each label, and writes as many as there is room for.
func categories(d *drawing, labels []string) func(int) float64 {
	const letters = 16
	step := (d.Right - d.Left) / math.Max(1, float64(len(labels)))
	at := func(i int) float64 { return rounded(d.Left + step*(float64(i)+0.5)) }
	longest := 0.0
	for _, label := range labels {
		longest = max(longest, wide(Shortened(label, letters)))
	}
	for i := 0; i < len(labels); i += thinned(len(labels), int((d.Right-d.Left)/(longest+12))) {
		d.Across = append(d.Across, mark{at(i), Shortened(labels[i], letters)})
	}
	return at
}
