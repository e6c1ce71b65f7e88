package postgres

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqltext"
)

// replacedMark begins the comment of a table that a replacement made. The id
// that it was committed with follows. A comment stays with its table: who drops
// the table, and makes another of the name, has one that is not ours.
const replacedMark = "Written as a whole by asof, and replaced as a whole. Receipt: "

// replacement is one transaction that makes a table under a name of its own,
// and gives it the one asked for at the end. A process that dies leaves
// nothing.
type replacement struct {
	w     *Warehouse
	table string
	made  string    // the table's name until Commit
	conn  *pgx.Conn // nil once it is committed or discarded
	tx    pgx.Tx
}

// Replace begins to write a table as a whole.
func (w *Warehouse) Replace(ctx context.Context, table string) (asof.Replacement, error) {
	if err := asof.CheckTableName(table); err != nil {
		return nil, err
	}
	id := make([]byte, 8)
	if _, err := rand.Read(id); err != nil {
		return nil, err
	}
	r := &replacement{w: w, table: table, made: asof.ReservedTables + "table_" + hex.EncodeToString(id)}
	err := r.begin(ctx)
	if err == nil {
		err = r.check(ctx)
	}
	if err != nil {
		return nil, errors.Join(r.fault(ctx, err), r.Discard(ctx))
	}
	return r, nil
}

// Replaced lists the tables that replacements made.
func (w *Warehouse) Replaced(ctx context.Context) (map[string]string, error) {
	rows, err := w.db.pool.Query(ctx, `SELECT c.relname, obj_description(c.oid, 'pg_class') FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = $1 AND c.relkind = 'r' AND starts_with(obj_description(c.oid, 'pg_class'), $2)`, w.db.schema, replacedMark)
	list := map[string]string{}
	var name, comment string
	if err == nil {
		_, err = pgx.ForEachRow(rows, []any{&name, &comment}, func() error {
			list[name] = strings.TrimPrefix(comment, replacedMark)
			return nil
		})
	}
	return list, w.db.fault("the tables of training sets cannot be listed", err)
}

// begin opens the transaction, on a connection of its own, which ends with it.
func (r *replacement) begin(ctx context.Context) error {
	pooled, err := r.w.db.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	r.conn = pooled.Hijack()
	// The transaction of a process that is gone ends within a second, also from
	// the middle of a statement; not every system's server can do this.
	_, _ = r.conn.Exec(ctx, "SET client_connection_check_interval = '1s'")
	r.tx, err = r.conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted})
	return err
}

// check refuses what a replacement did not make, and a schema that it could
// not make anything in.
func (r *replacement) check(ctx context.Context) error {
	var may bool
	if err := r.tx.QueryRow(ctx, "SELECT has_schema_privilege($1, 'CREATE')", r.w.db.schema).Scan(&may); err != nil {
		return err
	}
	if !may {
		return asof.Errorf(asof.CodeForbidden, "the user may not make tables in schema %s of %s; grant it (GRANT CREATE ON SCHEMA %s)",
			r.w.db.schema, r.w.db.where, sqltext.Name(r.w.db.schema))
	}
	ours, there, err := madeByReplacement(ctx, r.tx, r.w.db.schema, r.table)
	if err == nil && there && !ours {
		err = asof.Errorf(asof.CodeInvalid, "there is a table or view %q in schema %s, which no training set made, and which is not replaced; give another name",
			r.table, r.w.db.schema)
	}
	return err
}

// madeByReplacement reports whether there is anything of a table's name, and
// whether it is a table that a replacement made.
func madeByReplacement(ctx context.Context, conn interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}, schema, table string) (ours, there bool, err error) {
	err = conn.QueryRow(ctx, `SELECT c.relkind = 'r' AND coalesce(starts_with(obj_description(c.oid, 'pg_class'), $3), false)
 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2`,
		pgx.QueryExecModeExec, schema, table, replacedMark).Scan(&ours)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, false, nil
	}
	return ours, err == nil, err
}

// target describes a table that a pipeline is to write, nil where there is none,
// and refuses one that a replacement made.
func (l *link) target(ctx context.Context, table string) ([]tableColumn, error) {
	ours, _, err := madeByReplacement(ctx, l.conn, l.w.db.schema, table)
	switch {
	case err != nil:
		return nil, l.w.db.fault("table "+table, err)
	case ours:
		return nil, asof.Errorf(asof.CodeInvalid, "table %q is a training set, which pipelines do not write into; give the pipeline's table another name", table)
	}
	return l.columns(ctx, table)
}

func (r *replacement) fault(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return r.w.db.fault(fmt.Sprintf("the table %q cannot be written", r.table), err)
}

// Write copies the rows.
//
// They are frozen: a transaction that began before Commit, and first reads the
// table after it, finds it by its name, and would otherwise find no rows in it.
func (r *replacement) Write(ctx context.Context, rows array.RecordReader) (int64, error) {
	source, err := newCopyRows(fmt.Sprintf("the table %q", r.table), rows)
	if err != nil {
		return 0, err
	}
	name := r.w.db.qualified(r.made)
	if _, err := r.tx.Exec(ctx, "CREATE TABLE "+name+" ("+source.columns()+")"); err != nil {
		return 0, r.fault(ctx, err)
	}
	r.w.step("table made")
	_, err = r.conn.PgConn().CopyFrom(ctx, source, "COPY "+name+" FROM STDIN (FORMAT binary, FREEZE)")
	if source.err != nil {
		return source.count, source.err // what the server says of it is less
	}
	if err == nil {
		r.w.step("rows written")
		_, err = r.tx.Exec(ctx, "ANALYZE "+name)
	}
	return source.count, r.fault(ctx, err)
}

// Commit gives the table its name. The present one goes, and who may read that
// may read the new one.
func (r *replacement) Commit(ctx context.Context, id string) error {
	if _, err := r.tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", r.w.db.lockName()); err != nil {
		if ctx.Err() != nil {
			return asof.Errorf(asof.CodeUnavailable, "the table %q: another run holds the warehouse, schema %s of %s: %w", r.table, r.w.db.schema, r.w.db.where, ctx.Err())
		}
		return r.fault(ctx, err)
	}
	if err := r.check(ctx); err != nil {
		return r.fault(ctx, err)
	}
	name, made := r.w.db.qualified(r.table), r.w.db.qualified(r.made)
	statements, err := r.grants(ctx, made)
	if err != nil {
		return r.fault(ctx, err)
	}
	statements = append(statements, "DROP TABLE IF EXISTS "+name, "ALTER TABLE "+made+" RENAME TO "+sqltext.Name(r.table),
		"COMMENT ON TABLE "+name+" IS "+sqltext.Text(replacedMark+id))
	for _, sql := range statements {
		if _, err := r.tx.Exec(ctx, sql); err != nil {
			return r.fault(ctx, r.dependents(err))
		}
		r.w.step(sql)
	}
	if err := r.tx.Commit(ctx); err != nil {
		return r.fault(ctx, err)
	}
	r.w.step("committed")
	return r.Discard(ctx)
}

// dependents says what to do where a view, say, reads the present table.
func (r *replacement) dependents(err error) error {
	var server *pgconn.PgError
	if !errors.As(err, &server) || server.Code != "2BP01" {
		return err
	}
	return asof.Errorf(asof.CodeInvalid, "the table %q is not replaced, for %s; drop that first, or give another name",
		r.table, strings.ReplaceAll(server.Detail, "\n", ", "))
}

// grants returns the statements that give the new table the rights of the
// present one.
func (r *replacement) grants(ctx context.Context, made string) ([]string, error) {
	rows, err := r.tx.Query(ctx, `SELECT DISTINCT a.privilege_type, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END, a.is_grantable
 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace CROSS JOIN aclexplode(c.relacl) a
 WHERE n.nspname = $1 AND c.relname = $2 AND a.grantee <> c.relowner ORDER BY 1, 2`, pgx.QueryExecModeExec, r.w.db.schema, r.table)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		var privilege, grantee string
		var option bool
		err := row.Scan(&privilege, &grantee, &option)
		sql := "GRANT " + privilege + " ON " + made + " TO " + grantee
		if option {
			sql += " WITH GRANT OPTION"
		}
		return sql, err
	})
}

// Discard ends the connection, and with it the transaction.
func (r *replacement) Discard(ctx context.Context) error {
	if r.conn == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	conn := r.conn
	r.conn = nil
	return r.w.db.fault("the connection cannot be closed", conn.Close(ctx))
}
