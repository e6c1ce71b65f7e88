//go:build duckdb_arrow

package duckdb

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/asof-dev/asof"
)

// upsert returns the live table as it is after the staged rows are written
// into it by their key, nil where that is as it was.
func (s *stage) upsert(ctx context.Context, declared asof.Table, asOf time.Time) (asof.TableChange, *table, error) {
	change := asof.TableChange{Table: declared.Name}
	columns, staged := s.staged[declared.Name]
	if !staged {
		return change, nil, asof.Errorf(asof.CodeInvalid, "table %q is published and was not loaded", declared.Name)
	}
	present := s.manifest.Tables[declared.Name]
	if err := sameShape(present, declared, false); err != nil {
		return change, nil, err
	}
	if present != nil && present.AsOf > day(asOf) {
		change.Skipped = fmt.Sprintf("left as it is: it holds %s, which is newer than %s", present.AsOf, day(asOf))
		return change, nil, nil
	}
	if err := s.checkReferences(ctx, declared); err != nil {
		return change, nil, err
	}
	next := &table{Key: declared.Key, Columns: columns, AsOf: day(asOf)}
	var parts []part
	if present != nil {
		parts = present.Parts
	}
	rows, old := "main."+quoteName(declared.Name), s.w.relation(next, nil)
	if present != nil {
		old = publishedSchema + "." + quoteName(declared.Name)
	}
	if err := s.compare(ctx, &change, rows, old, declared.Key, names(declared.Columns), present); err != nil {
		return change, nil, err
	}
	change.Removed = 0 // an upsert removes nothing
	switch {
	case present != nil && change.Added+change.Changed == 0 && len(columns) == len(present.Columns):
		next.Parts = parts
		if present.AsOf == next.AsOf {
			return change, nil, nil
		}
	default:
		file, n, err := s.writePart(ctx, declared.Name+"/",
			completed(rows, old, next, declared, present)+" UNION ALL "+kept(rows, old, next, declared, present), declared.Key)
		if err != nil {
			return change, nil, err
		}
		next.Parts = []part{{File: file, Rows: n, Width: len(columns)}}
	}
	return change, next, nil
}

// completed returns SQL for new rows with all columns of the table: what they
// do not fill is taken from the old rows that they replace.
func completed(rows, old string, next *table, declared asof.Table, present *table) string {
	columns := make([]string, len(next.Columns))
	for i, c := range next.Columns {
		switch name := quoteName(c.Name); {
		case slices.Contains(names(declared.Columns), c.Name):
			columns[i] = "n." + name
		case present != nil && slices.Contains(present.Columns, c):
			columns[i] = "o." + name
		default:
			columns[i] = "NULL::" + duckType(c.Type) + " AS " + name
		}
	}
	return fmt.Sprintf("SELECT %s FROM %s n LEFT JOIN %s o ON %s", strings.Join(columns, ", "), rows, old, keysEqual("n", "o", declared.Key))
}

// kept returns SQL for the live rows that no new row replaces.
func kept(rows, old string, next *table, declared asof.Table, present *table) string {
	columns := make([]string, len(next.Columns))
	for i, c := range next.Columns {
		columns[i] = "NULL::" + duckType(c.Type)
		if present == nil || slices.Contains(present.Columns, c) {
			columns[i] = "o." + quoteName(c.Name)
		}
	}
	return fmt.Sprintf("SELECT %s FROM %s o ANTI JOIN %s n ON %s", strings.Join(columns, ", "), old, rows, keysEqual("n", "o", declared.Key))
}

// compare counts how the rows differ from the old ones in the named columns.
// A column that the present table does not have yet was null.
func (s *stage) compare(ctx context.Context, change *asof.TableChange, rows, old string, key, columns []string, present *table) error {
	on := keysEqual("n", "o", key)
	differs := "false"
	for _, c := range columns {
		switch {
		case slices.Contains(key, c):
		case present != nil && !slices.ContainsFunc(present.Columns, func(o column) bool { return o.Name == c }):
			differs += " OR n." + quoteName(c) + " IS NOT NULL"
		default:
			differs += " OR n." + quoteName(c) + " IS DISTINCT FROM o." + quoteName(c)
		}
	}
	counts, err := s.counts(ctx, fmt.Sprintf(`SELECT count(*), count(*) FILTER (o.asof_old IS NULL), count(*) FILTER (o.asof_old AND (%s)),
 (SELECT count(*) FROM %s o ANTI JOIN %s n ON %s)
 FROM %s n LEFT JOIN (SELECT *, true AS asof_old FROM %s) o ON %s`, differs, old, rows, on, rows, old, on))
	if err != nil {
		return err
	}
	change.Rows, change.Added, change.Changed, change.Removed = counts[0], counts[1], counts[2], counts[3]
	change.Equal = change.Rows - change.Added - change.Changed
	return nil
}

func keysEqual(a, b string, key []string) string {
	equal := make([]string, len(key))
	for i, k := range quoteNames(key) {
		equal[i] = a + "." + k + " = " + b + "." + k
	}
	return strings.Join(equal, " AND ")
}
