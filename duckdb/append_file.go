//go:build duckdb_arrow

package duckdb

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/apache/arrow-go/v18/parquet/schema"
	"golang.org/x/sys/unix"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqltext"
)

// fileTarget is a file source's: its folder, where rows become a new file, or
// its one file, which is replaced by one that holds them too.
func (o *Offline) fileTarget(ctx context.Context, t *target, source *asof.DataSource, columns []asof.SourceColumn) error {
	path, err := localPath(o.dir, source.Path)
	if err != nil {
		return asof.Errorf(asof.CodeInvalid, "%s: %w", t.what, err)
	}
	if source.FileFormat() != asof.FormatParquet {
		return asof.Errorf(asof.CodeInvalid, "%s: no rows are added to %s, for the types of a CSV file's values are not written in it; make the source a Parquet file or folder", t.what, path)
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // a link stays one
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && !info.IsDir():
		return o.oneFile(t, path)
	case err == nil:
		t.folder = path
	default: // a pattern: Columns has found files
		t.folder = filepath.Dir(path)
		if fits, err := filepath.Match(filepath.Base(path), fileName("x")); err != nil || !fits || strings.ContainsAny(t.folder, "*?[") {
			return asof.Errorf(asof.CodeInvalid, "%s: rows are added as a new file, which %s would not match; make the source's path a folder, or a pattern that ends with *.parquet in one folder", t.what, path)
		}
	}
	t.put = o.putBeside
	t.schema, err = o.folderSchema(ctx, t.what, pattern(path, "parquet"), columns)
	return err
}

// fileName returns the name of a file that rows were appended as.
func fileName(id string) string { return "asof-" + id + ".parquet" }

// putBeside gives the file a name among those of its folder.
func (o *Offline) putBeside(_ context.Context, f *os.File, _ int64) error {
	folder, name := filepath.Split(f.Name())
	name = fileName(strings.TrimSuffix(strings.TrimPrefix(name, unfinished), ".parquet"+growing))
	if err := os.Rename(f.Name(), filepath.Join(folder, name)); err != nil {
		return err
	}
	o.step("file named")
	return syncPath(folder)
}

// folderSchema returns the columns of a folder's files, each in the type that
// the first file has which has it.
func (o *Offline) folderSchema(ctx context.Context, what, files string, columns []asof.SourceColumn) (*arrow.Schema, error) {
	paths, err := o.filesOf(ctx, files)
	if err != nil {
		return nil, err
	}
	fields, left := make([]arrow.Field, len(columns)), len(columns)
	for _, path := range paths {
		schema, _, err := parquetSchema(path)
		if err != nil {
			return nil, asof.Errorf(asof.CodeInvalid, "%s: %s cannot be read: %w", what, path, err)
		}
		for i, c := range columns {
			at := schema.FieldIndices(c.Name)
			if fields[i].Type != nil || len(at) == 0 {
				continue
			}
			fields[i] = schema.Field(at[0])
			fields[i].Nullable = true
			left--
		}
		if left == 0 {
			return arrow.NewSchema(fields, nil), nil
		}
	}
	for i, c := range columns {
		if fields[i].Type == nil {
			return nil, asof.Errorf(asof.CodeInvalid, "%s: no rows are added to a folder whose folders are values of a column (%s=…); write the file into the folder that is its own", what, c.Name)
		}
	}
	return arrow.NewSchema(fields, nil), nil
}

// filesOf lists the files that a pattern of DuckDB's matches, sorted.
func (o *Offline) filesOf(ctx context.Context, pattern string) (paths []string, err error) {
	s, err := o.session(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close()
	rows, err := s.arrow.QueryContext(ctx, "SELECT file FROM glob("+sqltext.Text(pattern)+") ORDER BY file")
	if err != nil {
		return nil, s.fault("the files "+pattern, err)
	}
	defer rows.Release()
	for rows.Next() {
		names := rows.RecordBatch().Column(0).(*array.String)
		for i := range names.Len() {
			paths = append(paths, strings.Clone(names.Value(i)))
		}
	}
	return paths, s.fault("the files "+pattern, rows.Err())
}

// parquetSchema returns the columns of a file, and the form of their values.
func parquetSchema(path string) (*arrow.Schema, form, error) {
	f, err := file.OpenParquetFile(path, false)
	if err != nil {
		return nil, form{}, err
	}
	defer f.Close()
	reader, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		return nil, form{}, err
	}
	has := form{codec: compress.Codecs.Zstd}
	if f.NumRowGroups() > 0 {
		if chunk, err := f.MetaData().RowGroup(0).ColumnChunk(0); err == nil {
			has.codec = chunk.Compression()
		}
	}
	for i := range f.MetaData().Schema.NumColumns() {
		c := f.MetaData().Schema.Column(i)
		_, decimal := c.LogicalType().(schema.DecimalLogicalType)
		has.integers = has.integers || decimal && (c.PhysicalType() == parquet.Types.Int32 || c.PhysicalType() == parquet.Types.Int64)
	}
	columns, err := reader.Schema()
	return columns, has, err
}

// oneFile is the target of a source that is one file.
func (o *Offline) oneFile(t *target, path string) (err error) {
	t.folder = filepath.Dir(path)
	if t.schema, t.form, err = parquetSchema(path); err != nil {
		return asof.Errorf(asof.CodeInvalid, "%s: %s cannot be read: %w", t.what, path, err)
	}
	t.put = func(ctx context.Context, f *os.File, _ int64) error { return o.putInto(ctx, t, path, f) }
	return nil
}

// putInto replaces the file at path by one with its rows and those of f. Who
// appends to it holds a lock on it meanwhile.
func (o *Offline) putInto(ctx context.Context, t *target, path string, f *os.File) error {
	old, err := lockFile(ctx, path)
	if err != nil {
		return err
	}
	defer old.Close()
	both, err := grow(t.folder, unfinished, o.step)
	if err != nil {
		return err
	}
	defer discard(both)
	if err := joinParquet(both, old, f); err != nil {
		return err
	}
	return o.replace(old, both, path)
}

// replace gives a file the place of another, and its rights.
func (o *Offline) replace(old, by *os.File, path string) error {
	info, err := old.Stat()
	if err != nil {
		return err
	}
	if err := by.Chmod(info.Mode().Perm()); err != nil {
		return err
	}
	o.step("file written")
	if err := os.Rename(by.Name(), path); err != nil {
		return err
	}
	o.step("file replaced")
	return syncPath(filepath.Dir(path))
}

// lockFile opens the file of a name and locks it, once nobody else has it
// locked: whoever had may have put another in its place.
func lockFile(ctx context.Context, path string) (*os.File, error) {
	for {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil && fileIsAt(f) {
			return f, nil
		}
		_ = f.Close()
		if err != nil && !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return nil, &fs.PathError{Op: "lock", Path: path, Err: err}
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}
