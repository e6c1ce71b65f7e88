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

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqltext"
)

// mostParts is how many files a live table has at most: the next one is written
// together with them.
const mostParts = 64

// tableTarget is a live table of the warehouse. Its snapshots hold what their
// months' files do, and training sets what their retrieval did.
func (o *Offline) tableTarget(t *target, name string) error {
	m, err := readManifest(o.warehouse.dir)
	if err != nil {
		return err
	}
	name, present := m.named(name)
	switch {
	case present == nil:
		return asof.Errorf(asof.CodeInvalid, "%s: the warehouse has no table %q", t.what, name)
	case present.Whole != nil:
		return asof.Errorf(asof.CodeInvalid, "%s: the table %q is a training set, which is replaced as a whole, and to which no rows are added", t.what, name)
	case present.Snapshot:
		return asof.Errorf(asof.CodeInvalid, "%s: the table %q holds snapshots, each exactly the rows of its file, to which no rows are added; load a file by the pipeline", t.what, name)
	}
	if t.schema, err = present.declared(name).Schema(); err != nil {
		return err
	}
	t.folder = filepath.Join(o.warehouse.dir, name)
	if err := os.MkdirAll(t.folder, 0o755); err != nil {
		return t.fault(err)
	}
	t.put = func(ctx context.Context, f *os.File, rows int64) error {
		s := &stage{w: o.warehouse, run: "append", content: new(stageContent)}
		err := s.open(ctx)
		if err == nil {
			err = s.enter(ctx)
		}
		if err == nil {
			err = s.append(ctx, t.what, name, f, rows)
		}
		return errors.Join(err, s.leave(ctx), s.Close())
	}
	return nil
}

// named returns a table by its name as SQL has it.
func (m *manifest) named(name string) (string, *table) {
	for own, t := range m.Tables {
		if strings.EqualFold(own, name) {
			return own, t
		}
	}
	return name, nil
}

func (t *table) declared(name string) asof.Table {
	d := asof.Table{Name: name, Key: t.Key}
	for _, c := range t.Columns {
		d.Columns = append(d.Columns, asof.TableColumn(c))
	}
	return d
}

// append makes a file one of a live table's parts, if its keys are new.
func (s *stage) append(ctx context.Context, what, name string, f *os.File, rows int64) error {
	present := s.manifest.Tables[name]
	if present == nil || present.Whole != nil || present.Snapshot {
		return asof.Errorf(asof.CodeConflict, "%s: the table %q was replaced meanwhile; try again", what, name)
	}
	declared := present.declared(name)
	added := "read_parquet(" + sqltext.Text(globEscape.Replace(f.Name())) + ", hive_partitioning = false)"
	if err := s.checkKey(ctx, declared, added); err != nil {
		return err
	}
	if err := s.checkNew(ctx, what, declared, added); err != nil {
		return err
	}
	next := *present
	if len(present.Parts) < mostParts {
		part, err := s.adopt(f, name, rows, len(present.Columns))
		if err != nil {
			return err
		}
		next.Parts = append(slices.Clone(present.Parts), part)
	} else {
		columns := strings.Join(sqltext.Names(declared.ColumnNames()), ", ")
		file, n, err := s.writePart(ctx, name+"/", fmt.Sprintf("SELECT %s FROM %s.%s UNION ALL SELECT %s FROM %s",
			columns, publishedSchema, sqltext.Name(name), columns, added))
		if err != nil {
			return err
		}
		next.Parts = []part{{File: file, Rows: n, Width: len(present.Columns)}}
	}
	if err := s.sync(); err != nil {
		return err
	}
	s.written = nil // from here on, whether the manifest counts may not be known: the file stays, or is swept
	return s.manifest.replace(name, &next, s.w.now()).write(s.w.dir, s.w.step)
}

// checkNew refuses rows whose key the table has already.
func (s *stage) checkNew(ctx context.Context, what string, declared asof.Table, added string) error {
	texts := make([]string, len(declared.Key))
	for i, k := range sqltext.Names(declared.Key) {
		texts[i] = "CAST(n." + k + " AS VARCHAR)"
	}
	there, err := s.texts(ctx, fmt.Sprintf("SELECT %s FROM %s n SEMI JOIN %s.%s o ON %s LIMIT 1", strings.Join(texts, ", "), added,
		publishedSchema, sqltext.Name(declared.Name), keysEqual("n", "o", declared.Key)))
	if err != nil || there == nil {
		return err
	}
	for i, k := range declared.Key {
		there[i] = k + "=" + there[i]
	}
	return asof.Errorf(asof.CodeInvalid, "%s: the table %q has a row with the key %s already; rows are added to it, not replaced", what, declared.Name, strings.Join(there, ", "))
}

// adopt gives a file a name of the warehouse's own.
func (s *stage) adopt(f *os.File, table string, rows int64, width int) (part, error) {
	id, err := newID()
	if err != nil {
		return part{}, err
	}
	name := table + "/" + id + ".parquet"
	path := filepath.Join(s.w.dir, filepath.FromSlash(name))
	if err := os.Rename(f.Name(), path); err != nil {
		return part{}, err
	}
	s.written = append(s.written, path)
	s.w.step("part written")
	return part{File: name, Rows: rows, Width: width}, nil
}
