package chart

import (
	"html/template"
	"math"
	"time"
)

// Timeline shows when things went on: a row for each, with its spans on one axis
// of time, in seconds from the first on where it is short. The height follows
// from the rows.
type Timeline struct {
	Frame
	Rows []TimelineRow
	Now  time.Time // where spans end that go on
}

// TimelineRow is what has spans.
type TimelineRow struct {
	Label string
	Spans []Span
}

// Span is from an instant to another; To is zero where it goes on.
type Span struct {
	From, To time.Time
	Class    string // of CSS, which gives it its colour
	Says     string // what is said of it to those who point at it
}

// drawnTimeline is what the template timeline.svg draws.
type drawnTimeline struct {
	drawing
	Rows []timelineRow
}

type timelineRow struct {
	Label, Whole string
	Below        float64 // the line that its label stands on
	Spans        []drawnSpan
}

type drawnSpan struct {
	Span
	X, Y, W, H float64
}

const (
	spanHeight = 14
	spanRow    = 20
	leastSpan  = 3           // pixels: a short one is seen too
	shortTime  = time.Minute // up to which the axis is in seconds
)

// SVG returns the chart as an element of a page.
func (t Timeline) SVG() template.HTML {
	d := drawnTimeline{drawing: newDrawing(t.Frame, nil)}
	d.Bottom = d.Top + spanRow*float64(len(t.Rows))
	d.Height = int(math.Ceil(d.Bottom)) + footRow
	var first, last time.Time
	for _, row := range t.Rows {
		d.room([]mark{{0, Shortened(row.Label, rowLabel)}})
		for _, s := range row.Spans {
			if first.IsZero() || s.From.Before(first) {
				first = s.From
			}
			if end := t.end(s); end.After(last) {
				last = end
			}
		}
	}
	if !first.IsZero() {
		d.Empty = ""
	}
	whole := max(last.Sub(first), time.Millisecond)
	x := newAxis([]float64{0, whole.Seconds()}, d.Left, d.Right-leastSpan)
	at := func(t time.Time) float64 { return x.at(t.Sub(first).Seconds()) }
	if most := max(int((d.Right-d.Left)/apart), 1); whole < shortTime {
		d.Across = x.marks(most, " s")
	} else {
		ticks, form := timeTicks(first, first.Add(whole), most)
		for _, t := range ticks {
			d.Across = append(d.Across, mark{at(t), t.Format(form)})
		}
	}
	for i, row := range t.Rows {
		y := d.Top + spanRow*float64(i)
		r := timelineRow{Label: Shortened(row.Label, rowLabel), Whole: row.Label, Below: y + spanRow - 6}
		for _, s := range row.Spans {
			r.Spans = append(r.Spans, drawnSpan{s, at(s.From), y + 3, max(rounded(at(t.end(s))-at(s.From)), leastSpan), spanHeight})
		}
		d.Rows = append(d.Rows, r)
	}
	return svg("timeline.svg", d)
}

// end returns where a span ends, or has come to.
func (t Timeline) end(s Span) time.Time {
	if s.To.IsZero() {
		s.To = t.Now
	}
	if s.To.Before(s.From) { // by another clock
		return s.From
	}
	return s.To
}
