//go:build duckdb_arrow

package duckdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/asof-dev/asof"
)

// Publish writes the new files, then the manifest that names them. Files of
// tables that stay as they are are not written again, and where no table
// changes there is no new manifest.
func (s *stage) Publish(ctx context.Context, p asof.Publication) (asof.Published, error) {
	done, err := s.publish(ctx, p)
	if err != nil {
		for _, t := range done.Tables {
			if t.Dropped != nil {
				t.Dropped.Release()
			}
		}
		return asof.Published{}, errors.Join(fault("publication "+p.ID, err), s.Discard(ctx))
	}
	return done, s.Discard(ctx)
}

func (s *stage) publish(ctx context.Context, p asof.Publication) (asof.Published, error) {
	var done asof.Published
	after := map[string]*table{}
	for _, u := range p.Upserts {
		change, t, err := s.upsert(ctx, u.Table, p.AsOf)
		if err != nil {
			return done, err
		}
		done.Tables = append(done.Tables, change)
		if t != nil {
			after[u.Table.Name] = t
		}
	}
	for _, f := range p.Frozen {
		change, t, err := s.freeze(ctx, f, p.AsOf)
		if err != nil {
			return done, err
		}
		done.Tables = append(done.Tables, change)
		if t != nil {
			after[f.Table.Name] = t
		}
	}
	if len(after) == 0 {
		return done, nil
	}
	s.w.step("files written")
	if err := s.sync(); err != nil {
		return done, err
	}
	changes := map[string]counts{}
	for _, c := range done.Tables {
		if after[c.Table] != nil {
			changes[c.Table] = counts{c.Added, c.Changed, c.Removed}
		}
	}
	next := s.manifest.succeed(publication{ID: p.ID, Name: p.Name, AsOf: day(p.AsOf), At: s.w.now().UTC().Truncate(time.Microsecond), Changes: changes}, after)
	if err := next.write(s.w.dir, s.w.step); err != nil {
		return done, err
	}
	s.written = nil
	return done, nil
}

// writePart writes the rows of a query, in the order of key, to a new file
// whose name starts with prefix, and returns the name within the warehouse.
func (s *stage) writePart(ctx context.Context, prefix, sql string, key []string) (string, int64, error) {
	id, err := newID()
	if err != nil {
		return "", 0, err
	}
	name := prefix + id + ".parquet"
	path := filepath.Join(s.w.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", 0, err
	}
	s.written = append(s.written, path)
	n, err := s.count(ctx, fmt.Sprintf("COPY (SELECT * FROM (%s) ORDER BY %s) TO %s (FORMAT parquet, COMPRESSION zstd)",
		sql, strings.Join(quoteNames(key), ", "), quoteText(path)))
	s.w.step("part written")
	return name, n, err
}

// sync makes the new files, and the folders that hold them, outlast a stop of
// the machine.
func (s *stage) sync() error {
	folders := map[string]bool{}
	for _, file := range s.written {
		if err := syncPath(file); err != nil {
			return err
		}
		for dir := filepath.Dir(file); !folders[dir] && len(dir) >= len(s.w.dir); dir = filepath.Dir(dir) {
			folders[dir] = true
		}
	}
	for dir := range folders {
		if err := syncPath(dir); err != nil {
			return err
		}
	}
	return nil
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
