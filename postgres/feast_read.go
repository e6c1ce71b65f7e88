package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/value"
)

// Read asks one statement for everything: one round trip, one moment. A value
// of another type than the feature has is none.
func (o *FeastOnline) Read(ctx context.Context, project string, readings []*asof.Reading) error {
	if len(readings) == 0 {
		return nil
	}
	var parts []string
	var args []any
	for i, r := range readings {
		r.Reset()
		// LATERAL with a LIMIT looks the keys up one by one, whatever the
		// server thinks of the table's size. No view has more features. Behind a
		// SELECT the number of keys is not known when it is planned: few would have
		// each query planned again.
		parts = append(parts, fmt.Sprintf("SELECT %d::bigint, i, (extract(epoch FROM event_ts) * 1000000)::bigint, feature_name, value"+
			" FROM unnest((SELECT $%d::bytea[])) WITH ORDINALITY AS k (key, i), LATERAL (SELECT feature_name, value, event_ts FROM %s WHERE entity_key = key LIMIT 100000) AS found",
			i, i+1, o.table(project, r.View.Name)))
		args = append(args, r.Keys)
	}
	if err := o.read(ctx, strings.Join(parts, " UNION ALL "), args, readings); err != nil {
		return o.fault("reading online features", project, o.absent(ctx, project, readings, err), err)
	}
	return nil
}

// absent names the view whose table a statement has missed.
func (o *FeastOnline) absent(ctx context.Context, project string, readings []*asof.Reading, err error) string {
	for _, r := range readings {
		var there bool
		if missing(err) && o.db.pool.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", o.table(project, r.View.Name)).Scan(&there) == nil && !there {
			return r.View.Name
		}
	}
	return readings[0].View.Name
}

func (o *FeastOnline) read(ctx context.Context, text string, args []any, readings []*asof.Reading) error {
	rows, err := o.db.pool.Query(ctx, text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		raw := rows.RawValues() // in PostgreSQL's binary form
		r, i, event := readings[integer(raw[0])], integer(raw[1])-1, integer(raw[2])
		if !r.Found[i] || event > r.Events[i] {
			r.Found[i], r.Events[i] = true, event
		}
		if c := slices.Index(r.Features, string(raw[3])); c >= 0 && value.Holds(r.View.Feature(r.Features[c]).Type, raw[4]) {
			r.Set(c, int(i), raw[4])
		}
	}
	return rows.Err()
}

// Keys lists the keys of a view.
func (o *FeastOnline) Keys(ctx context.Context, project string, view *asof.FeatureView, each func(keys [][]byte) error) error {
	return pages(func(after []byte) ([][]byte, error) {
		rows, _ := o.db.pool.Query(ctx, keyPage("DISTINCT entity_key", o.table(project, view.Name)), after, keysPerPage)
		keys, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
		return keys, o.fault("listing the keys of "+view.Name, project, view.Name, err)
	}, each)
}

// FeastTables returns the names of the tables in the schema in which Feast
// keeps online features of the project, and which hold rows.
func (o *FeastOnline) FeastTables(ctx context.Context, project string) ([]string, error) {
	db := o.db
	const doing = "looking for Feast's online tables"
	rows, _ := db.pool.Query(ctx, `SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND (SELECT count(*) FROM pg_attribute a
			WHERE a.attrelid = c.oid AND a.attname IN ('entity_key', 'feature_name', 'value', 'event_ts', 'created_ts')) = 5
		ORDER BY c.relname`, db.schema)
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, db.fault(doing, err)
	}
	prefix := feastName(project, "")
	var found []string
	for _, table := range all {
		if !strings.HasPrefix(table, prefix) {
			continue
		}
		var filled bool
		if err := db.pool.QueryRow(ctx, "SELECT EXISTS (SELECT FROM "+db.qualified(table)+")").Scan(&filled); err != nil {
			return nil, db.fault(doing, err)
		}
		if filled {
			found = append(found, table)
		}
	}
	return found, nil
}
