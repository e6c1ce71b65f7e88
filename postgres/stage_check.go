package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqltext"
)

// tableColumn is a column as PostgreSQL has it, its type as format_type says.
type tableColumn struct{ name, typ string }

// columns describes a table of the schema, nil where there is none.
func (l *link) columns(ctx context.Context, table string) ([]tableColumn, error) {
	rows, err := l.query(ctx, `SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
 WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum`, l.w.db.qualified(table))
	if err != nil {
		return nil, l.w.db.fault("table "+table, err)
	}
	columns, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (tableColumn, error) {
		var c tableColumn
		return c, row.Scan(&c.name, &c.typ)
	})
	if len(columns) == 0 {
		return nil, l.w.db.fault("table "+table, err)
	}
	return columns, nil
}

// has refuses columns that an existing table lacks: it is never altered.
func (l *link) has(table asof.Table, present []tableColumn, wanted []string) error {
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
				l.w.db.qualified(table.Name), c, asof.DidYouMean(c, known))
		}
	}
	return nil
}

// settle gives rows the types of the table that they are for, checks their key
// by an index, and has the planner know how many they are and by what they are
// joined; the rest is autovacuum's, where they stay.
func (l *link) settle(ctx context.Context, table asof.Table, name string, present []tableColumn) error {
	if err := l.fit(ctx, table, name, present); err != nil {
		return err
	}
	if err := l.checkKey(ctx, table, name); err != nil {
		return err
	}
	return l.w.db.fault("table "+table.Name, l.exec(ctx, "ANALYZE "+name+" ("+strings.Join(sqltext.Names(table.Key), ", ")+")"))
}

// checkKey refuses rows whose key is not theirs alone. It is part of a
// transaction.
func (l *link) checkKey(ctx context.Context, table asof.Table, relation string) error {
	doing := "table " + table.Name
	list := strings.Join(sqltext.Names(table.Key), ", ")
	if err := l.exec(ctx, "SAVEPOINT asof_key"); err != nil {
		return l.w.db.fault(doing, err)
	}
	err := l.exec(ctx, "CREATE UNIQUE INDEX ON "+relation+" ("+list+")")
	if server := (*pgconn.PgError)(nil); !errors.As(err, &server) || server.Code != "23505" {
		return l.w.db.fault(doing, err)
	}
	if err := l.exec(ctx, "ROLLBACK TO asof_key"); err != nil {
		return l.w.db.fault(doing, err)
	}
	texts := make([]string, len(table.Key))
	for i, k := range sqltext.Names(table.Key) {
		texts[i] = k + "::text"
	}
	rows, err := l.query(ctx, "SELECT ARRAY["+strings.Join(texts, ", ")+"], count(*) FROM "+relation+
		" GROUP BY "+list+" HAVING count(*) > 1 ORDER BY "+list+" LIMIT 1")
	if err != nil {
		return l.w.db.fault(doing, err)
	}
	duplicate, err := pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (*asof.DuplicateKey, error) {
		d := &asof.DuplicateKey{Table: table.Name, Key: table.Key}
		return d, row.Scan(&d.Values, &d.Count)
	})
	if err != nil {
		return l.w.db.fault(doing, err)
	}
	return asof.Errorf(asof.CodeInvalid, "%w", duplicate)
}

// fit gives staged columns the types of the published table, where these are
// others than declared, and refuses a value that would be another there. A
// floating-point number is always the nearest to what a file says.
func (l *link) fit(ctx context.Context, table asof.Table, relation string, present []tableColumn) error {
	for _, c := range table.Columns {
		typ, own, err := unlike(c, present)
		if err != nil {
			return err
		}
		if typ == "" {
			continue
		}
		if typ != "double precision" && typ != "real" {
			if err := l.refuse(ctx, table, relation, c.Name, typ, own); err != nil {
				return err
			}
		}
		if err := l.exec(ctx, fmt.Sprintf("ALTER TABLE %[1]s ALTER %[2]s TYPE %[3]s USING %[2]s::%[3]s", relation, sqltext.Name(c.Name), typ)); err != nil {
			return l.w.db.fault(fitting(table, c.Name, typ), err)
		}
	}
	return nil
}

// unlike returns the type of a column in a table that has it with another than
// declared, and the declared one; "" where it has not.
func unlike(c asof.TableColumn, present []tableColumn) (typ, own string, err error) {
	i := slices.IndexFunc(present, func(p tableColumn) bool { return p.name == c.Name })
	own, err = asof.ColumnType(c.Type)
	if err != nil || i < 0 || present[i].typ == strings.Replace(own, "timestamptz", "timestamp with time zone", 1) {
		return "", own, err
	}
	return present[i].typ, own, nil
}

// refuse reports a staged value that would be another in the published type.
func (l *link) refuse(ctx context.Context, table asof.Table, relation, column, typ, own string) error {
	rows, err := l.query(ctx, fmt.Sprintf("SELECT %[2]s::text, %[1]s::text FROM %[3]s WHERE %[1]s::%[4]s::%[5]s IS DISTINCT FROM %[1]s LIMIT 1",
		sqltext.Name(column), sqltext.Name(table.Key[0]), relation, typ, own))
	if err != nil {
		return l.w.db.fault(fitting(table, column, typ), err)
	}
	wrong, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (pair [2]string, err error) {
		return pair, row.Scan(&pair[0], &pair[1])
	})
	if err != nil {
		return l.w.db.fault(fitting(table, column, typ), err)
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

func validTable(t asof.Table) error {
	if t.Name == "" || len(t.Name) > 63 {
		return asof.Errorf(asof.CodeInvalid, "%q cannot be the name of a table: PostgreSQL takes 1 to 63 bytes", t.Name)
	}
	if len(t.Key) == 0 {
		return asof.Errorf(asof.CodeInvalid, "table %q has no key; name the columns that tell its rows apart", t.Name)
	}
	for _, k := range t.Key {
		if !slices.Contains(t.ColumnNames(), k) {
			return asof.Errorf(asof.CodeInvalid, "table %q: the key column %q is not among its columns", t.Name, k)
		}
	}
	return nil
}

// declared returns column definitions; those of the key are not null.
func declared(columns []asof.TableColumn, key []string) string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = sqltext.Name(c.Name) + " " + c.Type
		if slices.Contains(key, c.Name) {
			list[i] += " NOT NULL"
		}
	}
	return strings.Join(list, ", ")
}
