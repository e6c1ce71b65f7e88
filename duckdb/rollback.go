//go:build duckdb_arrow

package duckdb

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqltext"
)

// Rollback writes the manifest in which the tables are what the publication
// found. Their files are there still.
func (w *Warehouse) Rollback(ctx context.Context, run string) (asof.Rollback, error) {
	m, err := readManifest(w.dir)
	if err != nil {
		return asof.Rollback{}, err
	}
	if _, _, err := w.undoable(m, run); asof.ErrorCode(err) == asof.CodeNotFound {
		return asof.Rollback{}, err // perhaps there is not even a folder
	}
	opened, err := w.Stage(ctx, "rollback")
	if err != nil {
		return asof.Rollback{}, err
	}
	var done asof.Rollback
	s := opened.(*stage)
	if err = s.enter(ctx); err == nil {
		done, err = s.rollback(ctx, run)
	}
	return done, errors.Join(fault("the rollback of run "+run, err), s.leave(ctx), s.Discard(ctx))
}

// undoable returns the newest publication of a run, by its place, and whether
// it is rolled back already.
func (w *Warehouse) undoable(m *manifest, run string) (at int, done bool, err error) {
	all, err := w.published(m)
	if err != nil {
		return 0, false, err
	}
	at = slices.IndexFunc(all, func(p asof.Publication) bool { return p.ID == run })
	if at >= 0 && !all[at].Undone.IsZero() {
		return at, true, nil
	}
	var kept []asof.KeptPublication
	var places []int
	for i, p := range m.Publications {
		if p.Before != nil {
			kept = append(kept, asof.KeptPublication{Publication: all[i], Tables: slices.Collect(maps.Keys(p.Before))})
			places = append(places, i)
		}
	}
	chosen, err := asof.RollbackOf(run, all, kept)
	if err != nil {
		return 0, false, err
	}
	return places[chosen], false, nil
}

func (s *stage) rollback(ctx context.Context, run string) (asof.Rollback, error) {
	m := s.manifest
	at, done, err := s.w.undoable(m, run)
	if err != nil {
		return asof.Rollback{}, err
	}
	if done {
		return s.w.undone(m, at)
	}
	next := &manifest{Version: manifestVersion, Tables: maps.Clone(m.Tables), Publications: slices.Clone(m.Publications), Retired: slices.Clone(m.Retired)}
	p := &next.Publications[at]
	for name, before := range p.Before {
		t, err := s.before(ctx, name, before, p.After[name])
		if err != nil {
			return asof.Rollback{}, err
		}
		if t == nil {
			delete(next.Tables, name)
			p.Gone = append(p.Gone, name)
			continue
		}
		next.Tables[name] = t
	}
	slices.Sort(p.Gone)
	now := s.w.now().UTC().Truncate(time.Microsecond)
	p.Undone, p.Before, p.After = &now, nil, nil
	next.retire(m, now)
	s.w.step("tables found")
	if err := s.sync(); err != nil {
		return asof.Rollback{}, err
	}
	s.written = nil // from here on, whether the manifest counts may not be known: what is not named is swept
	if err := next.write(s.w.dir, s.w.step); err != nil {
		return asof.Rollback{}, err
	}
	return s.w.undone(next, at)
}

// before returns a table as a publication found it, with what has been appended
// since; nil where there was none, and is none.
func (s *stage) before(ctx context.Context, name string, before *table, wrote []string) (*table, error) {
	present := s.manifest.Tables[name]
	if present == nil || present.Snapshot {
		return before, nil
	}
	appended, err := s.appended(ctx, name, present, wrote)
	if err != nil || len(appended) == 0 {
		return before, err
	}
	t := &table{Key: present.Key, Columns: present.Columns}
	if before != nil {
		t = &table{Key: before.Key, Columns: before.Columns, AsOf: before.AsOf, Parts: slices.Clone(before.Parts)}
	}
	for _, p := range appended {
		p.Width = min(p.Width, len(t.Columns))
		t.Parts = append(t.Parts, p)
	}
	return t, nil
}

// appended returns the parts that a live table has got since a publication
// wrote its files. Where these have been written together with others, the
// other rows are taken out of them.
func (s *stage) appended(ctx context.Context, name string, present *table, wrote []string) ([]part, error) {
	added := slices.DeleteFunc(slices.Clone(present.Parts), func(p part) bool { return slices.Contains(wrote, p.File) })
	if len(added) == len(present.Parts)-len(wrote) {
		return added, nil
	}
	files := make([]string, len(wrote))
	for i, file := range wrote {
		files[i] = sqltext.Text(globEscape.Replace(filepath.Join(s.w.dir, filepath.FromSlash(file))))
	}
	rest := fmt.Sprintf("SELECT o.* FROM %s.%s o ANTI JOIN read_parquet([%s], hive_partitioning = false, union_by_name = true) n ON %s",
		publishedSchema, sqltext.Name(name), strings.Join(files, ", "), keysEqual("n", "o", present.Key))
	file, n, err := s.writePart(ctx, name+"/", rest+" ORDER BY "+strings.Join(sqltext.Names(present.Key), ", "))
	if err != nil || n == 0 {
		return nil, err
	}
	return []part{{File: file, Rows: n, Width: len(present.Columns)}}, nil
}

// undone says what the rollback of a publication put back.
func (w *Warehouse) undone(m *manifest, at int) (asof.Rollback, error) {
	list, err := w.published(m)
	if err != nil {
		return asof.Rollback{}, err
	}
	p := m.Publications[at]
	done := asof.Rollback{Publication: list[at], Gone: p.Gone}
	for _, name := range slices.Sorted(maps.Keys(p.Changes)) {
		c := p.Changes[name]
		done.Tables = append(done.Tables, asof.TableChange{Table: name, Rows: c.Added + c.Changed + c.Removed, Added: c.Removed, Changed: c.Changed, Removed: c.Added})
		done.Readers = append(done.Readers, name)
	}
	return done, nil
}
