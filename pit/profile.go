package pit

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/statistics"
)

// none is a number that there is not.
const none = "CAST(NULL AS DOUBLE PRECISION)"

// profileNumbers are the numbers of a column that stand before its quantiles.
const profileNumbers = 10

// Profile renders the query that describes a view's features. Its rows are read
// by ReadProfiles: one that says what a column is like, and one for each of its
// most frequent values. The source is read once, into a table of its own.
func Profile(d Dialect, v *View, q *asof.ProfileQuery) string {
	p := profiler{Dialect: d, view: v, query: q, bins: widest(q)}
	within := []string{"event IS NOT NULL", "event <= " + d.Literal(q.To)}
	if !q.From.IsZero() {
		within = append(within, "event >= "+d.Literal(q.From))
	}
	columns := []string{d.Instant("s."+d.Quote(v.Timestamp), v.columns[v.Timestamp], asof.RoundUp) + " AS event", "random() AS luck"}
	var parts []string
	for i, f := range v.Features {
		columns = append(columns, p.value(v.columns[f.Column], f.Type)+numbered(" AS c", i))
		parts = append(parts, p.summary(i))
		if p.kind(i) != asof.ProfileOpaque {
			parts = append(parts, p.frequent(i))
		}
	}
	return fmt.Sprintf(`WITH asof_described AS MATERIALIZED (
SELECT * FROM (SELECT %s
FROM %s AS s) AS source WHERE %s),
asof_size AS MATERIALIZED (SELECT CAST(count(*) AS DOUBLE PRECISION) AS n FROM asof_described),
asof_share AS MATERIALIZED (SELECT CASE WHEN n <= %[4]d THEN 2 ELSE %[4]d / n END AS p FROM asof_size)
%[5]s`, strings.Join(columns, ",\n "), v.Relation, strings.Join(within, " AND "), exact(q), strings.Join(parts, "\nUNION ALL\n"))
}

type profiler struct {
	Dialect
	view  *View
	query *asof.ProfileQuery
	bins  int
}

func exact(q *asof.ProfileQuery) int64 {
	if q.Exact > 0 {
		return q.Exact
	}
	return asof.ProfileExact
}

// widest returns how many bins the column with the most has.
func widest(q *asof.ProfileQuery) int {
	most := 0
	for _, edges := range q.Edges {
		most = max(most, len(edges)+1)
	}
	return most
}

// profileKind returns as what a column is described that a view declares as t.
// What the source has in another form than that, is opaque.
func profileKind(c asof.SourceColumn, t asof.Type) asof.ProfileKind {
	kind := asof.ProfileKindOf(t)
	c = timed(c, t)
	_, isList := c.Type.Element()
	_, list := t.Element()
	switch {
	case kind == asof.ProfileTime && !c.IsTime,
		kind == asof.ProfileLength && list != isList,
		kind == asof.ProfileLength && !list && c.Type.Value != asof.TypeBytes:
		return asof.ProfileOpaque
	}
	return kind
}

// timed returns a column of a CSV file, which is text, as the instants that a
// view declares it to hold.
func timed(c asof.SourceColumn, t asof.Type) asof.SourceColumn {
	if asof.ProfileKindOf(t) == asof.ProfileTime && c.Native == "VARCHAR" && c.Type.Value == asof.TypeUnixTimestamp {
		c.Native, c.IsTime = TextOf+"TIMESTAMPTZ", true
	}
	return c
}

func (p *profiler) kind(i int) asof.ProfileKind {
	f := p.view.Features[i]
	return profileKind(p.view.columns[f.Column], f.Type)
}

// nearest is a number as a Float32 feature has it. What rounds to nothing or is
// beyond the range is no float32 to PostgreSQL; neither are NaN and infinity asked
// for one.
const nearest = "CASE WHEN abs(%[1]s) <= 7.006492321624085e-46 THEN 0 WHEN abs(%[1]s) < 3.4028235677973366e38 THEN CAST(CAST(%[1]s AS REAL) AS DOUBLE PRECISION) ELSE %[1]s END"

// value returns a column as what it is described as.
func (p *profiler) value(c asof.SourceColumn, t asof.Type) string {
	expr := "s." + p.Quote(c.Name)
	c = timed(c, t)
	switch profileKind(c, t) {
	case asof.ProfileNumber:
		expr = "CAST(" + expr + " AS DOUBLE PRECISION)"
		if t.Value == asof.TypeFloat32 {
			return fmt.Sprintf(nearest, expr)
		}
		return expr
	case asof.ProfileTime:
		return "CAST(extract(epoch FROM " + p.Instant(expr, c, asof.RoundUp) + ") AS DOUBLE PRECISION)"
	case asof.ProfileCategory:
		if t.Value == asof.TypeBool {
			expr = "CAST(" + expr + " AS BOOLEAN)"
		}
		return "CAST(" + expr + " AS VARCHAR)"
	case asof.ProfileLength:
		if _, list := t.Element(); !list {
			if c.Native == "VARCHAR" { // a CSV file's
				expr = "encode(" + expr + ")"
			}
			return "CAST(octet_length(" + expr + ") AS DOUBLE PRECISION)"
		}
		if typ, ok := strings.CutPrefix(c.Native, TextOf); ok {
			expr = "CAST(" + expr + " AS " + typ + ")"
		}
		return "CASE WHEN " + expr + " IS NOT NULL THEN CAST(coalesce(array_length(" + expr + ", 1), 0) AS DOUBLE PRECISION) END"
	}
	return "CASE WHEN " + expr + " IS NOT NULL THEN 1 END"
}

// isFinite holds for numbers that are described. NaN is larger than every number.
const isFinite = "c >= -%[1]g AND c <= %[1]g"

// summary renders the row that says what column i is like: rows, values,
// NaNs, infinities, distinct ones, rows sampled, least, greatest, mean, standard
// deviation, quantiles, bins.
func (p *profiler) summary(i int) string {
	finite := fmt.Sprintf(isFinite, asof.ProfileLargest)
	numbers := []string{"count(*)", "count(c)"}
	levels := "NULL"
	switch kind := p.kind(i); kind {
	case asof.ProfileOpaque:
		numbers = append(numbers, "0", "0", "0", "0", "NULL", "NULL", "NULL", "NULL")
	case asof.ProfileCategory:
		numbers = append(numbers, "0", "0", "count(DISTINCT c) FILTER (WHERE chosen)", "count(*) FILTER (WHERE chosen)", "NULL", "NULL", "NULL", "NULL")
	default:
		numbers = append(numbers, "count(*) FILTER (WHERE c = CAST('NaN' AS DOUBLE PRECISION))",
			"count(*) FILTER (WHERE c <> CAST('NaN' AS DOUBLE PRECISION) AND NOT ("+finite+"))",
			"count(DISTINCT f) FILTER (WHERE chosen)", "count(*) FILTER (WHERE chosen)", "min(f)", "max(f)", "avg(f)", "stddev_samp(f)")
		var at []string
		for _, level := range asof.ProfileLevels {
			at = append(at, strconv.FormatFloat(level, 'g', -1, 64))
		}
		levels = "percentile_cont(ARRAY[" + strings.Join(at, ", ") + "]) WITHIN GROUP (ORDER BY f) FILTER (WHERE chosen)"
	}
	inner, outer := []string{levels + " AS q"}, []string{strconv.Itoa(i), "0", "CAST(NULL AS VARCHAR)"}
	for j, number := range append(numbers, p.counts(i)...) {
		inner = append(inner, "CAST("+number+" AS DOUBLE PRECISION)"+numbered(" AS n", j))
		if j == profileNumbers {
			outer = append(outer, p.quantiles(levels != "NULL")...)
		}
		outer = append(outer, numbered("n", j))
	}
	if p.bins == 0 {
		outer = append(outer, p.quantiles(levels != "NULL")...)
	}
	f := "c"
	if p.numeric(i) {
		f = "CASE WHEN " + finite + " THEN c END"
	}
	return fmt.Sprintf("SELECT %s FROM (SELECT %s FROM (SELECT c, %s AS f, luck < p AS chosen FROM (SELECT c%d AS c, luck FROM asof_described) AS one CROSS JOIN asof_share) AS finite) AS summary",
		strings.Join(outer, ", "), strings.Join(inner, ", "), f, i)
}

func (p *profiler) numeric(i int) bool {
	kind := p.kind(i)
	return kind != asof.ProfileOpaque && kind != asof.ProfileCategory
}

func (p *profiler) quantiles(some bool) []string {
	out := make([]string, len(asof.ProfileLevels))
	for j := range out {
		if out[j] = none; some {
			out[j] = fmt.Sprintf("q[%d]", j+1)
		}
	}
	return out
}

// counts returns how many values are in each bin, and NULL for those that only
// other columns have.
func (p *profiler) counts(i int) []string {
	counts := make([]string, p.bins)
	f := p.view.Features[i]
	edges := p.query.Edges[f.Output]
	if f.Type.Value == asof.TypeFloat32 {
		edges = statistics.Edges32(edges)
	}
	number := func(v float64) string {
		return "CAST('" + strconv.FormatFloat(v, 'g', -1, 64) + "' AS DOUBLE PRECISION)"
	}
	for j := range counts {
		var where []string
		if j > 0 && j <= len(edges) {
			where = append(where, "f > "+number(edges[j-1]))
		}
		if j < len(edges) {
			where = append(where, "f <= "+number(edges[j]))
		}
		if counts[j] = "NULL"; len(where) > 0 && j <= len(edges) && p.numeric(i) {
			counts[j] = "count(*) FILTER (WHERE " + strings.Join(where, " AND ") + ")"
		}
	}
	return counts
}

// frequent renders the rows of the most frequent values of column i.
func (p *profiler) frequent(i int) string {
	text, number, most, where := "CAST(NULL AS VARCHAR)", "c", asof.ProfileTopNumbers, fmt.Sprintf(isFinite, asof.ProfileLargest)
	rank := "c"
	if !p.numeric(i) {
		text, number, most, where = "c", none, asof.ProfileTopCategories, "c IS NOT NULL"
		rank = p.Rank("c", asof.SourceColumn{Native: "text", Type: asof.Scalar(asof.TypeString)})
	}
	columns := []string{strconv.Itoa(i), "CAST(row_number() OVER (ORDER BY n DESC, " + rank + ") AS INTEGER) AS place", text, "CAST(n AS DOUBLE PRECISION)", number}
	for j := range profileNumbers + len(asof.ProfileLevels) + p.bins - 2 {
		columns = append(columns, none+numbered(" AS e", j))
	}
	return fmt.Sprintf("SELECT * FROM (SELECT %s FROM (SELECT c, count(*) AS n FROM (SELECT c%d AS c, luck FROM asof_described) AS one CROSS JOIN asof_share WHERE luck < p AND %s GROUP BY c) AS grouped) AS frequent WHERE place <= %d",
		strings.Join(columns, ", "), i, where, most)
}
