//go:build duckdb_arrow

package duckdb

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqltext"
)

// checkKey refuses rows whose key is null or not theirs alone. Keys are told
// apart by their hashes, which take less memory; only where two are alike the
// keys themselves are looked at.
func (s *stage) checkKey(ctx context.Context, table asof.Table, relation string) error {
	keys := sqltext.Names(table.Key)
	sql := "SELECT count(*), count(DISTINCT hash(" + strings.Join(keys, ", ") + "))"
	for _, k := range keys {
		sql += ", count(*) - count(" + k + ")"
	}
	counts, err := s.counts(ctx, sql+" FROM "+relation)
	if err != nil {
		return err
	}
	for i, n := range counts[2:] {
		if n > 0 {
			return asof.Errorf(asof.CodeInvalid, "table %q: %d rows have no %s, which is part of the key", table.Name, n, table.Key[i])
		}
	}
	if counts[0] == counts[1] {
		return nil
	}
	return s.duplicate(ctx, table, relation)
}

// duplicate returns what is wrong with keys that several rows have, nil where
// there are none.
func (s *stage) duplicate(ctx context.Context, table asof.Table, relation string) error {
	keys := sqltext.Names(table.Key)
	texts := make([]string, len(keys))
	for i, k := range keys {
		texts[i] = "CAST(" + k + " AS VARCHAR)"
	}
	list := strings.Join(keys, ", ")
	row, err := s.texts(ctx, "SELECT "+strings.Join(texts, ", ")+", CAST(count(*) AS VARCHAR) FROM "+relation+
		" GROUP BY "+list+" HAVING count(*) > 1 ORDER BY "+list+" LIMIT 1")
	if err != nil || row == nil {
		return err
	}
	duplicate := &asof.DuplicateKey{Table: table.Name, Key: table.Key, Values: row[:len(keys)]}
	if _, err := fmt.Sscan(row[len(keys)], &duplicate.Count); err != nil {
		return err
	}
	return asof.Errorf(asof.CodeInvalid, "%w", duplicate)
}

// fit refuses a value that would be another in the type in which its column is
// published, where that is another than declared.
func (s *stage) fit(ctx context.Context, table asof.Table, relation string, columns []column) error {
	for _, declared := range table.Columns {
		i := slices.IndexFunc(columns, func(c column) bool { return c.Name == declared.Name })
		own, err := asof.ColumnType(declared.Type)
		if err != nil {
			return err
		}
		typ := columns[i].Type
		if typ == own {
			continue
		}
		name := sqltext.Name(declared.Name)
		there := "TRY_CAST(" + name + " AS " + duckType(typ) + ")"
		value, err := s.texts(ctx, fmt.Sprintf("SELECT CAST(%[1]s AS VARCHAR), CAST(%[2]s AS VARCHAR) FROM %[3]s WHERE %[1]s IS NOT NULL AND TRY_CAST(%[4]s AS %[5]s) IS DISTINCT FROM %[1]s LIMIT 1",
			name, sqltext.Name(table.Key[0]), relation, there, duckType(own)))
		if err != nil {
			return err
		}
		if value != nil {
			return asof.Errorf(asof.CodeInvalid, "table %q, %s=%s: the value %s of column %q does not fit its type there, %s; correct the file, or load it into another table",
				table.Name, table.Key[0], value[1], value[0], declared.Name, typ)
		}
	}
	return nil
}

// checkReferences refuses staged rows that refer to a key that is neither
// staged nor published.
func (s *stage) checkReferences(ctx context.Context, table asof.Table) error {
	for column, parent := range table.References {
		sql := "SELECT CAST(c." + sqltext.Name(column) + " AS VARCHAR) FROM main." + sqltext.Name(table.Name) + " c WHERE c." + sqltext.Name(column) + " IS NOT NULL"
		present, staged := s.manifest.Tables[parent], s.content.Tables[parent]
		if present == nil && staged == nil {
			return asof.Errorf(asof.CodeInvalid, "table %q refers to table %q, which does not exist", table.Name, parent)
		}
		if staged != nil {
			sql += " AND NOT EXISTS (FROM main." + sqltext.Name(parent) + " p WHERE p." + sqltext.Name(staged.Key[0]) + " = c." + sqltext.Name(column) + ")"
		}
		if present != nil {
			sql += " AND NOT EXISTS (FROM " + publishedSchema + "." + sqltext.Name(parent) + " p WHERE p." + sqltext.Name(present.Key[0]) + " = c." + sqltext.Name(column) + ")"
		}
		row, err := s.texts(ctx, sql+" LIMIT 1")
		if err != nil {
			return err
		}
		if row != nil {
			return asof.Errorf(asof.CodeInvalid, "table %q: %s=%s is not in table %q", table.Name, column, row[0], parent)
		}
	}
	return nil
}

// settle returns the columns that a table has once declared ones are written
// to it: those that it has stay as they are, new ones come last.
func settle(present *table, declared []column) []column {
	if present == nil {
		return declared
	}
	columns := slices.Clone(present.Columns)
	for _, d := range declared {
		if !slices.ContainsFunc(columns, func(c column) bool { return c.Name == d.Name }) {
			columns = append(columns, d)
		}
	}
	return columns
}

func validTable(t asof.Table) error {
	if !tableName.MatchString(t.Name) {
		return asof.Errorf(asof.CodeInvalid, "%q cannot be the name of a warehouse table: letters, digits and underscores, 63 at most", t.Name)
	}
	if len(t.Key) == 0 {
		return asof.Errorf(asof.CodeInvalid, "table %q has no key; name the columns that tell its rows apart", t.Name)
	}
	for _, k := range t.Key {
		if !slices.ContainsFunc(t.Columns, func(c asof.TableColumn) bool { return c.Name == k }) {
			return asof.Errorf(asof.CodeInvalid, "table %q: the key column %q is not among its columns", t.Name, k)
		}
	}
	return nil
}

// sameShape refuses to write a table in another role, or by another key, than
// it has.
func sameShape(present *table, declared asof.Table, snapshot bool) error {
	switch {
	case present == nil:
		return nil
	case present.Whole != nil:
		return asof.Errorf(asof.CodeInvalid, "table %q is a training set, which pipelines do not write into; give the pipeline's table another name", declared.Name)
	case present.Snapshot != snapshot:
		return asof.Errorf(asof.CodeInvalid, "table %q is both a live table and a snapshot; give the snapshot a name of its own", declared.Name)
	case !slices.Equal(present.Key, declared.Key):
		return asof.Errorf(asof.CodeInvalid, "table %q has the key (%s), and the pipeline gives it (%s); keep the one it has",
			declared.Name, strings.Join(present.Key, ", "), strings.Join(declared.Key, ", "))
	}
	return nil
}

func plainColumns(declared []asof.TableColumn) []column {
	columns := make([]column, len(declared))
	for i, c := range declared {
		columns[i] = column(c)
		if typ, err := asof.ColumnType(c.Type); err == nil {
			columns[i].Type = typ
		}
	}
	return columns
}
