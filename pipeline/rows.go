package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
)

const (
	// batchRows is how many rows a batch has: what is in memory of a file.
	batchRows = 8192
	// mostProblems is how many bad cells of a file are told before reading ends.
	mostProblems = 10
)

// rows reads a CSV file as the rows of a table. It is an array.RecordReader.
type rows struct {
	table    asof.Table
	file     *os.File
	name     string // in messages
	size     int64
	scanner  *scanner
	schema   *arrow.Schema
	builder  *array.RecordBuilder
	places   []int  // the column of each field of the file
	key      []bool // whether a column is part of the key
	progress func(done, total int64)

	batch    arrow.RecordBatch
	count    int64
	problems asof.Problems
	err      error
	ended    bool
	refs     int
}

// openRows opens the file at path, which messages call name, and reads its
// header, which has to have the table's columns, in any order.
func openRows(path, name string, table asof.Table, progress func(done, total int64)) (*rows, error) {
	schema, err := table.Schema()
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, missingFile(path, name, err)
	}
	r := &rows{table: table, file: file, name: name, scanner: newScanner(file), schema: schema, progress: progress, refs: 1}
	info, err := file.Stat()
	switch {
	case err == nil && info.IsDir():
		err = asof.Errorf(asof.CodeInvalid, "%s is a folder, and has to be a CSV file", name)
	case err == nil:
		r.size = info.Size()
		err = r.header()
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	r.builder = array.NewRecordBuilder(memory.DefaultAllocator, schema)
	return r, nil
}

// missingFile says what is there instead of a file.
func missingFile(path, name string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return asof.Errorf(asof.CodeInvalid, "%s cannot be read: %w", name, err)
	}
	dir, wanted := filepath.Dir(path), filepath.Base(path)
	for {
		entries, err := os.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir) {
			dir, wanted = filepath.Dir(dir), filepath.Base(dir)
			continue
		}
		names := make([]string, len(entries))
		for i, e := range entries {
			names[i] = e.Name()
		}
		return asof.Errorf(asof.CodeInvalid, "there is no file %s: the folder %s holds no %q%s", name, dir, wanted, asof.DidYouMean(wanted, names))
	}
}

// header reads the first record.
func (r *rows) header() error {
	if err := r.scanner.mark(); err != nil {
		return r.fault(err)
	}
	fields, err := r.scanner.record()
	if errors.Is(err, io.EOF) {
		return r.problem(1, "the file is empty: it has no header").Err()
	}
	if err != nil {
		return r.fault(err)
	}
	known := columnNames(r.table)
	if i := bytes.IndexAny(fields[0].value, ";\t|"); len(fields) == 1 && len(known) > 1 && i >= 0 {
		return r.problem(r.scanner.line, "the cells are separated by %q, and have to be by commas", fields[0].value[i]).Err()
	}
	var found, extra []string
	for _, f := range fields {
		name := string(f.value)
		place := slices.Index(known, name)
		switch {
		case place >= 0 && slices.Contains(found, name):
			r.problem(r.scanner.line, "the header has the column %q twice", name)
		case place < 0:
			extra = append(extra, name)
		}
		found = append(found, name)
		r.places = append(r.places, place)
	}
	for _, name := range known {
		if !slices.Contains(found, name) {
			r.problem(r.scanner.line, "the column %q of table %q is missing in the header%s", name, r.table.Name, near(name, extra))
		}
	}
	for _, name := range extra {
		r.problem(r.scanner.line, "table %q has no column %q, which the header has%s", r.table.Name, name, near(name, known))
	}
	for _, name := range known {
		r.key = append(r.key, slices.Contains(r.table.Key, name))
	}
	return r.problems.Err()
}

// near ends a sentence with the names that are near.
func near(name string, names []string) string {
	if nearest := asof.Nearest(name, names); len(nearest) > 0 {
		return fmt.Sprintf("; %q is near", nearest[0])
	}
	return ""
}

func (r *rows) problem(line int, format string, args ...any) asof.Problems {
	r.problems = append(r.problems, asof.Problem{Place: asof.Place{File: r.name, Line: line}, Message: fmt.Sprintf(format, args...)})
	return r.problems
}

// fault gives a failure of the scanner its place.
func (r *rows) fault(err error) error {
	var line *lineError
	if errors.As(err, &line) {
		return r.problem(line.line, "%s", line.message).Err()
	}
	return asof.Errorf(asof.CodeUnavailable, "%s cannot be read: %w", r.name, err)
}

func (r *rows) Schema() *arrow.Schema          { return r.schema }
func (r *rows) RecordBatch() arrow.RecordBatch { return r.batch }
func (r *rows) Record() arrow.RecordBatch      { return r.batch }
func (r *rows) Err() error                     { return r.err }
func (r *rows) Retain()                        { r.refs++ }

// Release closes the file.
func (r *rows) Release() {
	if r.refs--; r.refs > 0 {
		return
	}
	r.drop()
	r.builder.Release()
	_ = r.file.Close()
}

func (r *rows) drop() {
	if r.batch != nil {
		r.batch.Release()
		r.batch = nil
	}
}

// Next reads a batch. Bad cells are collected; they end the reading after
// some, or at the file's end.
func (r *rows) Next() bool {
	r.drop()
	if r.ended || r.err != nil {
		return false
	}
	n := int64(0)
	for ; n < batchRows; n++ {
		fields, err := r.scanner.record()
		if errors.Is(err, io.EOF) {
			r.ended = true
			break
		}
		if err != nil {
			r.err = r.fault(err)
			return false
		}
		r.append(fields)
		if len(r.problems) >= mostProblems {
			r.problem(r.scanner.line, "reading stops here, after %d mistakes", mostProblems)
			break
		}
	}
	r.count += n
	if r.err = r.problems.Err(); r.err != nil || n == 0 {
		return false
	}
	r.batch = r.builder.NewRecordBatch()
	total := r.count
	if !r.ended && r.scanner.read > 0 {
		total = max(r.count, int64(float64(r.count)*float64(r.size)/float64(r.scanner.read)))
	}
	r.progress(r.count, total)
	return true
}

// append adds a record to the batch.
func (r *rows) append(fields []field) {
	if len(fields) != len(r.places) {
		message := fmt.Sprintf("the line has %d cells, and the header %d", len(fields), len(r.places))
		if r.scanner.torn && len(fields) < len(r.places) {
			message += "; it is the last one and has no line end: the file is cut off"
		}
		r.problem(r.scanner.line, "%s", message)
		return
	}
	for i, f := range fields {
		place := r.places[i]
		b := r.builder.Field(place)
		wrong := appendCell(b, f)
		if wrong == "" && r.key[place] && b.IsNull(b.Len()-1) {
			wrong = "is part of the key and is empty"
		}
		if wrong == "" {
			continue
		}
		column := r.table.Columns[place]
		if len(f.value) == 0 {
			r.problem(r.scanner.line, "column %q %s", column.Name, wrong)
			continue
		}
		r.problem(r.scanner.line, "column %q: %s %s%s", column.Name, shown(f.value), wrong, r.cutOff(i, fields))
	}
}

// cutOff ends the message about the last cell of a file without a line end.
func (r *rows) cutOff(i int, fields []field) string {
	if r.scanner.torn && i == len(fields)-1 {
		return "; the line has no end: the file may be cut off"
	}
	return ""
}
