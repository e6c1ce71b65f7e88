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
	staged := s.content.Tables[declared.Name]
	if staged == nil {
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
	next := &table{Key: declared.Key, Columns: settle(present, staged.Columns), AsOf: day(asOf)}
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
	rows, old := "main."+quoteName(declared.Name), publishedSchema+"."+quoteName(declared.Name)
	if err := s.compare(ctx, &change, rows, old, declared.Key, names(declared.Columns), present); err != nil {
		return change, nil, err
	}
	kept := change.Removed // an upsert removes nothing
	change.Removed = 0
	switch {
	case change.Added+change.Changed == 0 && len(next.Columns) == len(present.Columns):
		next.Parts = present.Parts
		if present.AsOf == next.AsOf {
			return change, nil, nil
		}
		return change, next, nil
	case kept == 0 && slices.Equal(next.Columns, staged.Columns):
		return change, next, s.publishWhole(staged, declared.Name, next)
	}
	file, n, err := s.writePart(ctx, declared.Name+"/", completed(rows, old, next, declared, present)+" UNION ALL "+keptRows(rows, old, next, declared, present))
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

// keptRows returns SQL for the live rows that no new row replaces.
func keptRows(rows, old string, next *table, declared asof.Table, present *table) string {
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

func keysEqual(a, b string, key []string) string {
	equal := make([]string, len(key))
	for i, k := range quoteNames(key) {
		equal[i] = a + "." + k + " = " + b + "." + k
	}
	return strings.Join(equal, " AND ")
}
