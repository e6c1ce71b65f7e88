//go:build duckdb_arrow

package duckdb

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqltext"
)

// Pin is one state of a warehouse, held for a reader: its files stay until
// Release, whatever is published meanwhile.
type Pin struct {
	tables []PinnedTable
	lock   *os.File // nil where there is no warehouse yet
}

// PinnedTable is a table as it was when it was pinned.
type PinnedTable struct {
	Name     string
	Relation string             // SQL that can stand in FROM: Columns in their order, no rows where it is empty
	Columns  []asof.TableColumn // a snapshot's as_of, a date, among them
}

// Pin holds the present state of every table, sorted by name. A folder that
// does not exist is a warehouse without tables.
func (w *Warehouse) Pin(ctx context.Context) (*Pin, error) {
	lock, err := w.lock(ctx, readersLock, unix.LOCK_SH)
	if errors.Is(err, fs.ErrNotExist) {
		return new(Pin), nil
	}
	if err != nil {
		return nil, asof.Errorf(asof.CodeUnavailable, "the warehouse %s cannot be read: %w", w.dir, err)
	}
	m, err := readManifest(w.dir)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return &Pin{tables: w.pinned(m), lock: lock}, nil
}

// Tables returns the tables, sorted by name.
func (p *Pin) Tables() []PinnedTable { return p.tables }

// Release lets the files go. It may be called twice.
func (p *Pin) Release() {
	if p.lock != nil {
		p.lock.Close()
		p.lock = nil
	}
}

func (w *Warehouse) pinned(m *manifest) []PinnedTable {
	var list []PinnedTable
	for _, name := range slices.Sorted(maps.Keys(m.Tables)) {
		t := m.Tables[name]
		pinned := PinnedTable{Name: name, Relation: w.relation(t, t.Parts)}
		for _, c := range t.Columns {
			pinned.Columns = append(pinned.Columns, asof.TableColumn(c))
		}
		list = append(list, pinned)
	}
	return list
}

// relation returns SQL that reads the parts as the table's columns, null where
// a part is older than a column.
func (w *Warehouse) relation(t *table, parts []part) string {
	columns, files := make([]string, len(t.Columns)), make([]string, len(parts))
	widest, narrowest := 0, len(t.Columns)
	for i, p := range parts {
		files[i] = sqltext.Text(globEscape.Replace(filepath.Join(w.dir, filepath.FromSlash(p.File))))
		widest, narrowest = max(widest, p.Width), min(narrowest, p.Width)
	}
	for i, c := range t.Columns {
		columns[i] = sqltext.Name(c.Name)
		if t.Snapshot && c.Name == asof.AsOfColumn {
			columns[i] = "CAST(" + sqltext.Name(c.Name) + " AS DATE) AS " + sqltext.Name(c.Name)
		}
		if i >= widest {
			columns[i] = "NULL::" + duckType(c.Type) + " AS " + sqltext.Name(c.Name)
		}
	}
	if len(parts) == 0 {
		return "(SELECT " + strings.Join(columns, ", ") + " WHERE false)"
	}
	options := "hive_partitioning = false"
	if t.Snapshot { // cast here: of a DATE in a folder's name, DuckDB cannot tell the newest before another
		options = "hive_partitioning = true, hive_types = {'" + asof.AsOfColumn + "': VARCHAR}"
	}
	if narrowest < widest {
		options += ", union_by_name = true"
	}
	return "(SELECT " + strings.Join(columns, ", ") + " FROM read_parquet([" + strings.Join(files, ", ") + "], " + options + "))"
}

// globEscape writes the characters of a path that DuckDB takes for a pattern.
var globEscape = strings.NewReplacer("*", "[*]", "?", "[?]", "[", "[[]")

// duckType returns DuckDB's name of a column type.
func duckType(typ string) string {
	switch typ {
	case "text":
		return "VARCHAR"
	case "numeric":
		return "DECIMAL(38,18)"
	case "double precision":
		return "DOUBLE"
	case "real":
		return "FLOAT"
	}
	return strings.ToUpper(typ)
}
