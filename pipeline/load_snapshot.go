package pipeline

import (
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqltext"
)

func (f *fileReader) snapshot(n ast.Node, values map[string]ast.Node) *Step {
	s := &SnapshotStep{Table: asof.Table{Name: f.table(values["snapshot"])}}
	switch {
	case (values["from"] == nil) == (values["sql"] == nil):
		f.problem(n, "the snapshot %s needs either `from`, a loaded table, or `sql`", s.Table.Name)
		return nil
	case values["from"] != nil:
		load := f.loaded(values["from"])
		if load == nil {
			return nil
		}
		f.snapshotFrom(values, load, s)
	default:
		s.SQL = f.sql(values["sql"], "sql")
		s.Table.Key = f.texts(values["key"], "key")
		if values["key"] == nil || values["columns"] == nil {
			f.problem(n, "the snapshot %s is made by `sql` and needs `key` and `columns`, names with types", s.Table.Name)
			return nil
		}
		s.Table.Columns = f.columns(values["columns"])
	}
	f.among(values["key"], "key", s.Table.Key, s.Table)
	if f.loads[s.Table.Name] != nil {
		f.problem(values["snapshot"], "%s is a loaded table: give the snapshot a name of its own", s.Table.Name)
	}
	if slices.Contains(s.Table.ColumnNames(), asof.AsOfColumn) {
		f.problem(n, "the snapshot %s gets its column as_of by itself: leave it out", s.Table.Name)
	}
	return &Step{Name: "snapshot " + s.Table.Name, Snapshot: s}
}

// snapshotFrom fills in a snapshot of a loaded table: its key first, then the
// named columns, or all.
func (f *fileReader) snapshotFrom(values map[string]ast.Node, load *LoadStep, s *SnapshotStep) {
	s.From, s.Table.Key = load.Table.Name, load.Table.Key
	if values["key"] != nil {
		s.Table.Key = f.texts(values["key"], "key")
	}
	wanted := f.texts(values["columns"], "columns")
	f.among(values["columns"], "columns", wanted, load.Table)
	for _, c := range load.Table.Columns {
		if values["columns"] == nil || slices.Contains(s.Table.Key, c.Name) {
			s.Table.Columns = append(s.Table.Columns, c)
		}
	}
	for _, name := range wanted {
		i := slices.IndexFunc(load.Table.Columns, func(c asof.TableColumn) bool { return c.Name == name })
		if i >= 0 && !slices.Contains(s.Table.Columns, load.Table.Columns[i]) {
			s.Table.Columns = append(s.Table.Columns, load.Table.Columns[i])
		}
	}
	s.SQL = "SELECT " + strings.Join(sqltext.Names(s.Table.ColumnNames()), ", ") + " FROM " + sqltext.Name(load.Table.Name)
}
