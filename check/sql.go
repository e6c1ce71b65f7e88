package check

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqltext"
)

// ask is what SQL a rule is put by.
type ask struct {
	from      string // the rows, as s
	condition string // holds for rows that break the rule; "" where no single row does
	found     string // the number by which the rule is judged
	of        string // of how many rows that is; "" where none are counted
}

// ask returns the SQL of a rule.
func (c *checker) ask(r Rule) (ask, error) {
	table := sqltext.Name(c.Table.Name)
	switch r.Kind {
	case References:
		return c.references(r)
	case Covers:
		from, condition := uncovered(c.Table, c.Loaded[r.Parent])
		return ask{from: from, condition: condition, found: "(SELECT count(*) FROM " + from + " WHERE " + condition + ")"}, nil
	case SQL:
		from := subquery(r)
		return ask{from: from, condition: "TRUE", found: "(SELECT count(*) FROM " + from + ")"}, nil
	case Unique:
		return ask{found: "(SELECT count(*) FROM (" + repeated(c.Table, r) + ") q)"}, nil
	case Increasing, Decreasing:
		return c.monotonic(r), nil
	case Schema:
		return ask{found: strconv.Itoa(len(r.differences(c.Table)))}, nil
	case OnTime:
		return ask{found: strconv.Itoa(daysLate(r.calendar(), c.AsOf, c.Came))}, nil
	case MonthGap:
		return ask{found: strconv.Itoa(monthsBetween(c.BeforeDay, c.AsOf) - 1)}, nil
	}
	if measure := c.measure(r); measure != "" {
		return ask{found: measure}, nil
	}
	condition, err := c.condition(r)
	judged := "count(*)"
	switch r.Kind {
	case NotNull:
	case Expression:
		judged += " FILTER (WHERE (" + condition + ") IS NOT NULL)"
	default:
		present := make([]string, len(r.Columns))
		for i, column := range r.Columns {
			present[i] = "s." + sqltext.Name(column) + " IS NOT NULL"
		}
		judged += " FILTER (WHERE " + strings.Join(present, " AND ") + ")"
	}
	return ask{from: table + " s", condition: condition, found: "count(*) FILTER (WHERE " + condition + ")", of: judged}, err
}

// subquery returns what an sql rule selects, as s. A comment at its end ends
// with its line.
func subquery(r Rule) string { return "(" + strings.TrimRight(r.Value, "; \n\t") + "\n) s" }

// monotonic asks for values that are less, or greater, than the one before. Of
// rows that the order leaves side by side, the key says which is first.
func (c *checker) monotonic(r Rule) ask {
	column, wrong := sqltext.Name(r.Columns[0]), "<"
	if r.Kind == Decreasing {
		wrong = ">"
	}
	if r.Strictly {
		wrong += "="
	}
	order := strings.Join(append([]string{sqltext.Name(r.Value)}, sqltext.Names(c.Table.Key)...), ", ")
	from := fmt.Sprintf("(SELECT *, lag(%[1]s) OVER (ORDER BY %[2]s) AS asof_before FROM %[3]s WHERE %[1]s IS NOT NULL) s", column, order, sqltext.Name(c.Table.Name))
	condition := "s." + column + " " + wrong + " s.asof_before"
	return ask{from: from, condition: condition, found: "(SELECT count(*) FROM " + from + " WHERE " + condition + ")", of: "count(s." + column + ")"}
}

// dayGap returns SQL for the most days in a row between two that rows are of.
func (c *checker) dayGap(column string) string {
	days := "SELECT CAST(s." + column + " AS date) AS d FROM " + sqltext.Name(c.Table.Name) + " s"
	if c.Before != "" {
		days += " UNION SELECT CAST(max(s." + column + ") AS date) FROM " + c.Before + " s"
	}
	return "(SELECT max(d - before - 1) FROM (SELECT d, lag(d) OVER (ORDER BY d) AS before FROM (" + days + ") days WHERE d IS NOT NULL) gaps)"
}

// month returns SQL that holds for values of the month that the files are of.
func (c *checker) month(column string) string {
	first := time.Date(c.AsOf.Year(), c.AsOf.Month(), 1, 0, 0, 0, 0, time.UTC)
	return fmt.Sprintf("(%[1]s >= DATE '%[2]s' AND %[1]s < DATE '%[3]s')", column, first.Format(time.DateOnly), first.AddDate(0, 1, 0).Format(time.DateOnly))
}

func monthsBetween(from, to time.Time) int {
	return (to.Year()-from.Year())*12 + int(to.Month()) - int(from.Month())
}

// measure returns SQL for what is measured of the table; "" for rules about
// rows.
func (c *checker) measure(r Rule) string {
	switch r.Kind {
	case Rows:
		return "count(*)"
	case RowChange:
		return "CAST(count(*) AS double precision) / nullif((SELECT count(*) FROM " + c.Before + " s), 0) - 1"
	}
	if len(r.Columns) == 0 {
		return ""
	}
	column := "s." + sqltext.Name(r.Columns[0])
	double := "CAST(" + column + " AS double precision)"
	switch r.Kind {
	case NotConstant:
		text := "CAST(" + column + " AS text)"
		return "CASE WHEN count(" + text + ") > 1 AND min(" + text + ") = max(" + text + ") THEN 1 ELSE 0 END"
	case NullShare:
		return "1 - CAST(count(" + column + ") AS double precision) / nullif(count(*), 0)"
	case MonthPresent:
		return "count(*) FILTER (WHERE " + c.month(column) + ")"
	case DayGap:
		return c.dayGap(sqltext.Name(r.Columns[0]))
	case Lowest:
		return "min(" + double + ")"
	case Highest:
		return "max(" + double + ")"
	case PSI, KS:
		return "NULL" // have queries of their own
	case Distinct:
		return "count(DISTINCT " + column + ")"
	case Mean:
		return "avg(" + double + ")"
	case Sum:
		return "sum(" + double + ")"
	case Stddev:
		return "stddev_samp(" + double + ")"
	case Median, Quantile:
		at := r.At
		if r.Kind == Median {
			at = 0.5
		}
		return fmt.Sprintf("percentile_cont(%g) WITHIN GROUP (ORDER BY %s)", at, double)
	case DaysOld:
		return fmt.Sprintf("DATE '%s' - CAST(max(%s) AS date)", c.AsOf.Format(time.DateOnly), column)
	}
	return ""
}

// condition returns SQL that holds for the rows that break a rule.
func (c *checker) condition(r Rule) (string, error) {
	if r.Kind == Expression {
		return "NOT (" + r.Value + "\n)", nil
	}
	column, typ := "s."+sqltext.Name(r.Columns[0]), typeOf(c.Table, r.Columns[0])
	switch r.Kind {
	case NotNull:
		return column + " IS NULL", nil
	case Minimum:
		return column + " < " + literal(r.Min, typ), nil
	case Maximum:
		return column + " > " + literal(r.Max, typ), nil
	case AcceptedValues:
		return "CAST(" + column + " AS text) NOT IN (" + texts(r.Values, typ) + ")", nil
	case RejectedValues:
		return "CAST(" + column + " AS text) IN (" + texts(r.Values, typ) + ")", nil
	case Matches, NotMatches:
		wanted, err := pattern(r.Value)
		not := ""
		if r.Kind == Matches {
			not = "NOT "
		}
		return not + "(" + column + " ~ " + sqltext.Text(wanted) + ")", err
	case Length:
		var sides []string
		if r.Min != "" {
			sides = append(sides, "length("+column+") < "+r.Min)
		}
		if r.Max != "" {
			sides = append(sides, "length("+column+") > "+r.Max)
		}
		return "(" + strings.Join(sides, " OR ") + ")", nil
	case DateFormat:
		wanted, err := readFormat(r.Value)
		if err != nil {
			return "", err
		}
		return wanted.misses(column)
	case InMonth:
		return "NOT " + c.month(column), nil
	case NoOverlap:
		return column + " <= (SELECT max(b." + sqltext.Name(r.Columns[0]) + ") FROM " + c.Before + " b)", nil
	case Compare:
		return "NOT (" + column + " " + r.Value + " s." + sqltext.Name(r.Columns[1]) + ")", nil
	}
	return "", asof.Errorf(asof.CodeInternal, "the rule %s has no query", r.Kind)
}

// references asks for values that are neither staged nor published in the
// table that they refer to.
func (c *checker) references(r Rule) (ask, error) {
	published, there, err := c.stage.Published(c.ctx, r.Parent)
	if err != nil {
		return ask{}, err
	}
	parent, loaded := c.Loaded[r.Parent]
	if !loaded && !there {
		return ask{}, asof.Errorf(asof.CodeInvalid, "table %q refers to table %q, which is neither loaded nor in the warehouse", c.Table.Name, r.Parent)
	}
	column, key := "s."+sqltext.Name(r.Columns[0]), r.Columns[0]
	condition := column + " IS NOT NULL"
	switch {
	case r.Value != "":
		key = r.Value
	case loaded:
		key = parent.Key[0]
	}
	if loaded {
		condition += " AND NOT EXISTS (SELECT 1 FROM " + sqltext.Name(r.Parent) + " p WHERE p." + sqltext.Name(key) + " = " + column + ")"
	}
	if there {
		condition += " AND NOT EXISTS (SELECT 1 FROM " + published + " p WHERE p." + sqltext.Name(key) + " = " + column + ")"
	}
	from := sqltext.Name(c.Table.Name) + " s"
	// A query of its own, and no FILTER: one that looks into another table is
	// a join then, and not a search for every row.
	return ask{from: from, condition: condition, found: "(SELECT count(*) FROM " + from + " WHERE " + condition + ")", of: "count(" + column + ")"}, nil
}

// uncovered returns the rows, as p, and the condition for the keys of another
// table that t has not.
func uncovered(t, other asof.Table) (from, condition string) {
	same := make([]string, len(t.Key))
	for i, k := range t.Key {
		same[i] = "s." + sqltext.Name(k) + " = p." + sqltext.Name(other.Key[i])
	}
	return sqltext.Name(other.Name) + " p", "NOT EXISTS (SELECT 1 FROM " + sqltext.Name(t.Name) + " s WHERE " + strings.Join(same, " AND ") + ")"
}

// repeated returns SQL for the values that a unique rule finds more than once.
func repeated(t asof.Table, r Rule) string {
	list := strings.Join(sqltext.Names(r.Columns), ", ")
	return "SELECT " + list + ", count(*) AS asof_count FROM " + sqltext.Name(t.Name) +
		" WHERE " + strings.Join(sqltext.Names(r.Columns), " IS NOT NULL AND ") + " IS NOT NULL GROUP BY " + list + " HAVING count(*) > 1"
}

func literal(bound, typ string) string {
	if typ == "date" {
		return "DATE '" + bound + "'"
	}
	return bound
}

func texts(values []string, typ string) string {
	list := make([]string, len(values))
	for i, v := range values {
		if typ == "boolean" {
			v = strings.ToLower(v)
		}
		list[i] = sqltext.Text(v)
	}
	return strings.Join(list, ", ")
}
