package check

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/asof-dev/asof"
)

// Rule is one thing that is expected of staged rows. A null passes every rule
// but not_null.
type Rule struct {
	Kind     Kind
	Columns  []string           // those of a kind that is about each column are one
	Min, Max string             // the bounds, "" for none: of the value, the rows, or what is measured
	Value    string             // the pattern, the operator, the column that orders or is referred to, the query
	Values   []string           // accepted_values, rejected_values: as text
	Shape    []asof.TableColumn // schema: what the columns are to be; without a type any will do
	At       float64            // quantile: from 0 to 1
	Strictly bool               // increasing, decreasing: nor stays
	Parent   string             // references, covers: the table
	Mostly   float64            // the share of the rows for which it is enough to hold; 0 is all
	Warn     bool               // a failure is told, and stops nothing
	Place    asof.Place
}

var (
	number    = regexp.MustCompile(`^-?\d+(\.\d+)?$`)
	operators = []string{"<", "<=", "=", "<>", ">=", ">"}
)

// Filled returns the rule with its texts as fill returns them.
func (r Rule) Filled(fill func(string) string) Rule {
	r.Min, r.Max, r.Value = fill(r.Min), fill(r.Max), fill(r.Value)
	values := make([]string, len(r.Values))
	for i, v := range r.Values {
		values[i] = fill(v)
	}
	r.Values = values
	return r
}

// Unfit says why a rule cannot be put to a table; "" where it can.
func (r Rule) Unfit(t asof.Table) string {
	if r.Mostly != 0 && (!r.Kind.ByRow() || r.Mostly < 0 || r.Mostly > 1) {
		return fmt.Sprintf("mostly is a share of rows from 0 to 1, of a rule about single rows: %s", joined(byRow))
	}
	for _, c := range r.Columns {
		if reason := r.unfit(typeOf(t, c)); reason != "" {
			return fmt.Sprintf("%s of column %s: %s", r.Kind, c, reason)
		}
	}
	if r.Min+r.Max == "" && (r.Kind == Length || r.Kind.measures()) {
		return fmt.Sprintf("%s needs `min`, `max` or both", r.Kind)
	}
	switch r.Kind {
	case Rows:
		for _, bound := range []string{r.Min, r.Max} {
			if bound != "" && (!number.MatchString(bound) || strings.ContainsAny(bound, "-.")) {
				return fmt.Sprintf("rows takes whole numbers, and not %q", bound)
			}
		}
	case Compare:
		if len(r.Columns) != 2 || !slices.Contains(operators, r.Value) {
			return "compare takes a column, one of " + strings.Join(operators, " ") + ", and a column"
		}
		if a, b := typeOf(t, r.Columns[0]), typeOf(t, r.Columns[1]); family(a) != family(b) {
			return fmt.Sprintf("%s can't be compared with %s", article(a), article(b))
		}
	case Increasing, Decreasing:
		if r.Value == "" {
			return string(r.Kind) + " needs `by`, the column that says the order"
		}
	case OnTime:
		if _, err := asof.ParseFreshness(r.Value); err != nil {
			return err.Error()
		}
	case Quantile:
		if r.At <= 0 || r.At >= 1 {
			return "quantile needs `at`, a number between 0 and 1"
		}
	}
	for _, bound := range []string{r.Min, r.Max} {
		if bound != "" && (r.Kind == Length || r.Kind.measures()) && !number.MatchString(bound) {
			return fmt.Sprintf("the bound of %s has to be a number, and not %q", r.Kind, bound)
		}
	}
	return ""
}

// unfit says why a rule cannot be put to a column of a type.
func (r Rule) unfit(typ string) string {
	switch r.Kind {
	case AcceptedValues, RejectedValues:
		if !slices.Contains([]string{"", "text", "integer", "bigint", "boolean"}, typ) {
			return article(typ) + " has no list of values; use min and max"
		}
	case Minimum, Maximum:
		return unfitBound(r.Min+r.Max, typ)
	case Matches, NotMatches:
		if family(typ) != "text" {
			return article(typ) + " has no pattern"
		}
		if _, err := pattern(r.Value); err != nil {
			return err.Error()
		}
	case Length:
		if family(typ) != "text" {
			return article(typ) + " has no length"
		}
	case DateFormat:
		if family(typ) != "text" {
			return article(typ) + " has no format: it is a day, or none, already"
		}
		if _, err := readFormat(r.Value); err != nil {
			return err.Error()
		}
	case InMonth, DaysOld, MonthPresent, NoOverlap, DayGap:
		if family(typ) != "time" {
			return article(typ) + " has no day"
		}
	case PSI:
		if family(typ) == "time" {
			return article(typ) + " has no bins"
		}
	case Mean, Median, Quantile, Stddev, Sum, Lowest, Highest, KS:
		if family(typ) != "number" {
			return article(typ) + " is no number"
		}
	}
	return ""
}

func unfitBound(bound, typ string) string {
	switch {
	case typ == "":
	case typ == "date":
		if _, err := time.Parse(time.DateOnly, bound); err != nil {
			return "the bound of a date has to be one like 2024-01-31, and not " + bound
		}
	case family(typ) != "number":
		return article(typ) + " has no bounds"
	case !number.MatchString(bound):
		return fmt.Sprintf("the bound has to be a number, and not %q", bound)
	}
	return ""
}

// family returns what values of a type can be compared with.
func family(typ string) string {
	switch typ {
	case "text", "boolean":
		return typ
	case "date", "timestamptz":
		return "time"
	}
	return "number"
}

func typeOf(t asof.Table, column string) string {
	for _, c := range t.Columns {
		if c.Name == column {
			return c.Type
		}
	}
	return ""
}

// outside reports whether what was measured is beyond the rule's bounds.
func (r Rule) outside(measured float64) bool {
	least, err := strconv.ParseFloat(r.Min, 64)
	if err == nil && measured < least {
		return true
	}
	most, err := strconv.ParseFloat(r.Max, 64)
	return err == nil && measured > most
}

func (r Rule) bounds() string {
	switch {
	case r.Max == "":
		return r.Min + " or more"
	case r.Min == "":
		return r.Max + " or fewer"
	}
	return r.Min + " to " + r.Max
}

func joined(kinds []Kind) string {
	texts := make([]string, len(kinds))
	for i, k := range kinds {
		texts[i] = string(k)
	}
	return strings.Join(texts, ", ")
}

// article returns a type for a sentence.
func article(typ string) string {
	if strings.HasPrefix(typ, "i") {
		return "an " + typ
	}
	return "a " + typ
}
