package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/pit"
)

// index is one by which a view's rows are found by key and time.
type index struct {
	name   string
	unique bool // no two rows have one key and one time
}

func (i *index) lookup() pit.Lookup {
	switch {
	case i == nil:
		return pit.NoLookup
	case i.unique:
		return pit.UniqueLookup
	}
	return pit.IndexLookup
}

// indexes are the indexes of a table that hold all its rows, of columns in
// their own order, that of comparing them with = and <. Of each: the name,
// whether it is unique at every moment, the columns, and those that are read
// in the order of DESC in one direction. A table with tables that inherit from
// it holds rows that its indexes do not.
const indexes = `SELECT c.relname, i.indisunique AND i.indimmediate,
		array_agg(a.attname::text ORDER BY k.nr), array_agg(i.indoption[k.nr::int - 1] IN (0, 3) ORDER BY k.nr)
	FROM pg_index AS i
	JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_am AS m ON m.oid = c.relam
	JOIN pg_class AS t ON t.oid = i.indrelid
	CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(att, nr)
	JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = k.att
	JOIN pg_opclass AS o ON o.oid = i.indclass[k.nr::int - 1]
	WHERE t.oid = to_regclass($1) AND (t.relkind IN ('p', 'm') OR t.relkind = 'r' AND NOT t.relhassubclass)
		AND m.amname = 'btree' AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL AND k.nr <= i.indnkeyatts
	GROUP BY c.relname, i.indexrelid, i.indisunique, i.indimmediate
	HAVING bool_and(o.opcdefault AND i.indcollation[k.nr::int - 1] = a.attcollation)
	ORDER BY i.indexrelid`

// index returns the index by which a view's rows can be found, nil for none:
// one that begins with the join keys, in any order, and then the timestamp.
func (t *question) index(ctx context.Context, query *pit.Query, v *pit.View) (*index, error) {
	if !searchable(query, v) {
		return nil, nil
	}
	rows, err := t.tx.Query(ctx, indexes, pgx.QueryExecModeExec, v.Relation)
	if err != nil {
		return nil, t.fault(ctx, "the indexes of "+v.Relation, err)
	}
	keys := make([]string, len(v.Keys))
	for i, k := range v.Keys {
		keys[i] = k.Column
	}
	var found *index
	var unique, whole bool
	var name string
	var columns []string
	var ordered []bool
	_, err = pgx.ForEachRow(rows, []any{&name, &unique, &columns, &ordered}, func() error {
		n := len(keys)
		if unique && !slices.ContainsFunc(columns, func(c string) bool { return c != v.Timestamp && !slices.Contains(keys, c) }) {
			whole = true
		}
		if found == nil && len(columns) > n && columns[n] == v.Timestamp && ordered[n] && sameNames(columns[:n], keys) {
			found = &index{name: name}
		}
		return nil
	})
	if found != nil {
		found.unique = whole
	}
	return found, t.fault(ctx, "the indexes of "+v.Relation, err)
}

func sameNames(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}

// searchable reports whether an index over the view's keys can serve: the
// server compares them as they are, with values of the entity rows that are of
// the same kind.
func searchable(query *pit.Query, v *pit.View) bool {
	if strings.HasPrefix(v.Relation, "(") || !v.Unchanged(pit.Postgres) {
		return false
	}
	for _, k := range v.Keys {
		kind := indexKind(v.Native(k.Column))
		if kind == "" || kind != declaredKinds[k.Type.Value] {
			return false
		}
		if query.Select == nil {
			continue
		}
		at := slices.IndexFunc(query.Select.Columns, func(c asof.SourceColumn) bool { return c.Name == k.Entity })
		if at >= 0 && indexKind(query.Select.Columns[at].Native) != kind {
			return false
		}
	}
	return true
}

// declaredKinds are the kinds of the types in which keys reach the server.
var declaredKinds = map[asof.ValueType]string{
	asof.TypeString: "text", asof.TypeInt32: "integer", asof.TypeInt64: "integer", asof.TypeFloat32: "float", asof.TypeFloat64: "float",
	asof.TypeBool: "boolean", asof.TypeBytes: "bytea", asof.TypeUnixTimestamp: "timestamp with time zone",
}

// indexKind returns what types have in common that an index compares with one
// another.
func indexKind(native string) string {
	switch native {
	case "smallint", "integer", "bigint":
		return "integer"
	case "real", "double precision":
		return "float"
	case "boolean", "bytea", "timestamp with time zone":
		return native
	}
	if native == "text" || strings.HasPrefix(native, "character varying") {
		return "text"
	}
	return ""
}
