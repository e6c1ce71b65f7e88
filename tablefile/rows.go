package tablefile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

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
	schema, err := in.form.Table.Schema()
	if err != nil {
		return nil, err
	}
	file, text, err := in.open(copied)
	if err != nil {
		return nil, err
	}
	r := &rows{in: in, table: in.form.Table, file: file, schema: schema, progress: progress, refs: 1}
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
	r.blocks = newBlocks(text, newScanner(r.in.form.CSV).recordsEnd)
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
		return newScanner(r.in.form.CSV)
	}
	j := &jsonLines{places: map[string]int{}, others: slices.Contains(r.in.form.Ignore, everyOther), width: len(r.table.Columns), seen: make([]bool, len(r.table.Columns))}
	for i, name := range r.fileNames() {
		if name != "" {
			j.places[name] = i
		}
	}
	for _, name := range r.in.form.Ignore {
		j.places[name] = -1
	}
	r.readers = append(r.readers, j)
	return j
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
