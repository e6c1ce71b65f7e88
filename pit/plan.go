package pit

import (
	"fmt"
	"strings"
	"time"
)

// matched is how the rows of one view stand beside the entity rows e.
type matched struct {
	alias string
	join  string // joins at most one row of the view to each entity row
	valid string // a condition on that row beside the join's; "" for none
}

// value returns a column of the row that matched.
func (m matched) value(expr string) string {
	if m.valid == "" {
		return expr
	}
	return "CASE WHEN " + m.valid + " THEN " + expr + " END"
}

// match renders view number i by the plan that suits the engine and the query.
func (r *renderer) match(q *Query, v *View, i int) matched {
	if v.Lookup != NoLookup {
		return r.lookup(q, v, i)
	}
	source := numbered("asof_source_", i)
	r.source(v, source+" AS ", r.within(q, v), nil)
	switch {
	case q.Cutoff && v.Created != "":
		return r.ranged(v, i, source)
	case r.Facts().AsOfJoin:
		return r.asOf(v, i, source)
	}
	return r.intervals(v, i, source)
}

// within bounds the source's rows to those that some entity row can match: by
// the column itself where it can be compared, of which the engine knows how its
// values lie, else by the event that is made of it.
func (r *renderer) within(q *Query, v *View) []string {
	if q.To.IsZero() {
		return nil
	}
	column, at := "event", r.Literal
	if native := r.Facts().Native; native != nil {
		column, at = r.time(v), func(t time.Time) string { return native(r.Literal(t), v.columns[v.Timestamp]) }
	}
	where := []string{column + " <= " + at(q.To)}
	if v.TTL > 0 && !q.From.IsZero() {
		where = append(where, column+" >= "+at(q.From.Add(-v.TTL)))
	}
	return where
}

// time returns the column of a view's event timestamp.
func (r *renderer) time(v *View) string { return "s." + r.Quote(v.Timestamp) }

// asOf keeps one row for each key and time, and lets the engine find the last
// at or before each entity row's time. A row too old for the ttl has none
// younger behind it, so the ttl is checked afterwards.
func (r *renderer) asOf(v *View, i int, source string) matched {
	alias := numbered("m", i)
	newest := numbered("asof_newest_", i)
	r.with = append(r.with, newest+" AS (\n  "+first(source, append(v.keyNames(), "event"), r.order(v, newestFirst))+"\n)")
	m := matched{alias: alias, join: fmt.Sprintf("ASOF LEFT JOIN %s AS %s ON %s",
		newest, alias, strings.Join(append(r.sameKeys(v, alias), "e.at >= "+alias+".event"), " AND "))}
	if v.TTL > 0 {
		m.valid = r.young(alias, v.TTL)
	}
	return m
}

// intervals gives each row the time until which it counts: that of the next
// row of its key. Of rows at one time all but the last count for no time at
// all, so at most one row covers an entity row's time.
func (r *renderer) intervals(v *View, i int, source string) matched {
	alias := numbered("m", i)
	history := numbered("asof_history_", i)
	r.with = append(r.with, fmt.Sprintf("%s AS (\n  SELECT *, lead(event) OVER (%s) AS until\n  FROM %s\n)",
		history, window(v.keyNames(), append([]string{"event"}, r.order(v, oldestFirst)...)), source))
	on := append(r.sameKeys(v, alias), alias+".event <= e.at", fmt.Sprintf("(%s.until > e.at OR %s.until IS NULL)", alias, alias))
	if v.TTL > 0 {
		on = append(on, r.young(alias, v.TTL))
	}
	return matched{alias: alias, join: fmt.Sprintf("LEFT JOIN %s AS %s ON %s", history, alias, strings.Join(on, " AND "))}
}

// ranged bounds event and created at once, which no sorted walk can: all the
// rows that qualify are met, and the newest of them is kept.
func (r *renderer) ranged(v *View, i int, source string) matched {
	alias := numbered("m", i)
	match := numbered("asof_match_", i)
	on := append(r.sameKeys(v, "s"), "s.event <= e.at", "s.created <= e.at")
	if v.TTL > 0 {
		on = append(on, r.young("s", v.TTL))
	}
	met := fmt.Sprintf("(\n      SELECT e.nr, s.*\n      FROM %s AS e JOIN %s AS s ON %s\n    ) AS s", EntityTable, source, strings.Join(on, " AND "))
	order := append([]string{"event DESC"}, r.order(v, newestFirst)...)
	r.with = append(r.with, match+" AS (\n  "+first(met, []string{"nr"}, order)+"\n)")
	return matched{alias: alias, join: fmt.Sprintf("LEFT JOIN %s AS %s ON %s.nr = e.nr", match, alias, alias)}
}

// young says that the row is not older than the ttl allows.
func (r *renderer) young(alias string, ttl time.Duration) string {
	return alias + ".event >= " + r.Earlier("e.at", ttl)
}

func (r *renderer) sameKeys(v *View, alias string) []string {
	on := make([]string, len(v.Keys))
	for i, k := range v.Keys {
		on[i] = fmt.Sprintf("e.%s = %s.%s", numbered("k", keyIndex(r.keys, Key{k.Entity, k.Type})), alias, numbered("k", i))
	}
	return on
}
