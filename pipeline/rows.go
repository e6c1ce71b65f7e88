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

	"github.com/asof-dev/asof"
)

// mostProblems is how many mistakes of a file are told before reading ends.
const mostProblems = 10

// rows reads a CSV file as the rows of a table. It is an array.RecordReader.
type rows struct {
	table    asof.Table
	file     *os.File
	name     string // in messages
	size     int64
	blocks   *blocks
	body     block // the first block, behind the header
	schema   *arrow.Schema
	places   []int  // the column of each field of the file
	key      []bool // whether a column is part of the key
	progress func(done, total int64)
	crew     *crew // nil before the first batch

	batch    arrow.RecordBatch
	count    int64
	last     int  // the line of the last record
	torn     bool // the last line has no end
	problems asof.Problems
	err      error
	refs     int
}

// openRows opens the file at path, which messages call name, and reads its
// header, which has to have the table's columns, in any order. Bytes that are
// read are written to copied, which may be nil.
func openRows(path, name string, table asof.Table, copied io.Writer, progress func(done, total int64)) (*rows, error) {
	schema, err := table.Schema()
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, missingFile(path, name, err)
	}
	var source io.Reader = file
	if copied != nil {
		source = io.TeeReader(file, copied)
	}
	r := &rows{table: table, file: file, name: name, blocks: newBlocks(source), schema: schema, progress: progress, refs: 1}
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
	var s scanner
	first, err := r.blocks.next(nil)
	if err == nil {
		var skip int
		skip, err = mark(first.text)
		first.text = first.text[skip:]
		s.reset(first)
	}
	var fields []field
	if err == nil {
		fields, err = s.record()
	}
	if errors.Is(err, io.EOF) {
		return r.problem(1, "the file is empty: it has no header").Err()
	}
	if err != nil {
		return r.fault(err)
	}
	r.body = s.left()
	return r.columns(fields, s.line)
}

// columns finds the table's columns in the header, which stands in a line.
func (r *rows) columns(fields []field, line int) error {
	known := columnNames(r.table)
	if i := bytes.IndexAny(fields[0].value, ";\t|"); len(fields) == 1 && len(known) > 1 && i >= 0 {
		return r.problem(line, "the cells are separated by %q, and have to be by commas", fields[0].value[i]).Err()
	}
	var found, extra []string
	for _, f := range fields {
		name := string(f.value)
		place := slices.Index(known, name)
		switch {
		case place >= 0 && slices.Contains(found, name):
			r.problem(line, "the header has the column %q twice", name)
		case place < 0:
			extra = append(extra, name)
		}
		found = append(found, name)
		r.places = append(r.places, place)
	}
	for _, name := range known {
		if !slices.Contains(found, name) {
			r.problem(line, "the column %q of table %q is missing in the header%s", name, r.table.Name, near(name, extra))
		}
	}
	for _, name := range extra {
		r.problem(line, "table %q has no column %q, which the header has%s", r.table.Name, name, near(name, known))
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
	if r.crew != nil {
		r.crew.dismiss()
	}
	_ = r.file.Close()
}

func (r *rows) drop() {
	if r.batch != nil {
		r.batch.Release()
		r.batch = nil
	}
}

// Next reads a batch. From the first mistake on there are none: mistakes are
// collected, until there are too many or the file ends.
func (r *rows) Next() bool {
	r.drop()
	if r.crew == nil {
		r.crew = r.start()
	}
	for r.err == nil {
		p, more := r.crew.next()
		if !more {
			r.err = r.problems.Err()
			return false
		}
		r.batch = p.batch
		r.take(p)
		if r.batch != nil && r.err == nil && len(r.problems) == 0 {
			return true
		}
		r.drop()
	}
	return false
}

// take adds what became of a block to what is known.
func (r *rows) take(p parsed) {
	if r.count += p.rows; p.rows > 0 {
		r.last, r.torn = p.last, p.torn
	}
	for _, wrong := range p.problems {
		if r.problems = append(r.problems, wrong); len(r.problems) == mostProblems {
			r.err = r.problem(wrong.Place.Line, "reading stops here, after %d mistakes", mostProblems).Err()
			return
		}
	}
	if p.err != nil {
		r.err = r.fault(p.err)
		return
	}
	total := r.count
	if p.read > 0 {
		total = max(total, int64(float64(r.count)*float64(r.size)/float64(p.read)))
	}
	r.progress(r.count, total)
}
