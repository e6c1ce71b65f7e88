//go:build duckdb_arrow

package duckdb

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"golang.org/x/sys/unix"

	"github.com/asof-dev/asof"
)

// Warehouse is a folder of Parquet files and one manifest that names those
// that count. Files never change: a publication writes new ones and then
// replaces the manifest by a rename, however many tables it changes, so a
// reader has the state before it or after it. A live table is one file,
// TABLE/ID.parquet, and one more for each append; a snapshot has one file for each of its days,
// TABLE/as_of=2024-01-31/ID.parquet, where as_of is in the folder's name alone.
//
// One process at a time stages and publishes, under a lock on writer.lock;
// readers pin a state, under a shared lock on readers.lock.
//
// A numeric without a precision is a DECIMAL(38,18).
type Warehouse struct {
	dir string
	now func() time.Time

	// step is told where a publication has got to. Tests stop the process
	// there.
	step func(name string)
}

// OpenWarehouse returns the warehouse in the folder dir, which is made by the
// first publication.
func OpenWarehouse(dir string) (*Warehouse, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, asof.Errorf(asof.CodeInvalid, "the warehouse's folder: %w", err)
	}
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return nil, asof.Errorf(asof.CodeInvalid, "the warehouse %s is a file, and has to be a folder; correct asof.warehouse in feature_store.yaml", dir)
	}
	return &Warehouse{dir: dir, now: time.Now, step: func(string) {}}, nil
}

// Publications lists what was published, newest first.
func (w *Warehouse) Publications(context.Context) ([]asof.Publication, error) {
	m, err := readManifest(w.dir)
	if err != nil {
		return nil, err
	}
	return w.published(m)
}

func (w *Warehouse) published(m *manifest) ([]asof.Publication, error) {
	list := make([]asof.Publication, len(m.Publications))
	for i, p := range m.Publications {
		day, err := time.Parse(time.DateOnly, p.AsOf)
		if err != nil {
			return nil, asof.Errorf(asof.CodeInternal, "publication %s in %s: %w", p.ID, filepath.Join(w.dir, manifestFile), err)
		}
		list[i] = asof.Publication{ID: p.ID, Name: p.Name, AsOf: day, At: p.At}
		if p.Undone != nil {
			list[i].Undone = *p.Undone
		}
	}
	return list, nil
}

// Close does nothing: a warehouse holds nothing open between its calls.
func (w *Warehouse) Close() error { return nil }

// lock takes the lock of one of the warehouse's lock files, as soon as its
// other holders let it go. Closing the file gives it back, and so does the end
// of the process.
func (w *Warehouse) lock(ctx context.Context, name string, how int) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(w.dir, name), os.O_RDONLY|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return nil, errors.Join(err, f.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), f.Close())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

const (
	writerLock  = "writer.lock"
	readersLock = "readers.lock"
)

// sweep removes the files that nobody needs, and returns the retired ones that
// stay. The caller holds the writer's lock, so a file that the manifest
// neither names nor retired is what a dead process left. While anybody holds a
// pin nothing retired goes.
func (w *Warehouse) sweep(m *manifest) ([]retired, error) {
	named := m.files()
	var stay []retired
	readers, err := os.OpenFile(filepath.Join(w.dir, readersLock), os.O_RDONLY|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	defer readers.Close()
	pinned := unix.Flock(int(readers.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil
	for _, r := range m.Retired {
		if pinned || w.now().Sub(r.At) < retirement {
			stay = append(stay, r)
			named[r.File] = true
		}
	}
	err = filepath.WalkDir(w.dir, func(path string, entry fs.DirEntry, err error) error {
		if path == filepath.Join(w.dir, stageFolder) {
			return fs.SkipDir // of runs that go on, without the writer's lock
		}
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(w.dir, path)
		if err != nil || named[filepath.ToSlash(name)] || !partFile.MatchString(filepath.ToSlash(name)) {
			return err
		}
		return os.Remove(path)
	})
	return stay, err
}

var (
	tableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}$`)

	// partFile is what the warehouse's own files look like; what else lies in
	// its folder is not ours to remove.
	partFile = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*/(as_of=\d{4}-\d\d-\d\d/)?(dropped-)?[0-9a-f]{32}\.parquet$`)
)
