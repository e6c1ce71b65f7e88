package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof"
)

// stage is one connection that holds the warehouse's lock. A staged table is a
// temporary one of the published table's name, which hides that from queries.
type stage struct {
	w      *Warehouse
	conn   *pgx.Conn           // nil once it is discarded
	staged map[string][]string // the keys of the staged tables
}

// tableColumn is a column as PostgreSQL has it, its type as format_type says.
type tableColumn struct{ name, typ string }

// Load copies the rows into a temporary table and gives them the types of the
// published table, where there is one.
func (s *stage) Load(ctx context.Context, table asof.Table, rows array.RecordReader) (int64, error) {
	if err := validTable(table); err != nil {
		return 0, err
	}
	if s.staged[table.Name] != nil {
		return 0, asof.Errorf(asof.CodeInvalid, "table %q is loaded twice in one run; put its rows into one file", table.Name)
	}
	schema, err := table.Schema()
	if err != nil {
		return 0, err
	}
	if !rows.Schema().Equal(schema) {
		return 0, asof.Errorf(asof.CodeInternal, "table %q: the rows have the schema %s, and the table %s", table.Name, rows.Schema(), schema)
	}
	present, err := s.target(ctx, table.Name)
	if err != nil {
		return 0, err
	}
	if err := s.has(table, present, names(table.Columns)); err != nil {
		return 0, err
	}
	doing := "table " + table.Name + " cannot be staged"
	name := "pg_temp." + quoteName(table.Name)
	if err := s.exec(ctx, "CREATE TEMP TABLE "+quoteName(table.Name)+" ("+declared(table.Columns)+")"); err != nil {
		return 0, s.w.db.fault(doing, err)
	}
	s.staged[table.Name] = table.Key
	tag, err := s.conn.PgConn().CopyFrom(ctx, &copyText{rows: rows}, "COPY "+name+" FROM STDIN")
	if rows.Err() != nil {
		return 0, rows.Err()
	}
	if err != nil {
		return 0, s.w.db.fault(doing, err)
	}
	return tag.RowsAffected(), s.settle(ctx, table, name, present)
}

// settle checks the key of staged rows, gives them the types of the table they
// are for, and has the planner know them.
func (s *stage) settle(ctx context.Context, table asof.Table, name string, present []tableColumn) error {
	if err := s.checkKey(ctx, table, name); err != nil {
		return err
	}
	if err := s.fit(ctx, table, name, present); err != nil {
		return err
	}
	return s.w.db.fault("table "+table.Name, s.exec(ctx, "ANALYZE "+name))
}

// Query runs a SELECT over the stage. The stage does nothing else until the
// reader is released.
func (s *stage) Query(ctx context.Context, sql string) (array.RecordReader, error) {
	return queryText(ctx, s.conn.PgConn(), s.w.db, sql)
}

// Published returns a table's name with its schema.
func (s *stage) Published(ctx context.Context, table string) (string, bool, error) {
	columns, err := s.columns(ctx, table)
	return s.w.db.qualified(table), columns != nil, err
}

// Discard ends the connection, and with it the temporary tables and the lock.
func (s *stage) Discard(ctx context.Context) error {
	if s.conn == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	conn := s.conn
	s.conn = nil
	return s.w.db.fault("the stage cannot be closed", conn.Close(ctx))
}

// columns describes a table of the schema, nil where there is none.
func (s *stage) columns(ctx context.Context, table string) ([]tableColumn, error) {
	rows, err := s.query(ctx, `SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
 WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum`, s.w.db.qualified(table))
	if err != nil {
		return nil, s.w.db.fault("table "+table, err)
	}
	columns, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (tableColumn, error) {
		var c tableColumn
		return c, row.Scan(&c.name, &c.typ)
	})
	if len(columns) == 0 {
		return nil, s.w.db.fault("table "+table, err)
	}
	return columns, nil
}

// has refuses columns that an existing table lacks: it is never altered.
func (s *stage) has(table asof.Table, present []tableColumn, wanted []string) error {
	if present == nil {
		return nil
	}
	known := make([]string, len(present))
	for i, c := range present {
		known[i] = c.name
	}
	for _, c := range wanted {
		if !slices.Contains(known, c) {
			return asof.Errorf(asof.CodeInvalid, "table %s has no column %q%s; add it there (ALTER TABLE), or take it out of the pipeline",
				s.w.db.qualified(table.Name), c, asof.DidYouMean(c, known))
		}
	}
	return nil
}

// checkKey refuses rows whose key is null or not theirs alone.
func (s *stage) checkKey(ctx context.Context, table asof.Table, relation string) error {
	doing := "table " + table.Name
	keys, texts := quoteNames(table.Key), make([]string, len(table.Key))
	for i, k := range keys {
		var n int64
		if err := s.row(ctx, "SELECT count(*) FROM "+relation+" WHERE "+k+" IS NULL").Scan(&n); err != nil {
			return s.w.db.fault(doing, err)
		}
		if n > 0 {
			return asof.Errorf(asof.CodeInvalid, "table %q: %d rows have no %s, which is part of the key", table.Name, n, table.Key[i])
		}
		texts[i] = k + "::text"
	}
	list := strings.Join(keys, ", ")
	rows, err := s.query(ctx, "SELECT ARRAY["+strings.Join(texts, ", ")+"], count(*) FROM "+relation+
		" GROUP BY "+list+" HAVING count(*) > 1 ORDER BY "+list+" LIMIT 1")
	if err != nil {
		return s.w.db.fault(doing, err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*asof.DuplicateKey, error) {
		d := &asof.DuplicateKey{Table: table.Name, Key: table.Key}
		return d, row.Scan(&d.Values, &d.Count)
	})
	if err != nil || len(found) == 0 {
		return s.w.db.fault(doing, err)
	}
	return asof.Errorf(asof.CodeInvalid, "%w", found[0])
}

// fit gives staged columns the types of the published table, where these are
// others than declared, and refuses a value that would be another there. A
// floating-point number is always the nearest to what a file says.
func (s *stage) fit(ctx context.Context, table asof.Table, relation string, present []tableColumn) error {
	for _, c := range table.Columns {
		i := slices.IndexFunc(present, func(p tableColumn) bool { return p.name == c.Name })
		own, err := asof.ColumnType(c.Type)
		if err != nil {
			return err
		}
		if i < 0 || present[i].typ == strings.Replace(own, "timestamptz", "timestamp with time zone", 1) {
			continue
		}
		typ := present[i].typ
		if typ != "double precision" && typ != "real" {
			if err := s.refuse(ctx, table, relation, c.Name, typ, own); err != nil {
				return err
			}
		}
		if err := s.exec(ctx, fmt.Sprintf("ALTER TABLE %[1]s ALTER %[2]s TYPE %[3]s USING %[2]s::%[3]s", relation, quoteName(c.Name), typ)); err != nil {
			return s.w.db.fault(fitting(table, c.Name, typ), err)
		}
	}
	return nil
}

// refuse reports a staged value that would be another in the published type.
func (s *stage) refuse(ctx context.Context, table asof.Table, relation, column, typ, own string) error {
	rows, err := s.query(ctx, fmt.Sprintf("SELECT %[2]s::text, %[1]s::text FROM %[3]s WHERE %[1]s::%[4]s::%[5]s IS DISTINCT FROM %[1]s LIMIT 1",
		quoteName(column), quoteName(table.Key[0]), relation, typ, own))
	if err != nil {
		return s.w.db.fault(fitting(table, column, typ), err)
	}
	wrong, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (pair [2]string, err error) {
		return pair, row.Scan(&pair[0], &pair[1])
	})
	if err != nil {
		return s.w.db.fault(fitting(table, column, typ), err)
	}
	if len(wrong) > 0 {
		return asof.Errorf(asof.CodeInvalid, "table %q, %s=%s: the value %s of column %q does not fit its type there, %s; correct the file, or change the column's type",
			table.Name, table.Key[0], wrong[0][0], wrong[0][1], column, typ)
	}
	return nil
}

func fitting(table asof.Table, column, typ string) string {
	return fmt.Sprintf("table %q, column %q of type %s there", table.Name, column, typ)
}

// exec, query and row send statements without preparing them: a temporary
// table of one name has several shapes within a run.
func (s *stage) exec(ctx context.Context, sql string, args ...any) error {
	_, err := s.changed(ctx, sql, args...)
	return err
}

func (s *stage) changed(ctx context.Context, sql string, args ...any) (int64, error) {
	tag, err := s.conn.Exec(ctx, sql, append([]any{pgx.QueryExecModeExec}, args...)...)
	return tag.RowsAffected(), err
}

func (s *stage) query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return s.conn.Query(ctx, sql, append([]any{pgx.QueryExecModeExec}, args...)...)
}

func (s *stage) row(ctx context.Context, sql string, args ...any) pgx.Row {
	return s.conn.QueryRow(ctx, sql, append([]any{pgx.QueryExecModeExec}, args...)...)
}

func validTable(t asof.Table) error {
	if t.Name == "" || len(t.Name) > 63 {
		return asof.Errorf(asof.CodeInvalid, "%q cannot be the name of a table: PostgreSQL takes 1 to 63 bytes", t.Name)
	}
	if len(t.Key) == 0 {
		return asof.Errorf(asof.CodeInvalid, "table %q has no key; name the columns that tell its rows apart", t.Name)
	}
	for _, k := range t.Key {
		if !slices.Contains(names(t.Columns), k) {
			return asof.Errorf(asof.CodeInvalid, "table %q: the key column %q is not among its columns", t.Name, k)
		}
	}
	return nil
}

// declared returns column definitions.
func declared(columns []asof.TableColumn) string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = quoteName(c.Name) + " " + c.Type
	}
	return strings.Join(list, ", ")
}

func names(columns []asof.TableColumn) []string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = c.Name
	}
	return list
}

func quoteNames(names []string) []string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = quoteName(n)
	}
	return quoted
}
