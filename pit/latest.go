package pit

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/asof-dev/asof"
)

// Latest renders the query for the newest row of each key: the keys, the event
// and created timestamps, the features. With wanted, only for the keys that
// WantedTable holds.
//
// Only the rows at the newest event of their key are ranked: to find that event
// takes two columns and no sort, and mostly leaves one row of each key.
func Latest(d Dialect, q *asof.Latest, v *View) string {
	r := &renderer{Dialect: d, keys: Keys([]*View{v})}
	columns := r.latest(q, v, v.readTwice())
	newest := first("asof_source\n    WHERE "+v.atNewest("asof_source"), v.keyNames(), r.order(v, newestFirst))
	sql := "SELECT " + columns + "\nFROM (\n  " + newest + "\n) AS s"
	if order := r.placed(v); q.Sorted && len(order) > 0 {
		sql += "\nORDER BY " + strings.Join(order, ", ")
	}
	return r.sql(sql)
}

// readTwice says how rows of the view that a query names twice are made. Those of
// a table or of files are read again, each time as few columns as are needed;
// the user's SQL runs once, since nothing says that it answers the same again.
func (v *View) readTwice() string {
	if strings.HasPrefix(v.Relation, "(") {
		return "MATERIALIZED "
	}
	return "NOT MATERIALIZED "
}

// atNewest is the condition that a row of a table is at the newest event of its key.
func (v *View) atNewest(table string) string {
	keys := strings.Join(v.keyNames(), ", ")
	if keys == "" {
		return fmt.Sprintf("event = (SELECT max(event) FROM %s)", table)
	}
	return fmt.Sprintf("(%s, event) IN (SELECT %s, max(event) FROM %s GROUP BY %s)", keys, keys, table, keys)
}

// placed returns what puts rows nearly in the order of their entity keys' bytes:
// text by its length and then its bytes, integers by their lowest byte first.
func (r *renderer) placed(v *View) []string {
	inOrder := make([]int, len(v.Keys)) // a key holds its parts by their names
	for i := range inOrder {
		inOrder[i] = i
	}
	slices.SortFunc(inOrder, func(a, b int) int { return strings.Compare(v.Keys[a].Entity, v.Keys[b].Entity) })
	var order []string
	for _, i := range inOrder {
		k := numbered("s.k", i)
		switch familyOf(v.Keys[i].Type) {
		case textual:
			order = append(order, "length("+k+")", r.Rank(k, asof.SourceColumn{Native: "text", Type: v.Keys[i].Type}))
		case number:
			n := "CAST(" + k + " AS bigint)"
			order = append(order, fmt.Sprintf("((%s & 255) << 24) | (((%[1]s >> 8) & 255) << 16) | (((%[1]s >> 16) & 255) << 8) | ((%[1]s >> 24) & 255)", n), k)
		default:
			order = append(order, k)
		}
	}
	return order
}

// History renders the query for the rows among which Latest chooses.
func History(d Dialect, q *asof.RowsQuery, v *View) string {
	r := &renderer{Dialect: d, keys: Keys([]*View{v})}
	columns := r.latest(&q.Latest, v, "")
	order := append([]string{"event DESC"}, r.order(v, newestFirst)...)
	if q.OldestFirst {
		order = append([]string{"event"}, r.order(v, oldestFirst)...)
	}
	// A place is given within: ORDER BY takes a feature's name before a column's.
	sql := fmt.Sprintf("SELECT %s\nFROM (\n  SELECT *, row_number() OVER (%s) AS place FROM asof_source\n) AS s\nORDER BY s.place",
		columns, window(nil, order))
	if q.Limit > 0 {
		sql += "\nLIMIT " + strconv.Itoa(q.Limit)
	}
	return r.sql(sql)
}

// latest adds the view's rows within the span as asof_source, made in that way,
// and returns what is selected of them.
func (r *renderer) latest(q *asof.Latest, v *View, made string) string {
	where := r.span(q.From, q.To)
	if !q.Since.IsZero() {
		where = append(where, "created >= "+r.Literal(q.Since))
	}
	r.source(v, "asof_source AS "+made, nil, append(where, r.wanted(v, q.Keys != nil)...))

	var columns []string
	for i, k := range v.Keys {
		columns = append(columns, numbered("s.k", i)+" AS "+r.Quote(k.Entity))
	}
	created := "CAST(NULL AS timestamp)"
	if v.Created != "" {
		created = "s.created"
	}
	columns = append(columns, "s.event AS "+asof.EventTimestamp, created+" AS "+asof.CreatedTimestamp)
	for _, f := range v.Features {
		columns = append(columns, r.Value("s."+v.read(f.Column), v.columns[f.Column], f.Type)+" AS "+r.Quote(f.Output))
	}
	return strings.Join(columns, ",\n  ")
}
