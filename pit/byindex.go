package pit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/asof-dev/asof"
)

// Lookup says how Historical can find the rows of a view one entity row at a
// time: by an index over its join keys, then its timestamp, in a dialect whose
// Facts have Native.
type Lookup int

const (
	NoLookup     Lookup = iota
	IndexLookup         // rows of one key and one time may be there
	UniqueLookup        // an index sees to it that there are none
)

// Unchanged reports whether the view's join keys are compared as the source has
// them, so that an index over the columns serves.
func (v *View) Unchanged(d Dialect) bool {
	for _, k := range v.Keys {
		if name := d.Quote(k.Column); d.Key(name, v.columns[k.Column], k.Type) != name {
			return false
		}
	}
	return true
}

// Native returns the engine's own name of the type of a source's column.
func (v *View) Native(column string) string { return v.columns[column].Native }

// lookup has the engine walk its index from each entity row's time backwards to
// the first row that qualifies. A row too old for the ttl has none younger
// before it, so the ttl is checked afterwards. Where several rows have that
// row's time, they are read again and put in order: few are, whereas putting
// all rows of the key in order would read them all.
func (r *renderer) lookup(q *Query, v *View, i int) matched {
	alias := numbered("m", i)
	time := r.time(v)
	columns := []string{r.Instant(time, v.columns[v.Timestamp], asof.RoundUp) + " AS event"}
	var on []string
	for _, k := range v.Keys {
		on = append(on, fmt.Sprintf("%s = e.%s", r.Key("s."+r.Quote(k.Column), v.columns[k.Column], k.Type),
			numbered("k", keyIndex(r.keys, Key{k.Entity, k.Type}))))
	}
	if v.Created != "" {
		created := r.Instant("s."+r.Quote(v.Created), v.columns[v.Created], asof.RoundUp)
		columns = append(columns, created+" AS created")
		if q.Cutoff {
			on = append(on, created+" <= e.at")
		}
	}
	for i, name := range v.names {
		columns = append(columns, "s."+r.Quote(name)+numbered(" AS f", i))
	}
	last := func(what string) string {
		until := append(slices.Clone(on), time+" <= "+r.Facts().Native("e.at", v.columns[v.Timestamp]))
		return fmt.Sprintf("SELECT %s FROM %s AS s WHERE %s ORDER BY %s DESC LIMIT 1", what, v.Relation, strings.Join(until, " AND "), time)
	}
	row := last(strings.Join(columns, ", "))
	if order := r.order(v, newestFirst); v.Lookup == IndexLookup && len(order) > 0 {
		same := append(on, time+" = ("+last(time)+")")
		row = fmt.Sprintf("SELECT * FROM (\n    SELECT %s FROM %s AS s\n    WHERE %s\n  ) AS s ORDER BY %s LIMIT 1",
			strings.Join(columns, ", "), v.Relation, strings.Join(same, " AND "), strings.Join(order, ", "))
	}
	m := matched{alias: alias, join: fmt.Sprintf("LEFT JOIN LATERAL (\n  %s\n) AS %s ON true", row, alias)}
	if v.TTL > 0 {
		m.valid = r.young(alias, v.TTL)
	}
	return m
}

// rows returns what stands in FROM for the entity rows. For lookups they come
// by key and time, so that a page of an index is read while it is at hand.
func (r *renderer) rows(q *Query) string {
	if !slices.ContainsFunc(q.Views, func(v *View) bool { return v.Lookup != NoLookup }) {
		return EntityTable
	}
	var order []string
	for i := range r.keys {
		order = append(order, numbered("k", i))
	}
	return "(SELECT * FROM " + EntityTable + " ORDER BY " + strings.Join(append(order, "at"), ", ") + ")"
}
