package check

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/asof-dev/asof"
)

// Result is what became of one rule.
type Result struct {
	Rule     Rule
	Holds    bool
	Measured float64 // rows that break it, or what is measured; NaN where there are no values
	Of       int64   // the rows that could break it; 0 for what is measured
	Problem  asof.Problem
	Aside    bool // rows that break it were put aside, and the run goes on without them

	ask ask
}

// Kept is a result as reports keep it.
type Kept struct {
	Rule     Kind     `json:"rule"`
	Columns  []string `json:"columns"`
	Expected string   `json:"expected"` // with Rule and Columns, tells it from a table's others
	Severity string   `json:"severity"` // "error" or "warn"
	Holds    bool     `json:"holds"`
	Measured *float64 `json:"measured"` // nil where there were no values
	Of       int64    `json:"of"`
	Aside    bool     `json:"aside,omitempty"` // the rows that break it were put aside
	Message  string   `json:"message"`
	File     string   `json:"file,omitempty"`
	Line     int      `json:"line,omitempty"`
}

// MarshalJSON writes a result as Kept.
func (r Result) MarshalJSON() ([]byte, error) {
	kept := Kept{Rule: r.Rule.Kind, Columns: append([]string{}, r.Rule.Columns...), Expected: r.Rule.Expected(), Severity: "error",
		Holds: r.Holds, Of: r.Of, Aside: r.Aside, Message: r.Problem.Message, File: r.Problem.Place.File, Line: r.Problem.Place.Line}
	if r.Rule.Warn {
		kept.Severity = "warn"
	}
	if !math.IsNaN(r.Measured) {
		kept.Measured = &r.Measured
	}
	return json.Marshal(kept)
}

// Expected says what the rule expects, behind its kind and columns: with these,
// it tells the rule from a table's others.
func (r Rule) Expected() string {
	var parts []string
	for _, part := range []struct{ name, text string }{
		{"min", r.Min}, {"max", r.Max}, {"at", share(r.At)}, {"", r.Value}, {"", strings.Join(r.Values, ", ")},
		{"", spelled(r.Shape)}, {"table", r.Parent}, {"mostly", share(r.Mostly)}} {
		switch {
		case part.text == "":
		case part.name == "" || part.name == string(r.Kind):
			parts = append(parts, part.text)
		default:
			parts = append(parts, part.name+" "+part.text)
		}
	}
	if r.Strictly {
		parts = append(parts, "strictly")
	}
	return strings.Join(parts, ", ")
}

// share writes a number between 0 and 1; 0 is "", for none.
func share(of float64) string {
	if of == 0 {
		return ""
	}
	return strconv.FormatFloat(of, 'g', -1, 64)
}

func spelled(columns []asof.TableColumn) string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = strings.TrimSpace(c.Name + " " + c.Type)
	}
	return strings.Join(list, ", ")
}

// SameRule finds the result of the same rule among others: the one that expects
// the same, or the only one of its kind and columns, whose bounds have changed.
// It is nil where there is none.
func (k Kept) SameRule(others []Kept) *Kept {
	var alike []*Kept
	for i := range others {
		if o := &others[i]; o.Rule == k.Rule && slices.Equal(o.Columns, k.Columns) {
			if o.Expected == k.Expected {
				return o
			}
			alike = append(alike, o)
		}
	}
	if len(alike) == 1 {
		return alike[0]
	}
	return nil
}
