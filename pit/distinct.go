package pit

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// Held returns how many rows are held.
func (r *Rows) Held() (n int64) {
	for _, p := range r.held {
		n += p.index.NumRows()
	}
	return n
}

// Keys returns how many distinct keys of a view the rows have, -1 where not all
// are held or the keys are not of types that Join takes.
func (r *Rows) Keys(q *Query, v *View) int64 {
	ring := &keyring{numbers: map[string]int32{}}
	for k := range v.Keys {
		ring.columns = append(ring.columns, keyColumn(q, v, k))
	}
	for _, p := range r.held {
		if _, _, err := ring.add(nil, columnsAt(p.index, ring.columns), int(p.index.NumRows())); err != nil {
			return -1
		}
	}
	if !r.All() {
		return -1
	}
	return int64(ring.size())
}

// Distinct returns the values that key number i of a view has in the entity
// rows, each once: a []string or []int64. It is nil for keys of other types,
// where there are more than limit, and where not all rows are held.
func (r *Rows) Distinct(q *Query, v *View, i, limit int) any {
	if !r.All() {
		return nil
	}
	column := keyColumn(q, v, i)
	switch r.index.Field(column).Type.ID() {
	case arrow.STRING:
		return distinct(r.held, column, limit, func(c arrow.Array, row int) string { return c.(*array.String).Value(row) })
	case arrow.INT64:
		return distinct(r.held, column, limit, func(c arrow.Array, row int) int64 { return c.(*array.Int64).Value(row) })
	case arrow.INT32:
		return distinct(r.held, column, limit, func(c arrow.Array, row int) int64 { return int64(c.(*array.Int32).Value(row)) })
	}
	return nil
}

func distinct[V comparable](parts []part, column, limit int, value func(arrow.Array, int) V) any {
	seen := map[V]bool{}
	values := []V{}
	for _, p := range parts {
		c := p.index.Column(column)
		for row := range c.Len() {
			if c.IsNull(row) || seen[value(c, row)] {
				continue
			}
			if len(values) == limit {
				return nil
			}
			seen[value(c, row)] = true
			values = append(values, value(c, row))
		}
	}
	return values
}
