package historical

import (
	"context"
	"errors"
	"io"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/google/uuid"

	"github.com/asof-dev/asof"
)

// mostLogFiles is how many files one call writes at a time: each holds some rows
// in memory.
const mostLogFiles = 256

// AppendLogs adds rows to a folder of Parquet files, made where it is missing,
// and returns how many there were: as one file, or, where by names columns, as a
// file for each of their values, in a folder VALUE, as Feast names it. A file's
// name is NAME-….parquet. The files have those columns too. They may have others than earlier files. On an error
// nothing is added; of several files one may be seen before the next.
func AppendLogs(ctx context.Context, folder, name string, by []string, rows array.RecordReader) (n int64, err error) {
	l := &logs{folder: folder, name: name, by: by, files: map[string]*logFile{}}
	defer l.discard()
	if err := l.describe(rows.Schema()); err != nil {
		return 0, err
	}
	for ctx.Err() == nil && rows.Next() {
		n += rows.RecordBatch().NumRows()
		if err := l.add(rows.RecordBatch()); err != nil {
			return 0, err
		}
	}
	if err := errors.Join(ctx.Err(), rows.Err()); err != nil {
		return 0, err
	}
	return n, l.commit()
}

// logs are the files that grow.
type logs struct {
	folder string
	name   string
	by     []string
	at     []int // the columns of by
	schema *arrow.Schema
	files  map[string]*logFile // by their folder within folder
}

type logFile struct {
	out    *output
	writer *pqarrow.FileWriter // nil once it is closed
}

func (l *logs) describe(s *arrow.Schema) error {
	for _, name := range l.by {
		at := s.FieldIndices(name)
		if len(at) != 1 {
			return asof.Errorf(asof.CodeInvalid, "the logs have no column %q, by which %s is divided%s", name, l.folder, known(name, names(s)))
		}
		l.at = append(l.at, at[0])
	}
	l.schema = s
	return nil
}

// add writes rows to their files: runs of those that go to one together.
func (l *logs) add(batch arrow.RecordBatch) error {
	n := int(batch.NumRows())
	for from := 0; from < n; {
		place, to := l.place(batch, from), from+1
		for to < n && (len(l.by) == 0 || l.place(batch, to) == place) {
			to++
		}
		if err := l.write(place, batch, int64(from), int64(to)); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// place returns the folder of a row.
func (l *logs) place(batch arrow.RecordBatch, row int) string {
	parts := make([]string, len(l.by))
	for i, at := range l.at {
		parts[i] = "null"
		if c := batch.Column(at); !c.IsNull(row) && c.DataType().ID() != arrow.NULL {
			parts[i] = folderName(c.ValueStr(row))
		}
	}
	return strings.Join(parts, "/")
}

// folderName writes a value so that it is the name of a folder, and of one that
// other programs do not pass over.
func folderName(value string) string {
	name := url.PathEscape(value)
	if name == "" || strings.ContainsAny(name[:1], "._") {
		return "value-" + name
	}
	return name
}

func (l *logs) write(place string, batch arrow.RecordBatch, from, to int64) error {
	f := l.files[place]
	if f == nil {
		var err error
		if f, err = l.begin(place); err != nil {
			return err
		}
	}
	some := batch.NewSlice(from, to)
	defer some.Release()
	return f.out.fault(f.writer.WriteBuffered(some))
}

func (l *logs) begin(place string) (*logFile, error) {
	if len(l.files) == mostLogFiles {
		return nil, asof.Errorf(asof.CodeInvalid, "the logs have more than %d values of %s, by each of which %s has a folder; divide it by a date", mostLogFiles, strings.Join(l.by, ", "), l.folder)
	}
	out, err := create(filepath.Join(l.folder, filepath.FromSlash(place), l.name+"-logs.parquet"))
	if err != nil {
		return nil, err
	}
	f := &logFile{out: out}
	l.files[place] = f
	f.writer, err = pqarrow.NewFileWriter(l.schema, struct{ io.Writer }{out.file},
		parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Snappy), parquet.WithMaxRowGroupLength(rowGroup)),
		pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
	if err != nil {
		return nil, asof.Errorf(asof.CodeInvalid, "%s cannot hold these columns: %w", l.folder, err)
	}
	return f, nil
}

// commit gives the files names of their own, once all are on the disk.
func (l *logs) commit() error {
	for _, f := range l.files {
		err := f.writer.Close()
		f.writer = nil
		if err == nil {
			err = f.out.file.Sync()
		}
		if err != nil {
			return f.out.fault(err)
		}
	}
	for _, f := range l.files {
		f.out.path = filepath.Join(filepath.Dir(f.out.path), l.name+"-"+strings.ReplaceAll(uuid.NewString(), "-", "")+".parquet")
		if err := f.out.commit(); err != nil {
			return err
		}
	}
	return nil
}

func (l *logs) discard() {
	for _, f := range l.files {
		if f.writer != nil {
			_ = f.writer.Close() // gives its memory back; the file is thrown away
		}
		f.out.discard()
	}
}
