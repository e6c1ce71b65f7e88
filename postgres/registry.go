package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof/registrysql"
)

// Registry returns the registry in the database's schema: the tables of Feast's
// SQL registry. They are made by the first change.
func (db *DB) Registry() *registrysql.Registry { return registrysql.New(registryDatabase{db}) }

// registryDatabase is a database that holds a registry's tables.
type registryDatabase struct{ db *DB }

// Table returns the name of a table in the database's schema.
func (d registryDatabase) Table(name string) string { return d.db.qualified(name) }

// Where names the database.
func (d registryDatabase) Where() string { return d.db.where }

// Read runs do in a transaction that sees one state.
func (d registryDatabase) Read(ctx context.Context, do func(registrysql.Tx) error) error {
	err := pgx.BeginTxFunc(ctx, d.db.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly},
		func(tx pgx.Tx) error { return do(registryTx{tx}) })
	return d.db.fault("the registry can't be read", err)
}

// Write makes the tables that are missing, keeps other writers out, and runs do.
func (d registryDatabase) Write(ctx context.Context, do func(registrysql.Tx) error) error {
	err := pgx.BeginFunc(ctx, d.db.pool, func(tx pgx.Tx) error {
		// Two that make the tables at once would meet in the catalogue.
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", "asof registry "+d.db.schema); err != nil {
			return err
		}
		var names []string
		for _, l := range registrysql.Layouts() {
			if err := makeTable(ctx, tx, d.Table(l.Name), "CREATE TABLE %s "+strings.ReplaceAll(l.Columns, "%[1]s", "bytea")); err != nil {
				return err
			}
			names = append(names, d.Table(l.Name))
		}
		if _, err := tx.Exec(ctx, "LOCK TABLE "+strings.Join(names, ", ")+" IN SHARE ROW EXCLUSIVE MODE"); err != nil {
			return err
		}
		return do(registryTx{tx})
	})
	return d.db.fault("the registry can't be changed", err)
}

// Version tells rows by how many there are, where they stand, and which
// transactions wrote them: it reads no message.
func (d registryDatabase) Version(ctx context.Context, tx registrysql.Tx, project string) (version string, err error) {
	layouts := registrysql.Layouts()
	there := false
	first := func(into any) func(func(...any) error) error {
		return func(scan func(...any) error) error { return scan(into) }
	}
	if err := tx.Query(ctx, "SELECT to_regclass($1) IS NOT NULL", []any{d.Table(layouts[0].Name)}, first(&there)); err != nil || !there {
		return "", err
	}
	parts := make([]string, len(layouts))
	for i, l := range layouts {
		parts[i] = fmt.Sprintf("(SELECT concat(count(*), ':', bit_xor(hashtidextended(ctid, xmin::text::bigint))) FROM %s WHERE project_id = $1 OR $1 = '')", d.Table(l.Name))
	}
	err = tx.Query(ctx, "SELECT concat_ws(' ', "+strings.Join(parts, ", ")+")", []any{project}, first(&version))
	return version, err
}

// Stamp tells the transactions that a query sees: while they are the same, no
// other one has ended. A standby does not know of those that are open.
func (d registryDatabase) Stamp(ctx context.Context, tx registrysql.Tx) (stamp string, err error) {
	const query = "SELECT CASE WHEN pg_is_in_recovery() THEN '' ELSE concat_ws(' ', pg_postmaster_start_time(), pg_current_snapshot()) END"
	if tx == nil {
		err = d.db.fault("the registry can't be read", d.db.pool.QueryRow(ctx, query).Scan(&stamp))
	} else {
		err = tx.Query(ctx, query, nil, func(scan func(...any) error) error { return scan(&stamp) })
	}
	return stamp, err
}

// registryTx is a transaction of pgx.
type registryTx struct{ tx pgx.Tx }

// Exec runs a statement.
func (t registryTx) Exec(ctx context.Context, sql string, args ...any) error {
	_, err := t.tx.Exec(ctx, sql, args...)
	return err
}

// Query gives every row to each.
func (t registryTx) Query(ctx context.Context, sql string, args []any, each func(scan func(...any) error) error) error {
	rows, err := t.tx.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
