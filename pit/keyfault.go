package pit

import (
	"fmt"

	"github.com/asof-dev/asof"
)

// KeyFault finds out which join key made a query fail: engines say which value
// cannot be cast, and not whose it is. fails runs a query and returns why it
// fails, in words that may stand in a message. Without such a key: nil.
func KeyFault(d Dialect, q *Query, fails func(sql string) error) error {
	cast := func(from, name string, c asof.SourceColumn, t asof.Type) error {
		column := "q." + d.Quote(name)
		key := d.Key(column, c, t)
		if key == column {
			return nil
		}
		return fails(fmt.Sprintf("SELECT count(DISTINCT k) FROM (SELECT %s AS k FROM %s AS q) AS s", key, from))
	}
	if q.Select != nil {
		for _, k := range Keys(q.Views) {
			for _, c := range q.Select.Columns {
				if c.Name != k.Name {
					continue
				}
				if err := cast("(\n"+q.Select.SQL+"\n)", k.Name, c, k.Type); err != nil {
					return asof.Errorf(asof.CodeInvalid, "the SQL of the entity rows: a value of column %q does not fit %s, the declared type of the join key: %w",
						k.Name, k.Type, err)
				}
			}
		}
	}
	for _, v := range q.Views {
		for _, k := range v.Keys {
			if err := cast(v.Relation, k.Column, v.columns[k.Column], k.Type); err != nil {
				return asof.Errorf(asof.CodeInvalid, "feature view %q: its source %q: a value of column %q does not fit %s, the declared type of the join key: %w",
					v.View, v.Source.Name, k.Column, k.Type, err)
			}
		}
	}
	return nil
}
