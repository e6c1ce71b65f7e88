//go:build duckdb_arrow

package duckdb

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqltext"
)

// write returns the live table as it is after the staged rows are written into
// it, nil where that is as it was.
func (s *stage) write(ctx context.Context, w asof.Write, asOf time.Time) (asof.TableChange, *table, error) {
	declared := w.Table
	change := asof.TableChange{Table: declared.Name}
	staged := s.content.Tables[declared.Name]
	if staged == nil {
		return change, nil, asof.Errorf(asof.CodeInvalid, "table %q is published and was not loaded", declared.Name)
	}
	present := s.manifest.Tables[declared.Name]
	if err := sameShape(present, declared, false); err != nil {
		return change, nil, err
	}
	next := &table{Key: declared.Key, Columns: settle(present, staged.Columns), AsOf: day(asOf)}
	switch older := present != nil && present.AsOf > next.AsOf; {
	case older && w.Mode == asof.WriteAppend:
		next.AsOf = present.AsOf
	case older:
		change.Skipped = fmt.Sprintf("left as it is: it holds %s, which is newer than %s", present.AsOf, day(asOf))
		return change, nil, nil
	}
	if err := s.fit(ctx, declared, s.stagedFile(staged), next.Columns); err != nil {
		return change, nil, err
	}
	if err := s.checkReferences(ctx, declared); err != nil {
		return change, nil, err
	}
	if present == nil {
		change.Rows, change.Added = staged.Rows, staged.Rows
		return change, next, s.publishWhole(staged, declared.Name, next)
	}
	rows, old := "main."+sqltext.Name(declared.Name), publishedSchema+"."+sqltext.Name(declared.Name)
	if err := s.compare(ctx, &change, rows, old, declared.Key, declared.ColumnNames(), present); err != nil {
		return change, nil, err
	}
	kept := change.Removed
	if w.Mode == asof.WriteReplace {
		kept = 0
	} else {
		change.Removed = 0
	}
	if w.Mode == asof.WriteAppend && change.Changed > 0 {
		return change, nil, s.alreadyThere(ctx, declared, rows, old, present)
	}
	switch {
	case change.Added+change.Changed+change.Removed == 0 && len(next.Columns) == len(present.Columns):
		next.Parts = present.Parts
		if present.AsOf == next.AsOf {
			return change, nil, nil
		}
		return change, next, nil
	case kept == 0 && slices.Equal(next.Columns, staged.Columns):
		return change, next, s.publishWhole(staged, declared.Name, next)
	}
	sql := completed(rows, old, next, declared, present)
	if kept > 0 {
		sql += " UNION ALL " + keptRows(rows, old, next, declared, present)
	}
	file, n, err := s.writePart(ctx, declared.Name+"/", sql)
	next.Parts = []part{{File: file, Rows: n, Width: len(next.Columns)}}
	return change, next, err
}

// publishWhole makes the staged file the only one of the table's.
func (s *stage) publishWhole(staged *stagedTable, name string, next *table) error {
	file, err := s.adoptStaged(staged.File, name+"/")
	next.Parts = []part{{File: file, Rows: staged.Rows, Width: len(next.Columns)}}
	return err
}

// completed returns SQL for new rows with all columns of the table: what they
// do not fill is taken from the old rows that they replace.
func completed(rows, old string, next *table, declared asof.Table, present *table) string {
	columns := make([]string, len(next.Columns))
	for i, c := range next.Columns {
		switch name := sqltext.Name(c.Name); {
		case slices.Contains(declared.ColumnNames(), c.Name):
			columns[i] = "n." + name
		case present != nil && slices.Contains(present.Columns, c):
			columns[i] = "o." + name
		default:
			columns[i] = "NULL::" + duckType(c.Type) + " AS " + name
		}
	}
	return fmt.Sprintf("SELECT %s FROM %s n LEFT JOIN %s o ON %s", strings.Join(columns, ", "), rows, old, keysEqual("n", "o", declared.Key))
}

// keptRows returns SQL for the live rows that no new row replaces.
func keptRows(rows, old string, next *table, declared asof.Table, present *table) string {
	columns := make([]string, len(next.Columns))
	for i, c := range next.Columns {
		columns[i] = "NULL::" + duckType(c.Type)
		if present == nil || slices.Contains(present.Columns, c) {
			columns[i] = "o." + sqltext.Name(c.Name)
		}
	}
	return fmt.Sprintf("SELECT %s FROM %s o ANTI JOIN %s n ON %s", strings.Join(columns, ", "), old, rows, keysEqual("n", "o", declared.Key))
}

// compare counts how the rows differ from the old ones in the named columns.
// A column that the present table does not have yet was null.
func (s *stage) compare(ctx context.Context, change *asof.TableChange, rows, old string, key, columns []string, present *table) error {
	differs := differing(key, columns, present)
	counts, err := s.counts(ctx, fmt.Sprintf(`SELECT count(asof_new), count(*) FILTER (asof_old IS NULL), count(*) FILTER (asof_new AND asof_old AND (%s)),
 count(*) FILTER (asof_new IS NULL) FROM (SELECT *, true AS asof_new FROM %s) n FULL JOIN (SELECT *, true AS asof_old FROM %s) o ON %s`,
		differs, rows, old, keysEqual("n", "o", key)))
	if err != nil {
		return err
	}
	change.Rows, change.Added, change.Changed, change.Removed = counts[0], counts[1], counts[2], counts[3]
	change.Equal = change.Rows - change.Added - change.Changed
	return nil
}

// differing returns SQL that holds where a new row n differs from the old one o
// in the named columns.
func differing(key, columns []string, present *table) string {
	differs := "false"
	for _, c := range columns {
		switch {
		case slices.Contains(key, c):
		case present != nil && !slices.ContainsFunc(present.Columns, func(o column) bool { return o.Name == c }):
			differs += " OR n." + sqltext.Name(c) + " IS NOT NULL"
		default:
			differs += " OR n." + sqltext.Name(c) + " IS DISTINCT FROM o." + sqltext.Name(c)
		}
	}
	return differs
}

// alreadyThere tells of a row that is to be added, and whose key the table has
// with other values.
func (s *stage) alreadyThere(ctx context.Context, declared asof.Table, rows, old string, present *table) error {
	texts := make([]string, len(declared.Key))
	for i, k := range sqltext.Names(declared.Key) {
		texts[i] = "CAST(n." + k + " AS VARCHAR)"
	}
	list := strings.Join(texts, ", ")
	values, err := s.texts(ctx, fmt.Sprintf("SELECT %s FROM %s n JOIN %s o ON %s WHERE %s ORDER BY %s LIMIT 1", list, rows, old,
		keysEqual("n", "o", declared.Key), differing(declared.Key, declared.ColumnNames(), present), list))
	if err != nil {
		return err
	}
	return asof.Errorf(asof.CodeInvalid, "%w", &asof.KeyTaken{Table: declared.Name, Key: declared.Key, Values: values})
}

func keysEqual(a, b string, key []string) string {
	equal := make([]string, len(key))
	for i, k := range sqltext.Names(key) {
		equal[i] = a + "." + k + " = " + b + "." + k
	}
	return strings.Join(equal, " AND ")
}
