package check

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqltext"
)

// tell says what is wrong: table, column, how many rows, some of them.
func (c *checker) tell(result Result, a ask, all int64) (asof.Problem, error) {
	r := result.Rule
	problem := asof.Problem{Place: asof.Place{File: c.File, Line: 1}} // where no row has a line of its own
	about := fmt.Sprintf("table %q", c.Table.Name)
	if len(r.Columns) > 0 {
		about += ", column " + strings.Join(sqltext.Names(r.Columns), ", ")
	}
	var said string
	var err error
	switch r.Kind {
	case Rows:
		said = fmt.Sprintf("the file has %d rows; expected are %s", all, r.bounds())
	case NotConstant:
		said, err = c.tellConstant(r)
	case OnTime:
		said = fmt.Sprintf("%s has come %.0f days late; expected is: %s", c.AsOf.Format("2006-01"), result.Measured, r.calendar())
	case MonthPresent:
		said = "no row is of " + c.AsOf.Format("2006-01") + "; is it the file of another month?"
	case Schema:
		said = strings.Join(r.differences(c.Table), "; ")
	case Unique:
		said, err = c.tellRepeated(r, result.Measured)
	case Covers:
		said, err = c.tellUncovered(r, a, result.Measured)
	case SQL:
		said, err = c.tellRows(r, a, result.Measured)
	default:
		if r.Kind.measures() {
			said = r.measured(result.Measured)
			break
		}
		said, err = c.tellBroken(r, a, result, all, &problem)
	}
	problem.Message = about + ": " + said
	return problem, err
}

// measured says what was measured and what is expected.
func (r Rule) measured(value float64) string {
	what := map[Kind]string{NullShare: "the share of empty cells", Distinct: "the number of values", Lowest: "the lowest value", Highest: "the highest value", Mean: "the mean", Median: "the median", Stddev: "the standard deviation", Sum: "the sum",
		Quantile: fmt.Sprintf("the quantile at %g", r.At), DaysOld: "the newest value's age in days",
		MonthGap: "the number of months that are missing since the one before", DayGap: "the number of days in a row that no row is of",
		RowChange: "the number of rows against the month before, as a share more or less,", PSI: "the PSI against the month before", KS: "the KS distance from the month before"}[r.Kind]
	return fmt.Sprintf("%s is %s; expected is %s", what, strconv.FormatFloat(value, 'g', 10, 64), strings.Replace(r.bounds(), "fewer", "less", 1))
}

// tellBroken shows rows that break a rule, and sets the problem's line to that
// of the first.
func (c *checker) tellBroken(r Rule, a ask, result Result, all int64, problem *asof.Problem) (string, error) {
	t := c.Table
	var list []string
	for _, name := range append(slices.Clone(t.Key), r.Columns...) {
		list = append(list, "CAST(s."+sqltext.Name(name)+" AS text)")
	}
	rows, err := c.texts(fmt.Sprintf("SELECT %s FROM %s WHERE %s ORDER BY s.%s LIMIT %d",
		strings.Join(list, ", "), a.from, a.condition, strings.Join(sqltext.Names(t.Key), ", s."), samples))
	if err != nil {
		return "", err
	}
	keys := make([][]string, len(rows))
	for i, row := range rows {
		keys[i] = row[:len(t.Key)]
	}
	lines := c.Lines(keys)
	shown := make([]string, len(rows))
	for i, row := range rows {
		at := lines[strings.Join(keys[i], "\x00")]
		if i == 0 && len(at) > 0 {
			problem.Place = at[0]
		}
		shown[i] = sample(t.Key, row, at)
		if r.Kind == NotNull || len(r.Columns) == 0 || len(r.Columns) == 1 && slices.Contains(t.Key, r.Columns[0]) {
			continue
		}
		values := row[len(t.Key):]
		for j, column := range r.Columns {
			values[j] = plain(values[j], typeOf(t, column))
		}
		shown[i] += " has " + strings.Join(values, " and ")
	}
	said := fmt.Sprintf("%.0f of %d rows %s", result.Measured, all, r.failed())
	if r.Mostly > 0 {
		share := math.Floor((1-result.Measured/float64(result.Of))*1000) / 10
		said += fmt.Sprintf(" (%g %% hold, expected are %g %%)", share, r.Mostly*100)
	}
	return said + ": " + listed(shown, result.Measured), nil
}

func (c *checker) tellConstant(r Rule) (string, error) {
	value, err := c.texts("SELECT CAST(min(CAST(" + sqltext.Name(r.Columns[0]) + " AS text)) AS text) FROM " + sqltext.Name(c.Table.Name))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("every row has the value %s; a constant tells a model nothing", plain(value[0][0], typeOf(c.Table, r.Columns[0]))), nil
}

func (c *checker) tellRepeated(r Rule, n float64) (string, error) {
	var list []string
	for _, column := range sqltext.Names(r.Columns) {
		list = append(list, "CAST("+column+" AS text)")
	}
	rows, err := c.texts(fmt.Sprintf("SELECT %s, CAST(asof_count AS text) FROM (%s) q ORDER BY %s LIMIT %d",
		strings.Join(list, ", "), repeated(c.Table, r), strings.Join(sqltext.Names(r.Columns), ", "), samples))
	shown := make([]string, len(rows))
	for i, row := range rows {
		shown[i] = strings.Join(row[:len(list)], ", ") + " in " + row[len(list)] + " rows"
	}
	return fmt.Sprintf("%.0f values are there more than once: %s", n, listed(shown, n)), err
}

// tellUncovered names keys of the other table that this one has not.
func (c *checker) tellUncovered(r Rule, a ask, n float64) (string, error) {
	key := c.Loaded[r.Parent].Key
	var list []string
	for _, column := range sqltext.Names(key) {
		list = append(list, "CAST(p."+column+" AS text)")
	}
	rows, err := c.texts(fmt.Sprintf("SELECT %s FROM %s WHERE %s ORDER BY %s LIMIT %d", strings.Join(list, ", "), a.from, a.condition, strings.Join(list, ", "), samples))
	shown := make([]string, len(rows))
	for i, row := range rows {
		shown[i] = sample(key, row, nil)
	}
	return fmt.Sprintf("%.0f keys of table %q are not in the file; is it whole? %s", n, r.Parent, listed(shown, n)), err
}

// tellRows shows rows that a query returns.
func (c *checker) tellRows(r Rule, a ask, n float64) (string, error) {
	rows, err := c.texts(fmt.Sprintf("SELECT * FROM %s LIMIT %d", a.from, samples))
	shown := make([]string, len(rows))
	for i, row := range rows {
		shown[i] = strings.Join(row, ", ")
	}
	return fmt.Sprintf("the query of %s:%d returns %.0f rows, and should return none: %s", r.Place.File, r.Place.Line, n, listed(shown, n)), err
}

// sample writes one row: its key, its line, with the file where the two of a
// key stand in different ones.
func sample(key, row []string, lines []asof.Place) string {
	parts := make([]string, len(key))
	for i, k := range key {
		parts[i] = k + "=" + row[i]
	}
	text := strings.Join(parts, ", ")
	switch {
	case len(lines) == 0:
	case len(lines) == 1:
		text += fmt.Sprintf(" (line %d)", lines[0].Line)
	case lines[0].File != lines[1].File:
		text += fmt.Sprintf(" (%s:%d and %s:%d)", lines[0].File, lines[0].Line, lines[1].File, lines[1].Line)
	default:
		text += fmt.Sprintf(" (lines %d and %d)", lines[0].Line, lines[1].Line)
	}
	return text
}

// listed joins samples, of n.
func listed(shown []string, n float64) string {
	text := strings.Join(shown, "; ")
	if float64(len(shown)) < n {
		text += "; …"
	}
	return text
}

// plain takes away the zeros by which an engine fills up a numeric.
func plain(value, typ string) string {
	if strings.HasPrefix(typ, "numeric") && strings.Contains(value, ".") {
		return strings.TrimSuffix(strings.TrimRight(value, "0"), ".")
	}
	return value
}

// failed says in words how rows break the rule.
func (r Rule) failed() string {
	switch r.Kind {
	case NotNull:
		return "are empty"
	case Minimum:
		return "are below " + r.Min
	case Maximum:
		return "are above " + r.Max
	case AcceptedValues:
		return "are none of " + strings.Join(r.Values, ", ")
	case RejectedValues:
		return "are one of " + strings.Join(r.Values, ", ")
	case Matches:
		return "do not match " + r.Value
	case NotMatches:
		return "match " + r.Value
	case Length:
		return "have a length that is not " + strings.Replace(r.bounds(), "fewer", "less", 1)
	case DateFormat:
		return "are no day or time like " + r.Value
	case InMonth:
		return "are of another month"
	case NoOverlap:
		return "are not later than all of the month before"
	case Expression:
		return "are not so that " + strings.TrimSpace(r.Value)
	case Compare:
		return fmt.Sprintf("are not %s %s %s", r.Columns[0], r.Value, r.Columns[1])
	case Increasing, Decreasing:
		return r.against() + " the value before, by " + r.Value
	case References:
		return "are not in table " + sqltext.Name(r.Parent)
	}
	return ""
}

// against says how a value stands to the one before that it should not follow.
func (r Rule) against() string {
	than := "less than"
	if r.Kind == Decreasing {
		than = "greater than"
	}
	if r.Strictly {
		than = "not " + map[Kind]string{Increasing: "greater than", Decreasing: "less than"}[r.Kind]
	}
	return "are " + than
}
