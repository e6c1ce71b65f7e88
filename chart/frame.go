package chart

import (
	"html/template"
	"math"
	"strings"
	"unicode/utf8"
)

// Frame is what every chart has: its words and its size.
//
// Title names the chart for those who do not see it, and Description says what
// it shows; a table beside it gives them the numbers. Empty is written where
// there is nothing to draw.
type Frame struct {
	Title, Description, Empty string
	Width, Height             int // in pixels; 0 is 640 × 220
}

// drawing is a frame with the places of what all charts draw.
type drawing struct {
	Frame
	Left, Right, Top, Bottom float64 // of the plot
	Across, Up               []mark  // ticks of the lower and of the left axis
	Legend                   []entry
}

// entry names a series in the legend.
type entry struct {
	Number int // from 1 on
	Name   string
	X, Y   float64
}

const (
	letter    = 6.6 // pixels of one at 12 px, on average
	legendRow = 20
	footRow   = 24
	gutter    = 10
	swatch    = 18
	apart     = 90 // pixels between dates on the lower axis, at least
	above     = 36 // and between ticks of the left one
)

// newDrawing leaves room for the legend above the plot and for ticks below it.
// The left side is moved by room, which knows what is written there.
func newDrawing(f Frame, names []string) drawing {
	if f.Width == 0 {
		f.Width = 640
	}
	if f.Height == 0 {
		f.Height = 220
	}
	d := drawing{Frame: f, Left: gutter, Right: float64(f.Width - gutter), Top: gutter}
	if len(names) > 1 {
		x, y := float64(gutter), float64(gutter)
		for i, name := range names {
			name = Shortened(name, 40)
			width := swatch + wide(name) + 16
			if x+width > float64(f.Width) && x > gutter {
				x, y = gutter, y+legendRow
			}
			d.Legend = append(d.Legend, entry{i + 1, name, x, y})
			x = rounded(x + width)
		}
		d.Top = y + legendRow
	}
	d.Bottom = max(float64(f.Height-footRow), d.Top+40)
	d.Height = int(math.Ceil(d.Bottom)) + footRow
	return d
}

// room moves the left side of the plot for the texts of its ticks.
func (d *drawing) room(marks []mark) {
	for _, m := range marks {
		d.Left = min(max(d.Left, gutter+wide(m.Text)+8), float64(d.Width)/2)
	}
}

// svg draws by a template of this package.
func svg(name string, data any) template.HTML {
	var out strings.Builder
	if err := templates.ExecuteTemplate(&out, name, data); err != nil {
		panic(err) // of a template that a test draws
	}
	return template.HTML(out.String())
}

// wide returns about how wide a text is, in pixels.
func wide(text string) float64 { return letter * float64(utf8.RuneCountInString(text)) }

// Shortened keeps a text within so many letters.
func Shortened(text string, letters int) string {
	if utf8.RuneCountInString(text) <= letters {
		return text
	}
	return string([]rune(text)[:letters-1]) + "…"
}

// thinned returns each so manieth of n places, so that at most so many are left.
func thinned(n, most int) (each int) {
	most = max(most, 1)
	return max(1, (n+most-1)/most)
}

// What templates ask: where texts are.

func (e entry) NameX() float64 { return e.X + swatch }
func (e entry) NameY() float64 { return e.Y + 10.5 }
func (m mark) Below() float64  { return m.At + 4 } // the line that a text stands on, in the middle of a place

func (d drawing) UpX() float64        { return d.Left - 8 }
func (d drawing) AcrossY() float64    { return d.Bottom + 18 }
func (d drawing) PlotHeight() float64 { return d.Bottom - d.Top }
func (d drawing) Middle() float64     { return (d.Left + d.Right) / 2 }
func (d drawing) MiddleY() float64    { return (d.Top + d.Bottom) / 2 }
func (s slot) W() float64             { return rounded(s.X2 - s.X1) }
