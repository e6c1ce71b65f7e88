package check

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/asof-dev/asof/sqltext"
	"github.com/asof-dev/asof/statistics"
)

// bins is into how many parts of equal size the month before is divided, and
// how many of its most frequent texts have a part of their own.
const bins, frequent = 10, 50

// compare measures a column against the month before.
func (c *checker) compare(r Rule) (string, error) {
	if r.Kind == KS {
		return c.distance(r)
	}
	psi, err := c.stability(r)
	return strconv.FormatFloat(psi, 'g', -1, 64), err
}

// distance returns the greatest distance between the cumulative distributions
// of a column before and now, the statistic of Kolmogorov and Smirnov; "" where
// either has no values.
func (c *checker) distance(r Rule) (string, error) {
	column := "CAST(s." + sqltext.Name(r.Columns[0]) + " AS double precision)"
	rows, err := c.texts(fmt.Sprintf(`SELECT CAST(max(abs(now - before)) AS text) FROM (
 SELECT sum(a) OVER (ORDER BY v) / nullif(sum(a) OVER (), 0) AS now, sum(b) OVER (ORDER BY v) / nullif(sum(b) OVER (), 0) AS before FROM (
  SELECT v, CAST(sum(a) AS double precision) AS a, CAST(sum(b) AS double precision) AS b FROM (
   SELECT %[1]s AS v, 1 AS a, 0 AS b FROM %[2]s s UNION ALL SELECT %[1]s, 0, 1 FROM %[3]s s) both_months
  WHERE v IS NOT NULL GROUP BY v) by_value) cumulated`, column, sqltext.Name(c.Table.Name), c.Before))
	if err != nil {
		return "", err
	}
	return rows[0][0], nil
}

// stability measures the PSI of a column now against the month before: in bins
// of equal size then, or by value where they are no numbers. Nulls are a bin of
// their own.
func (c *checker) stability(r Rule) (float64, error) {
	edges, err := c.edges(r)
	if err != nil {
		return math.NaN(), err
	}
	column := "s." + sqltext.Name(r.Columns[0])
	which := "CASE WHEN " + column + " IS NULL THEN 0"
	for i, edge := range edges {
		which += fmt.Sprintf(" WHEN %s THEN %d", edge, i+1)
	}
	which += fmt.Sprintf(" ELSE %d END", len(edges)+1)
	rows, err := c.texts(fmt.Sprintf(`SELECT CAST(sum(b) AS text), CAST(sum(a) AS text) FROM (
 SELECT %[1]s AS bin, 1 AS a, 0 AS b FROM %[2]s s UNION ALL SELECT %[1]s, 0, 1 FROM %[3]s s) both_months GROUP BY bin`,
		which, sqltext.Name(c.Table.Name), c.Before))
	if err != nil {
		return math.NaN(), err
	}
	expected, actual := make([]int64, len(rows)), make([]int64, len(rows))
	for i, row := range rows {
		expected[i], _ = strconv.ParseInt(row[0], 10, 64)
		actual[i], _ = strconv.ParseInt(row[1], 10, 64)
	}
	return statistics.PSI(expected, actual), nil
}

// edges returns conditions of which the first that holds says the bin.
func (c *checker) edges(r Rule) ([]string, error) {
	column := "s." + sqltext.Name(r.Columns[0])
	if family(typeOf(c.Table, r.Columns[0])) != "number" {
		rows, err := c.texts(fmt.Sprintf("SELECT CAST(%[1]s AS text) FROM %[2]s s WHERE %[1]s IS NOT NULL GROUP BY %[1]s ORDER BY count(*) DESC, %[1]s LIMIT %[3]d", column, c.Before, frequent))
		var same []string
		for _, row := range rows {
			same = append(same, "CAST("+column+" AS text) = "+sqltext.Text(row[0]))
		}
		return same, err
	}
	double := "CAST(" + column + " AS double precision)"
	parts := make([]string, bins-1)
	for i := range parts {
		parts[i] = fmt.Sprintf("CAST(percentile_disc(%g) WITHIN GROUP (ORDER BY %s) AS text)", float64(i+1)/bins, double)
	}
	rows, err := c.texts("SELECT " + strings.Join(parts, ", ") + " FROM " + c.Before + " s")
	if err != nil {
		return nil, err
	}
	var below []string
	for _, edge := range rows[0] {
		if edge != "" {
			below = append(below, double+" <= CAST("+sqltext.Text(edge)+" AS double precision)")
		}
	}
	return below, nil
}
