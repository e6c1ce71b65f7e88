//go:build duckdb_arrow

package duckdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqltext"
)

// Load writes the rows to a file of the stage.
func (s *stage) Load(ctx context.Context, table asof.Table, rows array.RecordReader, content func() string) (int64, error) {
	if err := s.accepts(table); err != nil {
		return 0, err
	}
	schema, err := table.Schema()
	if err != nil {
		return 0, err
	}
	if !rows.Schema().Equal(schema) {
		return 0, asof.Errorf(asof.CodeInternal, "table %q: the rows have the schema %s, and the table %s", table.Name, rows.Schema(), schema)
	}
	l, err := s.link(ctx)
	if err != nil {
		return 0, s.fault("table "+table.Name+" cannot be staged", err)
	}
	defer l.back()
	view := fmt.Sprintf("asof_%p", l) // every connection sees it
	release, err := l.arrow.RegisterView(rows, view)
	if err != nil {
		return 0, s.fault("table "+table.Name+" cannot be staged", err)
	}
	defer release()
	n, err := s.put(ctx, l, table, view, content)
	err = errors.Join(err, l.execute(context.WithoutCancel(ctx), "DROP VIEW IF EXISTS "+view))
	if rows.Err() != nil {
		return 0, rows.Err()
	}
	return n, err
}

// Make writes the rows of a query to a file of the stage.
func (s *stage) Make(ctx context.Context, table asof.Table, sql, content string) (int64, error) {
	if err := s.accepts(table); err != nil {
		return 0, err
	}
	l, err := s.link(ctx)
	if err != nil {
		return 0, s.fault("table "+table.Name+" cannot be staged", err)
	}
	defer l.back()
	return s.put(ctx, l, table, "("+selected(table, sql)+")", func() string { return content })
}

// accepts refuses a table that cannot be published.
func (s *stage) accepts(table asof.Table) error {
	if err := validTable(table); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if present := s.manifest.Tables[table.Name]; present != nil && present.Whole != nil {
		return sameShape(present, table, false)
	}
	return nil
}

// selected returns SQL for a table's columns, in its types, out of a query.
func selected(table asof.Table, sql string) string {
	typed := make([]string, len(table.Columns))
	for i, c := range plainColumns(table.Columns) {
		typed[i] = sqltext.Name(c.Name) + "::" + duckType(c.Type) + " AS " + sqltext.Name(c.Name)
	}
	return "SELECT " + strings.Join(typed, ", ") + " FROM (\n" + sql + "\n) q"
}

// put makes the rows of a relation the table's in the stage.
func (s *stage) put(ctx context.Context, l *link, table asof.Table, relation string, content func() string) (int64, error) {
	t, err := s.writeStaged(ctx, l, table, relation)
	if err != nil {
		return 0, s.fault("table "+table.Name+" cannot be staged", err)
	}
	t.Content = content()
	s.w.step("rows staged")
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.content.Tables[table.Name]
	s.content.Tables[table.Name] = t
	if err = s.content.write(s.folder); err == nil {
		err = l.execute(ctx, s.stagedView(table.Name, t))
	}
	if err != nil {
		s.content.Tables[table.Name] = before
		if before == nil {
			delete(s.content.Tables, table.Name)
		}
		return 0, s.fault("table "+table.Name+" cannot be staged", err)
	}
	return t.Rows, nil
}

// writeStaged writes a file and checks what is in it.
func (s *stage) writeStaged(ctx context.Context, l *link, table asof.Table, relation string) (*stagedTable, error) {
	t, err := s.writeFile(ctx, l, table, "FROM "+relation)
	if err != nil {
		return nil, err
	}
	if err = s.checkKey(ctx, table, s.stagedFile(t)); err == nil {
		s.mu.Lock()
		columns := settle(s.manifest.Tables[table.Name], t.Columns)
		s.mu.Unlock()
		err = s.fit(ctx, table, s.stagedFile(t), columns)
	}
	path := filepath.Join(s.folder, t.File)
	if err == nil {
		err = syncPath(path)
	}
	if err != nil {
		_ = os.Remove(path)
	}
	return t, err
}

// writeFile writes the rows of a query to a file of the stage.
func (s *stage) writeFile(ctx context.Context, l *link, table asof.Table, sql string) (*stagedTable, error) {
	id, err := newID()
	if err != nil {
		return nil, err
	}
	t := &stagedTable{File: id + ".parquet", Key: table.Key, Columns: plainColumns(table.Columns)}
	path := filepath.Join(s.folder, t.File)
	if t.Rows, err = l.copy(ctx, sql, path); err != nil {
		_ = os.Remove(path)
	}
	return t, err
}

// stagedFile returns SQL for the rows of a file as they are in it.
func (s *stage) stagedFile(t *stagedTable) string {
	return "read_parquet(" + sqltext.Text(globEscape.Replace(filepath.Join(s.folder, t.File))) + ", hive_partitioning = false)"
}

// stagedView returns the statement by which SQL sees a staged table, in the
// types in which it will be published.
func (s *stage) stagedView(name string, t *stagedTable) string {
	return "CREATE OR REPLACE VIEW main." + sqltext.Name(name) + " AS " + fitted(t.Columns, s.manifest.Tables[name], s.stagedFile(t))
}

// fitted returns SQL for columns of a relation in the types that the present
// table has.
func fitted(columns []column, present *table, relation string) string {
	list := make([]string, len(columns))
	into := settle(present, columns)
	for i, c := range columns {
		list[i] = sqltext.Name(c.Name)
		there := into[slices.IndexFunc(into, func(o column) bool { return o.Name == c.Name })]
		if there.Type != c.Type {
			list[i] = fmt.Sprintf("CAST(%[1]s AS %[2]s) AS %[1]s", sqltext.Name(c.Name), duckType(there.Type))
		}
	}
	return "SELECT " + strings.Join(list, ", ") + " FROM " + relation
}
