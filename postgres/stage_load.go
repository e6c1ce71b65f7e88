package postgres

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqltext"
)

// stagePrefix begins the names of the tables of a run's stage.
func stagePrefix(run string) string {
	sum := sha256.Sum256([]byte(run))
	return asof.ReservedTables + "stage_" + hex.EncodeToString(sum[:8]) + "_"
}

// Load copies the rows into a table of the stage.
func (s *stage) Load(ctx context.Context, table asof.Table, rows array.RecordReader, content func() string) (int64, error) {
	schema, err := table.Schema()
	if err != nil {
		return 0, err
	}
	if !rows.Schema().Equal(schema) {
		return 0, asof.Errorf(asof.CodeInternal, "table %q: the rows have the schema %s, and the table %s", table.Name, rows.Schema(), schema)
	}
	n, err := s.put(ctx, table, content, func(l *link, name string) (int64, error) {
		tag, err := l.conn.PgConn().CopyFrom(ctx, &copyText{rows: rows}, "COPY "+name+" FROM STDIN (FREEZE)")
		return tag.RowsAffected(), err
	})
	if rows.Err() != nil {
		return 0, rows.Err()
	}
	return n, err
}

// Make inserts the rows of a query into a table of the stage.
func (s *stage) Make(ctx context.Context, table asof.Table, sql, content string) (int64, error) {
	return s.put(ctx, table, func() string { return content }, func(l *link, name string) (int64, error) {
		return l.changed(ctx, "INSERT INTO "+name+" "+selected(table, sql))
	})
}

// selected returns SQL for a table's columns, in its types, out of a query.
func selected(table asof.Table, sql string) string {
	typed := make([]string, len(table.Columns))
	for i, c := range table.Columns {
		typed[i] = sqltext.Name(c.Name) + "::" + c.Type + " AS " + sqltext.Name(c.Name)
	}
	return "SELECT " + strings.Join(typed, ", ") + " FROM (\n" + sql + "\n) q"
}

// put makes what fill writes the table's rows in the stage, in one transaction.
func (s *stage) put(ctx context.Context, table asof.Table, content func() string, fill func(l *link, name string) (int64, error)) (int64, error) {
	doing := "table " + table.Name + " cannot be staged"
	if err := validTable(table); err != nil {
		return 0, err
	}
	l, err := s.link(ctx)
	if err != nil {
		return 0, s.fault(ctx, doing, err)
	}
	defer l.back()
	tx, err := l.conn.Begin(ctx)
	if err != nil {
		return 0, s.fault(ctx, doing, err)
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) // after a commit it does nothing
	t, err := l.fill(ctx, table, fill)
	if err == nil {
		t.content = content()
		s.w.step("rows staged")
		err = l.record(ctx, table.Name, t)
	}
	if err == nil {
		err = tx.Commit(ctx)
	}
	if err != nil {
		return 0, s.fault(ctx, doing, noKey(table, err))
	}
	s.mu.Lock()
	s.staged[table.Name] = t
	s.mu.Unlock()
	return t.rows, nil
}

// fill writes a table and checks what is in it. It is logged where it can
// become the published table.
func (l *link) fill(ctx context.Context, table asof.Table, fill func(l *link, name string) (int64, error)) (t stagedTable, err error) {
	id := make([]byte, 4)
	if _, err := rand.Read(id); err != nil {
		return t, err
	}
	present, err := l.target(ctx, table.Name)
	if err != nil {
		return t, err
	}
	if err := l.has(table, present, table.ColumnNames()); err != nil {
		return t, err
	}
	t = stagedTable{relation: stagePrefix(l.run) + hex.EncodeToString(id), key: table.Key, logged: present == nil}
	name, kind := l.w.db.qualified(t.relation), "UNLOGGED TABLE "
	if t.logged {
		kind = "TABLE "
	}
	if err := l.exec(ctx, "CREATE "+kind+name+" ("+declared(table.Columns, table.Key)+")"); err != nil {
		return t, err
	}
	if t.rows, err = fill(l, name); err != nil {
		return t, err
	}
	return t, l.settle(ctx, table, name, present)
}

// record enters a table into the stage, if that is ours.
func (l *link) record(ctx context.Context, table string, t stagedTable) error {
	if err := l.owned(ctx, l.conn); err != nil {
		return err
	}
	return l.exec(ctx, "INSERT INTO "+l.w.db.qualified("asof_staged")+` VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
 ON CONFLICT (run, table_name) DO UPDATE SET relation = EXCLUDED.relation, key = EXCLUDED.key, content = EXCLUDED.content,
 row_count = EXCLUDED.row_count, logged = EXCLUDED.logged, adopted = EXCLUDED.adopted`,
		l.run, table, t.relation, t.key, t.content, t.rows, t.logged, t.adopted)
}

// noKey says in our words that a row has no key.
func noKey(table asof.Table, err error) error {
	var server *pgconn.PgError
	if !errors.As(err, &server) || server.Code != "23502" {
		return err
	}
	return asof.Errorf(asof.CodeInvalid, "table %q: a row has no %s, which is part of the key", table.Name, server.ColumnName)
}
