package pit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/asof-dev/asof"
)

// Events makes q select its entity rows from what its views hold; q.Views are
// set. The columns of the SQL are for the engine to find out.
func Events(d Dialect, q *Query, e *asof.Events, timestamp string) error {
	keys := eventKeys(q.Views)
	var parts []string
	for _, v := range q.Views {
		if part, ok := eventsOf(d, v, keys, e, timestamp); ok {
			parts = append(parts, part)
		}
	}
	if len(parts) == 0 {
		return asof.Errorf(asof.CodeInvalid, "entity rows of a span of time need a view that has all the join keys, and none has %s; give entity rows, or ask for views of the same keys",
			strings.Join(keyNamesOf(keys), ", "))
	}
	q.From, q.To = e.From, e.To
	if !e.At.IsZero() {
		q.From, q.To = e.At, e.At
	}
	q.Select = &Select{SQL: strings.Join(parts, "\nUNION\n"), Timestamp: timestamp, Events: true}
	return nil
}

// eventKeys returns the keys of the views, each as the first view declares it.
func eventKeys(views []*View) []Key {
	var keys []Key
	for _, k := range Keys(views) {
		if !slices.Contains(keyNamesOf(keys), k.Name) {
			keys = append(keys, k)
		}
	}
	return keys
}

func keyNamesOf(keys []Key) []string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.Name
	}
	return names
}

// eventsOf selects a view's keys and times; false where it lacks a key.
func eventsOf(d Dialect, v *View, keys []Key, e *asof.Events, timestamp string) (string, bool) {
	var inner, outer []string
	where := []string{"event IS NOT NULL"}
	for i, key := range keys {
		at := slices.IndexFunc(v.Keys, func(k asof.KeyColumn) bool { return k.Entity == key.Name })
		if at < 0 {
			return "", false
		}
		column := v.Keys[at].Column
		inner = append(inner, d.Key("s."+d.Quote(column), v.columns[column], key.Type)+numbered(" AS k", i))
		outer = append(outer, numbered("s.k", i)+" AS "+d.Quote(key.Name))
		where = append(where, numbered("k", i)+" IS NOT NULL")
	}
	inner = append(inner, d.Instant("s."+d.Quote(v.Timestamp), v.columns[v.Timestamp], asof.RoundUp)+" AS event")
	time, last := "s.event", e.To
	if !e.At.IsZero() {
		time, last = d.Literal(e.At), e.At
	}
	where = append(where, "event <= "+d.Literal(last))
	if e.At.IsZero() && !e.From.IsZero() {
		where = append(where, "event >= "+d.Literal(e.From))
	}
	return fmt.Sprintf("SELECT DISTINCT %s\nFROM (SELECT %s FROM %s AS s) AS s\nWHERE %s", strings.Join(append(outer, time+" AS "+d.Quote(timestamp)), ", "),
		strings.Join(inner, ", "), v.Relation, strings.Join(where, " AND ")), true
}

// eventOrder returns what puts rows of Events in order: every column, the time
// last. What a user selects comes in its own order.
func (r *renderer) eventOrder(s *Select) []string {
	var order []string
	if s.Events {
		for _, c := range s.Columns {
			order = append(order, r.Rank("q."+r.Quote(c.Name), c))
		}
	}
	return order
}

// answer returns the columns of the entity rows: as they are selected, and
// those of Events in their declared types.
func (s *Select) answer(views []*View) []column {
	columns := make([]column, len(s.Columns))
	for i, c := range s.Columns {
		columns[i].name = c.Name
	}
	if !s.Events {
		return columns
	}
	instant := asof.Scalar(asof.TypeUnixTimestamp)
	columns[len(columns)-1].to = &instant
	for i, k := range eventKeys(views) {
		if k.Type.Value == asof.TypeInvalid {
			continue
		}
		columns[i].to = &k.Type
		for _, v := range slices.Backward(views) {
			if at := slices.IndexFunc(v.Keys, func(c asof.KeyColumn) bool { return c.Entity == k.Name }); at >= 0 {
				columns[i].view, columns[i].from = v.View, v.said(v.Keys[at].Column)
			}
		}
	}
	return columns
}
