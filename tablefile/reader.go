package tablefile

import (
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/asof-dev/asof"
)

// fileRows are the rows of one file.
type fileRows interface {
	array.RecordReader
	end() (last int, torn bool) // the line of the last record, and whether it has no end
}

// rows opens a file in its format.
func (in input) rows(copied io.Writer, progress func(done, total int64)) (fileRows, error) {
	if in.format() == Parquet {
		return openParquet(in, copied, progress)
	}
	return openRows(in, copied, progress)
}

// Reader reads files one after the other, as the rows of a table. It is an
// array.RecordReader whose error is asof.Problems, each with its file and line,
// where the files are wrong: all that is wrong is told at once, up to ten
// mistakes.
type Reader struct {
	inputs   []input
	content  content
	schema   *arrow.Schema
	progress func(done, total int64)

	current  fileRows
	batch    arrow.RecordBatch
	before   int64 // rows of the files that are read
	open     int   // how many have been opened
	done     bool
	warnings asof.Problems
	problems asof.Problems
	err      error
	refs     int
}

// Open returns what reads the files. It tells progress of rows, whose total is
// an estimate until the end; Release closes what is open.
func (f Files) Open(progress func(done, total int64)) (*Reader, error) {
	schema, err := f.form.Table.Schema()
	return &Reader{inputs: f.inputs, content: newContent(f.form), schema: schema, progress: progress, refs: 1}, err
}

// Content returns a hash of the rows once all are read; see Files.Content.
func (r *Reader) Content() string { return r.content.String() }

// Warnings are what is doubtful of the files, so far.
func (r *Reader) Warnings() asof.Problems { return r.warnings }

func (r *Reader) Schema() *arrow.Schema          { return r.schema }
func (r *Reader) RecordBatch() arrow.RecordBatch { return r.batch }
func (r *Reader) Record() arrow.RecordBatch      { return r.batch }
func (r *Reader) Err() error                     { return r.err }
func (r *Reader) Retain()                        { r.refs++ }

// Release closes the file that is open.
func (r *Reader) Release() {
	if r.refs--; r.refs == 0 {
		r.leave()
	}
}

func (r *Reader) leave() {
	if r.current != nil {
		r.current.Release()
		r.current = nil
	}
}

// Next reads a batch. From the first mistake on there are none: mistakes are
// collected, until there are too many or the files end.
func (r *Reader) Next() bool {
	r.batch = nil
	for r.err == nil && !r.done {
		if r.current == nil && !r.enter() {
			continue
		}
		if r.current.Next() {
			if r.batch = r.current.RecordBatch(); len(r.problems) == 0 {
				return true
			}
			continue
		}
		r.note(r.current.Err())
		if last, torn := r.current.end(); torn && len(r.problems) == 0 {
			r.warnings = append(r.warnings, asof.Problem{Place: asof.Place{File: r.inputs[r.open-1].name, Line: last},
				Message: "the last line has no line end; the file may be cut off"})
		}
		r.leave()
	}
	return false
}

// enter opens the next file, and reports whether it is open.
func (r *Reader) enter() bool {
	if r.open == len(r.inputs) {
		r.done, r.err = true, r.problems.Err()
		return false
	}
	in := r.inputs[r.open]
	r.open++
	r.content.file(in)
	first := r.before
	files := int64(len(r.inputs))
	rows, err := in.rows(r.content, func(done, total int64) {
		r.before = first + done
		r.progress(r.before, first+total*(files-int64(r.open)+1))
	})
	if err != nil {
		r.note(err)
		return false
	}
	r.current = rows
	return true
}

// note keeps mistakes, and ends the reading at any other error.
func (r *Reader) note(err error) {
	var problems asof.Problems
	switch {
	case err == nil:
	case errors.As(err, &problems):
		r.problems = append(r.problems, problems...)
		if len(r.problems) >= mostProblems && r.open < len(r.inputs) || len(r.problems) > mostProblems+1 {
			r.problems = append(r.problems[:mostProblems:mostProblems], asof.Problem{Place: r.problems[mostProblems-1].Place, Message: fmt.Sprintf("reading stops here, after %d mistakes", mostProblems)})
			r.err = r.problems.Err()
		}
	case asof.ErrorCode(err) == asof.CodeInvalid:
		r.problems = append(r.problems, asof.Problem{Message: err.Error()})
	default:
		r.err = err
	}
}
