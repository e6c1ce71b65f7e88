package pipeline

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

// open opens a file in its format.
func (in input) rows(copied io.Writer, progress func(done, total int64)) (fileRows, error) {
	if in.format() == Parquet {
		return openParquet(in, copied, progress)
	}
	return openRows(in, copied, progress)
}

// chain reads the files of a load one after the other, as the rows of a table.
// What is wrong with them is told at once, mostProblems at most.
type chain struct {
	inputs   []input
	copied   content
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

func newChain(load *LoadStep, inputs []input, progress func(done, total int64)) (*chain, error) {
	schema, err := load.Table.Schema()
	return &chain{inputs: inputs, copied: newContent(load), schema: schema, progress: progress, refs: 1}, err
}

func (c *chain) Schema() *arrow.Schema          { return c.schema }
func (c *chain) RecordBatch() arrow.RecordBatch { return c.batch }
func (c *chain) Record() arrow.RecordBatch      { return c.batch }
func (c *chain) Err() error                     { return c.err }
func (c *chain) Retain()                        { c.refs++ }

// Release closes the file that is open.
func (c *chain) Release() {
	if c.refs--; c.refs == 0 {
		c.leave()
	}
}

func (c *chain) leave() {
	if c.current != nil {
		c.current.Release()
		c.current = nil
	}
}

// Next reads a batch. From the first mistake on there are none: mistakes are
// collected, until there are too many or the files end.
func (c *chain) Next() bool {
	c.batch = nil
	for c.err == nil && !c.done {
		if c.current == nil && !c.enter() {
			continue
		}
		if c.current.Next() {
			if c.batch = c.current.RecordBatch(); len(c.problems) == 0 {
				return true
			}
			continue
		}
		c.note(c.current.Err())
		if last, torn := c.current.end(); torn && len(c.problems) == 0 {
			c.warnings = append(c.warnings, asof.Problem{Place: asof.Place{File: c.inputs[c.open-1].name, Line: last},
				Message: "the last line has no line end; the file may be cut off"})
		}
		c.leave()
	}
	return false
}

// enter opens the next file, and reports whether it is open.
func (c *chain) enter() bool {
	if c.open == len(c.inputs) {
		c.done, c.err = true, c.problems.Err()
		return false
	}
	in := c.inputs[c.open]
	c.open++
	c.copied.file(in)
	first := c.before
	files := int64(len(c.inputs))
	rows, err := in.rows(c.copied, func(done, total int64) {
		c.before = first + done
		c.progress(c.before, first+total*(files-int64(c.open)+1))
	})
	if err != nil {
		c.note(err)
		return false
	}
	c.current = rows
	return true
}

// note keeps mistakes, and ends the reading at any other error.
func (c *chain) note(err error) {
	var problems asof.Problems
	switch {
	case err == nil:
	case errors.As(err, &problems):
		c.problems = append(c.problems, problems...)
		if len(c.problems) >= mostProblems && c.open < len(c.inputs) || len(c.problems) > mostProblems+1 {
			c.problems = append(c.problems[:mostProblems:mostProblems], asof.Problem{Place: c.problems[mostProblems-1].Place, Message: fmt.Sprintf("reading stops here, after %d mistakes", mostProblems)})
			c.err = c.problems.Err()
		}
	case asof.ErrorCode(err) == asof.CodeInvalid:
		c.problems = append(c.problems, asof.Problem{Message: err.Error()})
	default:
		c.err = err
	}
}
