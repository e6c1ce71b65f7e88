package chart

import (
	"encoding/xml"
	"fmt"
	"html/template"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// parsed is a drawing as a reader of XML sees it.
type parsed struct {
	names map[string]int    // elements, by name and class
	paths map[string]string // d, by class; the last
	texts []string
}

var numbers = regexp.MustCompile(`-?[0-9.]+(e[-+]?[0-9]+)?`)

// parse reads a drawing, and fails where it is not whole, a place is no number
// or outside.
func parse(t *testing.T, svg template.HTML) parsed {
	t.Helper()
	p := parsed{names: map[string]int{}, paths: map[string]string{}}
	var width, height float64
	decoder := xml.NewDecoder(strings.NewReader(string(svg)))
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			return p
		}
		if err != nil {
			t.Fatalf("%v in %s", err, svg)
		}
		if text, ok := token.(xml.CharData); ok && strings.TrimSpace(string(text)) != "" {
			p.texts = append(p.texts, string(text))
		}
		element, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		at := map[string]string{}
		for _, a := range element.Attr {
			at[a.Name.Local] = a.Value
		}
		p.names[strings.TrimSpace(element.Name.Local+" "+at["class"])]++
		if element.Name.Local == "svg" {
			width, _ = strconv.ParseFloat(at["width"], 64)
			height, _ = strconv.ParseFloat(at["height"], 64)
			if at["role"] != "img" {
				t.Errorf("role %q", at["role"])
			}
		}
		for name, most := range map[string]float64{"x": width, "y": height, "cx": width, "cy": height, "width": width, "height": height} {
			if n, err := strconv.ParseFloat(at[name], 64); at[name] != "" && (err != nil || !(n >= 0 && n <= most)) {
				t.Errorf("%s of %s is %q in %g × %g", name, element.Name.Local, at[name], width, height)
			}
		}
		if d, ok := at["d"]; ok {
			p.paths[at["class"]] = d
			if strings.ContainsAny(d, "NaIn") || len(numbers.FindAllString(d, -1)) < 2 {
				t.Errorf("path %q", d)
			}
			for _, n := range numbers.FindAllString(d, -1) {
				if v, err := strconv.ParseFloat(n, 64); err != nil || v < 0 || v > max(width, height) {
					t.Errorf("path %q leaves %g × %g", d, width, height)
				}
			}
		}
	}
}

func (p parsed) says(t *testing.T, wanted ...string) {
	t.Helper()
	for _, w := range wanted {
		if !slices.Contains(p.texts, w) {
			t.Errorf("%q is not said, but %q", w, p.texts)
		}
	}
}

func months(n int) (list []time.Time) {
	for i := range n {
		list = append(list, time.Date(2024, time.Month(i+2), 0, 0, 0, 0, 0, time.FixedZone("Paris", 0)))
	}
	return list
}

var gap = math.NaN()

// TestLine draws gaps, lonely points, bands and months.
func TestLine(t *testing.T) {
	p := parse(t, Line{Frame: Frame{Title: "PSI & <b>"}, Times: months(6), Unit: " %", Series: []Series{
		{Name: "fee", Values: []float64{1, 2, gap, 4, math.Inf(1), 3}, Low: []float64{0, 1, 1, gap, 2}, High: []float64{2, 3, 3, 5, 5, 5}},
		{Name: "<age>", Values: []float64{1.5}}}}.SVG())
	p.says(t, "PSI & <b>", "2024-01", "2024-06", "fee", "<age>", "fee, 2024-02-29: 2 %", "<age>, 2024-01-31: 1.5 %", "0 %", "4 %")
	if p.names["circle point series-1"] != 4 || p.names["circle point series-2"] != 1 || strings.Count(p.paths["line series-1"], "M") != 3 || strings.Count(p.paths["band series-1"], "Z") != 2 {
		t.Errorf("%v\n%q", p.names, p.paths)
	}
	for says, l := range map[string]Line{
		"2024-03-01 06:00: 3": {Times: []time.Time{months(3)[2].Add(-30 * day), months(3)[2].Add(-30*day + 6*time.Hour)}, Series: []Series{{Values: []float64{2, 3}}}},
		"c: 7":                {Labels: []string{"a", "b", "c"}, Series: []Series{{Values: []float64{1, 2, 7, 9}}}},
		"2024-01-31: 5":       {Times: months(1), Series: []Series{{Values: []float64{5}}}},
		"nothing yet":         {Frame: Frame{Empty: "nothing yet"}, Times: months(3), Series: []Series{{Name: "x", Values: []float64{gap, gap}}}},
		"none":                {Frame: Frame{Empty: "none"}},
	} {
		parse(t, l.SVG()).says(t, strings.Replace(says, "2024-03-01 06:00: 3", "2024-03-01 06:00:00: 3", 1))
	}
}

// TestHostile draws what numbers and sizes there are, and holds every place
// within the frame.
func TestHostile(t *testing.T) {
	many := make([]float64, 500)
	var days []time.Time
	for i := range many {
		many[i] = math.Sin(float64(i)) * 1e7
		days = append(days, time.Date(2024, 1, i, 0, 0, 0, 0, time.UTC))
	}
	p := parse(t, Line{Times: days, Series: []Series{{Values: many}}}.SVG())
	p.says(t, "2024-04", "2025-04", "-5\u202f000\u202f000")
	if p.names["circle point series-1"] != 0 {
		t.Error("500 points are marked")
	}
	same := days[:1]
	for i, values := range [][]float64{{7, 7, 7}, {0, 0}, {1e300, -1e300, 1e308}, {5e-324, 0}, {1e-300, 3e-300}, {1e9, 1e9 + 1e-7}, {-3, -2, -1}, {0.1, 0.2, 0.3}, {math.MaxFloat64}} {
		for _, f := range []Frame{{}, {Width: 100, Height: 30}} {
			name := fmt.Sprint(i)
			p := parse(t, Line{Frame: f, Labels: []string{name, strings.Repeat("é", 300), "c"}, Series: []Series{{Name: strings.Repeat("long ", 30), Values: values}, {Name: "b"}, {Name: "c"}}}.SVG())
			if drawn := p.names["path line series-1"] == 1; drawn != drawable(values[0]) {
				t.Errorf("%v: drawn %v", values, drawn)
			}
			parse(t, Line{Frame: f, Times: append(same, same...), Series: []Series{{Values: values}}}.SVG())
			parse(t, Bars{Frame: f, Labels: []string{name, strings.Repeat("é", 300), "c"}, Series: []Series{{Values: values}, {Name: "b", Values: []float64{gap, 2}}}}.SVG())
		}
	}
}

func TestBars(t *testing.T) {
	p := parse(t, Bars{Labels: []string{"basic", "<plus>", strings.Repeat("x", 30)}, Unit: " %", Series: []Series{{Name: "January", Values: []float64{40, 60, 0}}, {Name: "February", Values: []float64{gap, 12345.678}}}}.SVG())
	p.says(t, "basic", "January, basic: 40 %", "February, <plus>: 12\u202f345.7 %", "–", strings.Repeat("x", 23)+"…", strings.Repeat("x", 30))
	if p.names["rect bar series-1"] != 3 || p.names["rect bar series-2"] != 3 {
		t.Errorf("%v", p.names)
	}
	parse(t, Bars{Frame: Frame{Empty: "no categories"}}.SVG()).says(t, "no categories")
	var labels []string
	for i := range 500 {
		labels = append(labels, fmt.Sprint(i))
	}
	parse(t, Bars{Labels: labels, Series: []Series{{Values: make([]float64, 500)}}}.SVG())
}

// bins counts so many in each.
func bins(counts ...int64) []int64 { return counts }

func TestHistogram(t *testing.T) {
	below := math.Nextafter
	for name, c := range map[string]struct {
		h     Histogram
		slots int
		says  []string
	}{
		"quantiles, and tails beyond them": {Histogram{Edges: []float64{0, 2, 5, 7, 10, 60}, Series: []Distribution{{"before", bins(0, 1, 30, 38, 30, 1, 0)}, {"now", bins(3, 1, 10, 38, 30, 1, 17)}}},
			5, []string{"≤ 2\nbefore 1.0 %\nnow 4.0 %", "5 – 7\nbefore 38.0 %\nnow 38.0 %", "> 10\nbefore 1.0 %\nnow 18.0 %", "before", "now", "4", "8"}},
		"whole numbers, the least alone in a bin": {Histogram{Edges: []float64{below(1, 0), 1, 2, 3, 4}, Series: []Distribution{{"b", bins(0, 25, 25, 25, 25, 0)}}}, 4, []string{"≤ 1\nb 25.0 %", "3 – 4\nb 25.0 %"}},
		"constant":               {Histogram{Edges: []float64{below(5, 0), 5}, Series: []Distribution{{"b", bins(0, 10, 0)}, {"n", bins(1, 8, 1)}}}, 3, []string{"< 5\nb 0.0 %\nn 10.0 %", "5\nb 100.0 %\nn 80.0 %", "> 5\nb 0.0 %\nn 10.0 %"}},
		"a reference of nothing": {Histogram{Edges: []float64{0, 1, 2, 3, 4}, Series: []Distribution{{"b", nil}, {"n", bins(0, 1, 2, 2, 1, 0)}}}, 4, []string{"1 – 2\nb 0.0 %\nn 33.3 %"}},
		"times":                  {Histogram{Times: true, Edges: []float64{1704067200, 1706745600, 1709251200, 1711929600}, Series: []Distribution{{"b", bins(0, 5, 5, 5, 0)}}}, 3, []string{"2024-01-01 – 2024-02-01\nb 33.3 %", "2024-02"}},
		"beyond sense":           {Histogram{Edges: []float64{-1e300, 0, 5e-324, 1, 1e300}, Series: []Distribution{{"b", bins(1, 5, 5, 5, 3, 2)}}}, -1, nil},
		"edges without order":    {Histogram{Frame: Frame{Empty: "none"}, Edges: []float64{2, 1}, Series: []Distribution{{"b", bins(1, 5, 5)}}}, 0, []string{"none"}},
		"an edge that is none":   {Histogram{Frame: Frame{Empty: "none"}, Edges: []float64{gap}, Series: []Distribution{{"b", bins(1, 5)}}}, 0, []string{"none"}},
		"too many counts":        {Histogram{Frame: Frame{Empty: "none"}, Edges: []float64{1}, Series: []Distribution{{"b", bins(1, 5, 5)}}}, 0, []string{"none"}},
		"nothing":                {Histogram{Frame: Frame{Empty: "none"}}, 0, []string{"none"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := parse(t, c.h.SVG())
			p.says(t, c.says...)
			if n := p.names["rect slot"] + p.names["rect slot beyond"]; n != c.slots && c.slots >= 0 {
				t.Errorf("%d slots, want %d: %q", n, c.slots, p.texts)
			}
		})
	}
	wide := Histogram{Series: []Distribution{{"b", []int64{0}}}}
	for i := range 500 {
		wide.Edges, wide.Series[0].Counts = append(wide.Edges, float64(i*i)), append(wide.Series[0].Counts, int64(i))
	}
	if n := parse(t, wide.SVG()).names["rect slot"]; n < 30 || n > 90 {
		t.Errorf("500 bins are drawn as %d", n)
	}
}

// TestArea holds that a bar's area is its share: a bin that is twice as wide as
// another of the same share is half as high.
func TestArea(t *testing.T) {
	p := parse(t, Histogram{Edges: []float64{0, 1, 2, 4}, Series: []Distribution{{"b", bins(0, 100, 100, 100, 0)}}}.SVG())
	if got, want := p.paths["shape series-1"], "M10 196L10 10L165 10L165 10L320 10L320 103L630 103L630 196Z"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestTimeTicks(t *testing.T) {
	from := time.Date(2024, 1, 30, 22, 30, 0, 0, time.UTC)
	for _, c := range []struct {
		lasts time.Duration
		first string
	}{
		{0, ""},
		{3 * time.Second, "22:30:00"},
		{50 * time.Minute, "22:30"},
		{3 * time.Hour, "01-30 23:00"},
		{2 * day, "01-31 00:00"},
		{9 * day, "2024-02-01"},
		{70 * day, "2024-02"},
		{400 * day, "2024-04"},
		{4000 * day, "2026"},
		{100000 * day, "2048"},
	} {
		ticks, form := timeTicks(from, from.Add(c.lasts), 6)
		first := ""
		if len(ticks) > 0 {
			first = ticks[0].Format(form)
		}
		if len(ticks) > 6 || c.lasts > 0 && (first != c.first || len(ticks) < 1) {
			t.Errorf("%s: %d ticks from %q, want %q", c.lasts, len(ticks), first, c.first)
		}
	}
}

func TestNumber(t *testing.T) {
	for want, v := range map[string]float64{"–": gap, "0": 0, "-1": -1, "0.1": 0.1, "0.333333": 1. / 3, "1234": 1234, "12\u202f345.7": 12345.678, "1\u202f234\u202f568": 1234567.8,
		"-12\u202f345": -12345, "1e+12": 1e12, "1.5e-05": 1.5e-5, "1.79769e+308": math.MaxFloat64, "100\u202f000": 99999.99999} {
		if got := Number(v); got != want {
			t.Errorf("%v: %q, want %q", v, got, want)
		}
	}
}
