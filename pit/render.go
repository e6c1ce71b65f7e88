package pit

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/asof-dev/asof"
)

// The tables that an engine fills. The columns are nr (the row's number), at
// (its time), k0, k1, … (its keys, in the order of Keys). No name of these
// queries comes from the user but in quotes or behind a table's name, and the
// names of their tables start with asof_, so that nothing clashes.
const (
	EntityTable = "asof_entities"
	WantedTable = "asof_wanted"
)

// Query is a point-in-time query to be rendered.
type Query struct {
	Views  []*View
	Cutoff bool
	Select *Select   // makes the entity rows; nil: they are in EntityTable
	From   time.Time // the oldest and the newest time among the entity rows;
	To     time.Time // zero where they are not known
}

// Select makes entity rows in the engine.
type Select struct {
	SQL       string
	Columns   []asof.SourceColumn // what it selects
	Timestamp string
	Events    bool // SQL is that of Events: its rows are put in order, its columns have declared types
}

// Key is a column of the entity rows by which views are looked up.
type Key struct {
	Name string
	Type asof.Type
}

// Keys returns the keys of the entity rows that the views need, each once: two
// views that declare one column in two types need it in both.
func Keys(views []*View) []Key {
	var keys []Key
	for _, v := range views {
		for _, k := range v.Keys {
			if key := (Key{k.Entity, k.Type}); keyIndex(keys, key) < 0 {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

func keyIndex(keys []Key, key Key) int {
	return slices.IndexFunc(keys, func(k Key) bool { return k.Name == key.Name && k.Type.Equal(key.Type) })
}

// renderer writes one query.
type renderer struct {
	Dialect
	with []string // common table expressions
	keys []Key
}

// Historical renders a point-in-time query. The rows come in the order of the
// entity rows: their own columns first where q.Select makes them, then each
// view's features.
func Historical(d Dialect, q *Query) string {
	r := &renderer{Dialect: d, keys: Keys(q.Views)}
	var columns []string
	if q.Select != nil {
		r.with = append(r.with, r.entities(q.Select))
		for i, c := range q.Select.Columns {
			columns = append(columns, numbered("e.c", i)+" AS "+d.Quote(c.Name))
		}
	}
	var joins strings.Builder
	for i, v := range q.Views {
		m := r.match(q, v, i)
		joins.WriteString("\n" + m.join)
		for _, f := range v.Features {
			value := m.value(m.alias + "." + v.read(f.Column))
			columns = append(columns, d.Value(value, v.columns[f.Column], f.Type)+" AS "+d.Quote(f.Output))
		}
	}
	return r.sql("SELECT " + strings.Join(columns, ",\n  ") + "\nFROM " + r.rows(q) + " AS e" + joins.String() + "\nORDER BY e.nr")
}

// entities renders the rows that a SELECT makes, numbered.
func (r *renderer) entities(s *Select) string {
	columns := []string{"row_number() OVER (" + window(nil, r.eventOrder(s)) + ") AS nr"}
	lookedUp, own := r.entityColumns(s)
	columns = append(columns, lookedUp...)
	for i, c := range own {
		columns = append(columns, c+numbered(" AS c", i))
	}
	return EntityTable + " AS MATERIALIZED (\n  SELECT " + strings.Join(columns, ", ") + "\n  FROM (\n" + s.SQL + "\n  ) AS q\n)"
}

// entityColumns returns what the rows of a SELECT are looked up by, as at, k0,
// k1, …, and their own columns.
func (r *renderer) entityColumns(s *Select) (lookedUp, own []string) {
	for _, c := range s.Columns {
		if c.Name == s.Timestamp {
			lookedUp = append(lookedUp, r.Instant("q."+r.Quote(c.Name), c, asof.RoundDown)+" AS at")
		}
	}
	for i, k := range r.keys {
		for _, c := range s.Columns {
			if c.Name == k.Name {
				lookedUp = append(lookedUp, r.Key("q."+r.Quote(c.Name), c, k.Type)+numbered(" AS k", i))
			}
		}
	}
	for _, c := range s.Columns {
		own = append(own, r.Value("q."+r.Quote(c.Name), c, asof.Type{}))
	}
	return lookedUp, own
}

// span bounds the event time, on both sides where they are known.
func (r *renderer) span(from, to time.Time) []string {
	var where []string
	if !from.IsZero() {
		where = append(where, "event >= "+r.Literal(from))
	}
	if !to.IsZero() {
		where = append(where, "event <= "+r.Literal(to))
	}
	return where
}

// wanted bounds a view's rows to the keys that WantedTable holds.
func (r *renderer) wanted(v *View, some bool) []string {
	keys := strings.Join(v.keyNames(), ", ")
	if !some || keys == "" {
		return nil
	}
	return []string{fmt.Sprintf("(%s) IN (SELECT %s FROM %s)", keys, keys, WantedTable)}
}

// first selects from a table the row of each part that comes first in order.
func first(table string, by, order []string) string {
	if len(by) == 0 { // DuckDB 1.5 makes a row of NULLs of the first place among no rows
		one := "SELECT * FROM " + table
		if len(order) > 0 {
			one += "\n    ORDER BY " + strings.Join(order, ", ")
		}
		return one + "\n    LIMIT 1"
	}
	return fmt.Sprintf("SELECT * FROM (\n    SELECT *, row_number() OVER (%s) AS place\n    FROM %s\n  ) AS s\n  WHERE place = 1",
		window(by, order), table)
}

func window(by, order []string) string {
	var parts []string
	if len(by) > 0 {
		parts = append(parts, "PARTITION BY "+strings.Join(by, ", "))
	}
	if len(order) > 0 {
		parts = append(parts, "ORDER BY "+strings.Join(order, ", "))
	}
	return strings.Join(parts, " ")
}

// Range renders the query for how many rows a relation has, and the oldest and
// the newest of a column of times. An infinite one, which a database may hold, is
// no time.
func Range(d Dialect, relation string, timestamp asof.SourceColumn) string {
	return fmt.Sprintf("SELECT count(*), min(event) FILTER (WHERE isfinite(event)), max(event) FILTER (WHERE isfinite(event))\nFROM (SELECT %s AS event FROM %s AS s) AS source",
		d.Instant("s."+d.Quote(timestamp.Name), timestamp, asof.RoundUp), relation)
}

// source adds the view's rows under the common names: k0, k1, …, event,
// created, f0, f1, …. Rows without a key or a time can match nothing.
// The head is their table's name and AS; within bounds the time, where the rest.
func (r *renderer) source(v *View, head string, within, where []string) {
	var columns, present []string
	for i, k := range v.Keys {
		columns = append(columns, r.Key("s."+r.Quote(k.Column), v.columns[k.Column], k.Type)+numbered(" AS k", i))
		present = append(present, numbered("k", i)+" IS NOT NULL")
	}
	columns = append(columns, r.Instant(r.time(v), v.columns[v.Timestamp], asof.RoundUp)+" AS event")
	if v.Created != "" {
		columns = append(columns, r.Instant("s."+r.Quote(v.Created), v.columns[v.Created], asof.RoundUp)+" AS created")
	}
	for i, f := range v.names {
		columns = append(columns, "s."+r.Quote(f)+numbered(" AS f", i))
	}
	where = append(append(present, "event IS NOT NULL"), where...)
	from := v.Relation + " AS s"
	if r.Facts().Native == nil {
		where = append(where, within...)
	} else if len(within) > 0 {
		from += "\n    WHERE " + strings.Join(within, " AND ")
	}
	r.with = append(r.with, fmt.Sprintf("%s(\n  SELECT * FROM (\n    SELECT %s\n    FROM %s\n  ) AS s\n  WHERE %s\n)",
		head, strings.Join(columns, ", "), from, strings.Join(where, " AND ")))
}

// What follows each column where rows of one key are ordered.
const (
	newestFirst = " DESC NULLS LAST"
	oldestFirst = " NULLS FIRST"
)

// order returns what decides between the rows of one key and one time.
func (r *renderer) order(v *View, direction string) []string {
	var order []string
	if v.Created != "" {
		order = append(order, "created"+direction)
	}
	for _, name := range v.ranked() {
		order = append(order, r.Rank(v.read(name), v.columns[name])+direction)
	}
	return order
}

func (r *renderer) sql(body string) string {
	if len(r.with) == 0 {
		return body
	}
	return "WITH " + strings.Join(r.with, ",\n") + "\n" + body
}

// keyNames returns the names of the view's own keys: k0, k1, ….
func (v *View) keyNames() []string {
	names := make([]string, len(v.Keys))
	for i := range v.Keys {
		names[i] = numbered("k", i)
	}
	return names
}

func numbered(prefix string, i int) string { return prefix + strconv.Itoa(i) }
