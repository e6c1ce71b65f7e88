//go:build duckdb_arrow

package duckdb

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/asof-dev/asof"
)

// Publish writes the new files, then the manifest that names them. Files of
// tables that stay as they are are not written again, and where no table
// changes there is no new manifest.
func (s *stage) Publish(ctx context.Context, p asof.Publication) (asof.Published, error) {
	err := s.enter(ctx)
	var done asof.Published
	if err == nil {
		done, err = s.publish(ctx, p)
	}
	if err = errors.Join(err, s.leave(ctx)); err == nil {
		return done, nil
	}
	for _, t := range done.Tables {
		if t.Dropped != nil {
			t.Dropped.Release()
		}
	}
	return asof.Published{}, s.fault("publication "+p.ID, err)
}

func (s *stage) publish(ctx context.Context, p asof.Publication) (asof.Published, error) {
	var done asof.Published
	all, err := s.w.published(s.manifest)
	if err != nil {
		return done, err
	}
	if since := asof.PublishedSince(p.ID, all); since != "" {
		return s.leaveAlone(ctx, p, since)
	}
	after := map[string]*table{}
	for _, w := range p.Writes {
		change, t, err := s.write(ctx, w, p.AsOf)
		if err != nil {
			return done, err
		}
		done.Tables = append(done.Tables, change)
		if t != nil {
			after[w.Table.Name] = t
		}
	}
	for _, f := range p.Frozen {
		change, t, err := s.freeze(ctx, f, p.AsOf)
		done.Tables = append(done.Tables, change)
		if err != nil {
			return done, err
		}
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
	if err := s.taken(); err != nil {
		return done, err
	}
	if p.Fence != nil {
		if err := p.Fence(ctx); err != nil {
			return done, err
		}
	}
	changes := map[string]counts{}
	for _, c := range done.Tables {
		if after[c.Table] != nil {
			changes[c.Table] = counts{c.Added, c.Changed, c.Removed}
		}
	}
	next := s.manifest.succeed(publication{ID: p.ID, Name: p.Name, AsOf: day(p.AsOf), At: s.w.now().UTC().Truncate(time.Microsecond), Changes: changes}, after)
	s.written = nil // from here on, whether the manifest counts may not be known: what is not named is swept
	if err := next.write(s.w.dir, s.w.step); err != nil {
		return done, err
	}
	s.manifest = next
	return done, s.refresh(ctx)
}

// leaveAlone says of every table that it is left as it is.
func (s *stage) leaveAlone(ctx context.Context, p asof.Publication, since string) (done asof.Published, err error) {
	for _, w := range p.Writes {
		done.Tables = append(done.Tables, asof.TableChange{Table: w.Table.Name, Skipped: asof.SkippedFor(p.ID, since)})
	}
	for _, f := range p.Frozen {
		change := asof.TableChange{Table: f.Table.Name, Skipped: asof.SkippedFor(p.ID, since)}
		if t := s.manifest.Tables[f.Table.Name]; t != nil && t.part(day(p.AsOf)) != nil {
			if change.Dropped, err = s.droppedKeys(ctx, f.Table, t.part(day(p.AsOf)).Dropped); err != nil {
				return done, err
			}
		}
		done.Tables = append(done.Tables, change)
	}
	return done, nil
}

// refresh shows the tables as they are by now.
func (s *stage) refresh(ctx context.Context) error {
	l, err := s.link(ctx)
	if err != nil {
		return err
	}
	defer l.back()
	return s.show(ctx, l)
}

// newPart returns a new file's name within the warehouse, and its path, in a
// folder that is there.
func (s *stage) newPart(prefix string) (name, path string, err error) {
	id, err := newID()
	if err != nil {
		return "", "", err
	}
	name = prefix + id + ".parquet"
	path = filepath.Join(s.w.dir, filepath.FromSlash(name))
	return name, path, os.MkdirAll(filepath.Dir(path), 0o755)
}

// writePart writes the rows of a query to a new file whose name starts with
// prefix, and returns the name within the warehouse.
func (s *stage) writePart(ctx context.Context, prefix, sql string) (string, int64, error) {
	name, path, err := s.newPart(prefix)
	if err != nil {
		return "", 0, err
	}
	l, err := s.link(ctx)
	if err != nil {
		return "", 0, err
	}
	defer l.back()
	s.written = append(s.written, path)
	n, err := l.copy(ctx, sql, path)
	s.w.step("part written")
	return name, n, err
}

// adoptStaged gives a file of the stage a name that starts with prefix, beside
// the one that it has; where the file system has no second names, it is copied.
func (s *stage) adoptStaged(file, prefix string) (string, error) {
	name, path, err := s.newPart(prefix)
	if err != nil {
		return "", err
	}
	s.written = append(s.written, path)
	staged := filepath.Join(s.folder, file)
	if err = os.Link(staged, path); err != nil {
		err = copyFile(staged, path)
	}
	s.w.step("part written")
	return name, err
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
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
