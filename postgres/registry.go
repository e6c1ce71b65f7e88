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
		func(tx pgx.Tx) error { return do(statements{tx}) })
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
		return do(statements{tx})
	})
	return d.db.fault("the registry can't be changed", err)
}

// stamp tells the transactions that a query sees: while they are the same, no
// other one has ended. A standby does not know of those that are open.
const stamp = "CASE WHEN pg_is_in_recovery() THEN '' ELSE concat_ws(' ', pg_postmaster_start_time(), pg_current_snapshot()) END"

// rows is an expression that tells the rows of $1 by how many there are, where
// they stand, and which transactions wrote them: it reads no message.
func (d registryDatabase) rows() string {
	var parts []string
	for _, l := range registrysql.Layouts() {
		parts = append(parts, fmt.Sprintf("(SELECT concat(count(*), ':', bit_xor(hashtidextended(ctid, written.latest - age(xmin)))) FROM %s WHERE project_id = $1 OR $1 = '')", d.Table(l.Name)))
	}
	// The age of a transaction is counted from the latest one.
	return "(SELECT concat_ws(' ', " + strings.Join(parts, ", ") + ") FROM (SELECT age('3'::xid)::bigint AS latest) AS written)"
}

// State asks for both in one query.
func (d registryDatabase) State(ctx context.Context, tx registrysql.Tx, project string) (s registrysql.State, err error) {
	there := false
	err = tx.Query(ctx, "SELECT to_regclass($1) IS NOT NULL", []any{d.Table(registrysql.Layouts()[0].Name)},
		func(scan func(...any) error) error { return scan(&there) })
	if err != nil || !there {
		return s, err
	}
	err = tx.Query(ctx, "SELECT "+stamp+", "+d.rows(), []any{project}, func(scan func(...any) error) error { return scan(&s.Stamp, &s.Rows) })
	return s, err
}

// Unchanged looks at rows only where something was committed.
func (d registryDatabase) Unchanged(ctx context.Context, project string, was registrysql.State) (now registrysql.State, same bool, err error) {
	if was.Rows == "" {
		return was, false, nil
	}
	err = d.db.pool.QueryRow(ctx, "SELECT now.stamp, CASE WHEN now.stamp = $2 THEN $3 ELSE "+d.rows()+" END FROM (SELECT "+stamp+" AS stamp) AS now",
		project, was.Stamp, was.Rows).Scan(&now.Stamp, &now.Rows)
	if missing(err) {
		return now, false, nil
	}
	return now, now.Rows == was.Rows, d.db.fault("the registry can't be read", err)
}
