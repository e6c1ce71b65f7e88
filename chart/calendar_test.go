package chart

import (
	"strings"
	"testing"
)

// TestCalendar draws rows of months, one with fewer cells and a long name.
func TestCalendar(t *testing.T) {
	long := strings.Repeat("é", 200)
	c := Calendar{
		Columns: []Column{{"11", "2023"}, {"12", "2023"}, {"01", "2024"}},
		Rows: []Row{
			{Title: "<usage>", Href: "javascript:x", Cells: []Cell{{Class: "late", Mark: "~", Text: `usage, "2023-11": late`, Href: "/runs/1"}, {Class: "none"}, {}, {Text: "beyond the columns"}}},
			{Title: long, Cells: []Cell{{Text: "one"}}}},
	}
	p := c.place()
	for _, row := range p.Rows {
		for _, cell := range row.Cells {
			if cell.X < 0 || cell.X+cell.W > p.Width || cell.Y+cell.H > p.Height {
				t.Errorf("%+v is outside of %d × %d", cell, p.Width, p.Height)
			}
		}
	}
	svg := string(c.SVG())
	for text, times := range map[string]int{">2023<": 1, ">2024<": 1, "<usage>": 0, "javascript:x": 0, `aria-label="usage, &#34;2023-11&#34;: late"`: 1, "beyond": 0, `<a href="/runs/1">`: 1, long: 0, "é…": 1} {
		if strings.Count(svg, text) != times {
			t.Errorf("%q is there %d times, want %d:\n%s", text, strings.Count(svg, text), times, svg)
		}
	}
	if empty := string(Calendar{}.SVG()); !strings.HasPrefix(empty, "<svg") {
		t.Error(empty)
	}
}
