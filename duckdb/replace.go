//go:build duckdb_arrow

package duckdb

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/asof-dev/asof"
)

// replacedFolder holds the files of the tables that are written as a whole,
// whatever their names are: each is named by the manifest alone.
const replacedFolder = "asof_tables"

// replacement is a Parquet file that grows beside the others, without any lock
// of the warehouse's: that is taken for the moment in which a manifest names
// the file.
type replacement struct {
	w       *Warehouse
	table   string
	file    *os.File // nil before Write, and once it is committed or discarded
	columns []column
	rows    int64
}

// Replace begins to write a table as a whole.
func (w *Warehouse) Replace(_ context.Context, table string) (asof.Replacement, error) {
	if err := asof.CheckTableName(table); err != nil {
		return nil, err
	}
	m, err := readManifest(w.dir)
	if err == nil {
		err = m.replaceable(table)
	}
	if err != nil {
		return nil, err
	}
	return &replacement{w: w, table: table}, nil
}

// Replaced lists the tables that were written as a whole.
func (w *Warehouse) Replaced(context.Context) (map[string]string, error) {
	m, err := readManifest(w.dir)
	if err != nil {
		return nil, err
	}
	list := map[string]string{}
	for name, t := range m.Tables {
		if t.Whole != nil {
			list[name] = t.Whole.ID
		}
	}
	return list, nil
}

// replaceable refuses the name of a table that a pipeline publishes, and one
// that SQL could not tell from it.
func (m *manifest) replaceable(table string) error {
	for name, t := range m.Tables {
		switch {
		case name == table && t.Whole == nil:
			return asof.Errorf(asof.CodeInvalid, "the table %q is a pipeline's, and is not replaced; give another name", name)
		case name != table && strings.EqualFold(name, table):
			return asof.Errorf(asof.CodeInvalid, "there is a table %q, which SQL does not tell from %q; give that name, or quite another", name, table)
		}
	}
	return nil
}

func (r *replacement) fault(err error) error {
	var known *asof.Error
	if err == nil || errors.As(err, &known) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return asof.Errorf(asof.CodeUnavailable, "the table %q cannot be written into the warehouse %s: %w", r.table, r.w.dir, err)
}

// create makes the file.
func (r *replacement) create() (err error) {
	folder := filepath.Join(r.w.dir, replacedFolder)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	r.file, err = grow(folder, "", r.w.step)
	return err
}

// Commit gives the file its name and writes the manifest that names it.
func (r *replacement) Commit(ctx context.Context, id string) error {
	if err := r.file.Sync(); err != nil {
		return r.fault(err)
	}
	r.w.step("file written")
	lock, err := r.w.lock(ctx, writerLock, unix.LOCK_EX)
	if err != nil {
		if ctx.Err() != nil {
			err = asof.Errorf(asof.CodeUnavailable, "the table %q: another run holds the warehouse %s: %w", r.table, r.w.dir, err)
		}
		return r.fault(err)
	}
	defer lock.Close()
	return r.fault(r.publish(id))
}

// publish is Commit under the writer's lock.
func (r *replacement) publish(id string) error {
	m, err := readManifest(r.w.dir)
	if err == nil {
		err = m.replaceable(r.table)
	}
	if err != nil {
		return err
	}
	if m.Retired, err = r.w.sweep(m); err != nil {
		return err
	}
	path := strings.TrimSuffix(r.file.Name(), growing)
	if err := os.Rename(r.file.Name(), path); err != nil {
		return err
	}
	r.w.step("file named")
	for _, dir := range []string{filepath.Dir(path), r.w.dir} {
		if err := syncPath(dir); err != nil {
			return errors.Join(err, os.Remove(path))
		}
	}
	next := m.replace(r.table, &table{Columns: r.columns, Whole: &whole{ID: id},
		Parts: []part{{File: replacedFolder + "/" + filepath.Base(path), Rows: r.rows, Width: len(r.columns)}}}, r.w.now())
	if err := next.write(r.w.dir, r.w.step); err != nil {
		return err // whether the manifest counts is not known: the file stays, or is swept
	}
	err = r.file.Close()
	r.file = nil
	return err
}

// Discard removes the file.
func (r *replacement) Discard(context.Context) error {
	if r.file == nil {
		return nil
	}
	err := os.Remove(r.file.Name())
	if errors.Is(err, fs.ErrNotExist) { // it has its name already
		err = nil
	}
	err = errors.Join(err, r.file.Close())
	r.file = nil
	return r.fault(err)
}
