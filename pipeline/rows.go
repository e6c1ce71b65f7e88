package pipeline

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/asof-dev/asof"
)

// mostProblems is how many mistakes of a file are told before reading ends.
const mostProblems = 10

// rows reads a CSV file, or one of JSON lines, as the rows of a table. It is an
// array.RecordReader.
type rows struct {
	in       input
	table    asof.Table
	file     *os.File
	size     int64
	blocks   *blocks
	body     block // the first block, behind the header
	schema   *arrow.Schema
	places   []int   // the column of each field of the file; -1: none
	given    []given // columns that no field has
	key      []bool  // whether a column is part of the key
	progress func(done, total int64)
	crew     *crew        // nil before the first batch
	readers  []*jsonLines // of JSON lines, each of a crew's members

	batch    arrow.RecordBatch
	count    int64
	last     int  // the line of the last record
	torn     bool // the last line has no end
	problems asof.Problems
	err      error
	refs     int
}

// given is a column whose value stands in no cell.
type given struct {
	place int
	value []byte
}

// openRows opens a file and reads its header, which has to have the table's
// columns, in any order. Bytes that are read are written to copied, which may be
// nil.
func openRows(in input, copied io.Writer, progress func(done, total int64)) (*rows, error) {
	schema, err := in.load.Table.Schema()
	if err != nil {
		return nil, err
	}
	file, text, err := in.open(copied)
	if err != nil {
		return nil, err
	}
	r := &rows{in: in, table: in.load.Table, file: file, schema: schema, progress: progress, refs: 1}
	info, err := file.Stat()
	if err == nil {
		r.size = info.Size()
		r.columns()
		err = r.start(text)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return r, nil
}

// columns knows the table's columns.
func (r *rows) columns() {
	for i, c := range r.table.Columns {
		r.key = append(r.key, slices.Contains(r.table.Key, c.Name))
		if value, ok := r.in.given[c.Name]; ok {
			r.given = append(r.given, given{i, []byte(value)})
		}
	}
}

// start reads up to the first record.
func (r *rows) start(text io.Reader) error {
	if r.in.format() == JSONLines {
		r.blocks = newBlocks(text, linesEnd)
		for i := range r.table.Columns {
			r.places = append(r.places, i)
		}
		return r.first()
	}
	r.blocks = newBlocks(text, newScanner(r.in.load.CSV).recordsEnd)
	return r.header()
}

// first reads the first block of a file without a header.
func (r *rows) first() (err error) {
	if r.body, err = r.blocks.next(nil); errors.Is(err, io.EOF) {
		r.body.line = 1
		return nil // nothing in it is right, or too little: the rows are counted later
	}
	if err == nil {
		var skip int
		skip, err = mark(r.body.text)
		r.body.text = r.body.text[skip:]
	}
	if err != nil {
		return r.fault(err)
	}
	return nil
}

// newRecords returns what reads the records of blocks, for one goroutine.
func (r *rows) newRecords() records {
	if r.in.format() != JSONLines {
		return newScanner(r.in.load.CSV)
	}
	j := &jsonLines{places: map[string]int{}, others: slices.Contains(r.in.load.Ignore, everyOther), width: len(r.table.Columns), seen: make([]bool, len(r.table.Columns))}
	for i, name := range r.fileNames() {
		if name != "" {
			j.places[name] = i
		}
	}
	for _, name := range r.in.load.Ignore {
		j.places[name] = -1
	}
	r.readers = append(r.readers, j)
	return j
}

// fileNames returns the name that the file has for each column of the table, ""
// where the value is given.
func (r *rows) fileNames() []string {
	names := make([]string, len(r.table.Columns))
	for i, c := range r.table.Columns {
		if _, ok := r.in.given[c.Name]; ok {
			continue
		}
		names[i] = c.Name
		for theirs, ours := range r.in.load.Rename {
			if ours == c.Name {
				names[i] = theirs
			}
		}
	}
	return names
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

// header reads the first record, where it names the columns.
func (r *rows) header() error {
	d := r.in.load.CSV
	if err := r.first(); err != nil {
		return err
	}
	if d.NoHeader {
		names := d.Names
		if names == nil {
			names = slices.DeleteFunc(r.fileNames(), func(name string) bool { return name == "" })
		}
		return r.place(names, 1)
	}
	s := newScanner(d)
	s.reset(r.body)
	fields, err := s.record()
	if errors.Is(err, io.EOF) {
		return r.problem(1, "the file is empty: it has no header").Err()
	}
	if err != nil {
		return r.fault(err)
	}
	r.body = s.left()
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = string(f.value)
	}
	return r.place(names, s.line())
}

// everyOther stands for the columns of a file that the table has not.
const everyOther = "*"

// place finds the table's columns among those of the file, which are named in a
// line.
func (r *rows) place(names []string, line int) error {
	known := r.fileNames()
	if i := strings.IndexAny(names[0], ",;\t|"); len(names) == 1 && len(known) > 1 && i >= 0 {
		return r.problem(line, "the cells are separated by %q, and have to be by %q; set `csv: {delimiter: %q}`", names[0][i], r.in.load.CSV.delimiter(), names[0][i:i+1]).Err()
	}
	where := "the header"
	if r.in.format() == Parquet {
		where = "the file"
	}
	var found, extra []string
	for _, name := range names {
		place := slices.Index(known, name)
		if name == "" {
			place = -1
		}
		switch {
		case place >= 0 && slices.Contains(found, name):
			r.problem(line, "%s has the column %q twice", where, name)
		case place < 0 && !slices.Contains(r.in.load.Ignore, name) && !slices.Contains(r.in.load.Ignore, everyOther):
			extra = append(extra, name)
		}
		found = append(found, name)
		r.places = append(r.places, place)
	}
	for i, name := range known {
		if name != "" && !slices.Contains(found, name) {
			r.problem(line, "the column %q%s of table %q is missing in %s%s", name, r.renamed(i, name), r.table.Name, where, near(name, extra))
		}
	}
	for _, name := range extra {
		r.problem(line, "table %q has no column %q, which %s has%s", r.table.Name, name, where, near(name, known))
	}
	return r.problems.Err()
}

// renamed says what a column of the file is called in the table.
func (r *rows) renamed(i int, name string) string {
	if own := r.table.Columns[i].Name; own != name {
		return " (" + own + ")"
	}
	return ""
}

// near ends a sentence with the names that are near.
func near(name string, names []string) string {
	if nearest := asof.Nearest(name, names); len(nearest) > 0 {
		return fmt.Sprintf("; %q is near", nearest[0])
	}
	return ""
}

func (r *rows) problem(line int, format string, args ...any) asof.Problems {
	r.problems = append(r.problems, asof.Problem{Place: asof.Place{File: r.in.name, Line: line}, Message: fmt.Sprintf(format, args...)})
	return r.problems
}

// fault gives a failure of the scanner its place.
func (r *rows) fault(err error) error {
	var line *lineError
	if errors.As(err, &line) {
		return r.problem(line.line, "%s", line.message).Err()
	}
	return asof.Errorf(asof.CodeUnavailable, "%s cannot be read: %w", r.in.name, err)
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

func (r *rows) end() (last int, torn bool) { return r.last, r.torn }

// Next reads a batch. From the first mistake on there are none: mistakes are
// collected, until there are too many or the file ends.
func (r *rows) Next() bool {
	r.drop()
	if r.crew == nil {
		r.crew = r.hire()
	}
	for r.err == nil {
		p, more := r.crew.next()
		if !more {
			r.neverThere()
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

// neverThere tells of columns that no JSON line has had.
func (r *rows) neverThere() {
	if r.in.format() != JSONLines || r.count == 0 || len(r.problems) > 0 {
		return
	}
	r.crew.done.Wait()
	for i, name := range r.fileNames() {
		if name != "" && !slices.ContainsFunc(r.readers, func(j *jsonLines) bool { return j.seen[i] }) {
			r.problem(1, "the column %q%s of table %q is in no line", name, r.renamed(i, name), r.table.Name)
		}
	}
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
