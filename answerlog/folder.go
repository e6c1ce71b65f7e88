package answerlog

import (
	"cmp"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/asof-dev/asof/historical"
)

// fileName begins the names of the files that a Log writes, and removes: other
// files of a folder are somebody else's.
const fileName = "answers"

// mostFiles is how many files a folder holds, however small.
const mostFiles = 10_000

// write writes the rows of a table. Rows that cannot be written are lost: they
// are not worth the memory of a server.
func (l *Log) write(t *table) {
	rows := uint64(len(t.times))
	if err := t.save(); err != nil {
		l.failed.Add(rows)
		l.warn("answers could not be logged", err)
		return
	}
	l.written.Add(rows)
	if err := prune(t.folder, l.Most); err != nil {
		l.warn("old logs of answers could not be removed", err)
	}
}

func (t *table) save() error {
	record, err := t.record()
	if err != nil {
		return err
	}
	defer record.Release()
	rows, err := array.NewRecordReader(t.schema, []arrow.RecordBatch{record})
	if err != nil {
		return err
	}
	defer rows.Release()
	_, err = historical.AppendLogs(context.Background(), t.folder, fileName, t.by, rows)
	return err
}

// prune removes the oldest files of a folder until the rest has at most so many
// bytes. Another process may do the same.
func prune(folder string, most int64) error {
	type file struct {
		path    string
		size    int64
		written time.Time
	}
	var files []file
	var size int64
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasPrefix(e.Name(), fileName+"-") || filepath.Ext(path) != ".parquet" {
			return gone(err)
		}
		info, err := e.Info()
		if err == nil {
			files = append(files, file{path, info.Size(), info.ModTime()})
			size += info.Size()
		}
		return gone(err)
	})
	slices.SortFunc(files, func(a, b file) int { return cmp.Or(a.written.Compare(b.written), cmp.Compare(a.path, b.path)) })
	for len(files) > 1 && (size > most || len(files) > mostFiles) && err == nil {
		err = gone(os.Remove(files[0].path))
		size, files = size-files[0].size, files[1:]
	}
	return err
}

// gone takes a file that is not there any more as no error.
func gone(err error) error {
	if os.IsNotExist(err) {
		return nil
	}
	return err
}
