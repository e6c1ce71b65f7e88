package postgres

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"
)

// FeastTables returns the names of the tables in the schema in which Feast
// itself keeps online features of the project, and which hold rows. Asof does
// not read them: it has tables of its own.
func (o *Online) FeastTables(ctx context.Context, project string) ([]string, error) {
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
	prefix := project + "_"
	prefix = prefix[:min(len(prefix), 63)] // PostgreSQL cut the table's name there
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
