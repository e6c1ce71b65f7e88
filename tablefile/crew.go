package tablefile

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
)

// crew reads the blocks of a file side by side, and hands what became of them
// over in the file's order. A few blocks are in memory, whatever the file's
// size.
type crew struct {
	order chan chan parsed // of the blocks that are being read
	stop  chan struct{}
	done  sync.WaitGroup
}

// parsed is what became of a block.
type parsed struct {
	batch    arrow.RecordBatch // nil where there are no rows, or mistakes
	rows     int64
	problems asof.Problems // mostProblems at most
	err      error         // what ends the reading behind them
	last     int           // the line of the last record
	torn     bool          // and it has no end
	read     int64         // bytes of the file so far
}

// work is a block, and where to hand over what becomes of it.
type work struct {
	block block
	to    chan parsed
}

// mostReaders is how many blocks of a file are read at a time: more wait for
// the warehouse that takes the rows.
const mostReaders = 8

func (r *rows) hire() *crew {
	readers := min(runtime.GOMAXPROCS(0), mostReaders)
	c := &crew{order: make(chan chan parsed, readers), stop: make(chan struct{})}
	todo, free := make(chan work), make(chan []byte, 2*readers+2)
	c.done.Go(func() {
		defer close(c.order)
		defer close(todo)
		c.cut(r, todo, free)
	})
	for range readers {
		p := newBlockReader(r)
		c.done.Go(func() {
			defer p.builder.Release()
			for w := range todo {
				w.to <- p.parse(w.block)
				select {
				case free <- w.block.text:
				default:
				}
			}
		})
	}
	return c
}

// cut hands out the file's blocks.
func (c *crew) cut(r *rows, todo chan<- work, free <-chan []byte) {
	var err error
	for b := r.body; !errors.Is(err, io.EOF); {
		to := make(chan parsed, 1)
		select {
		case c.order <- to:
		case <-c.stop:
			return
		}
		if err != nil {
			to <- parsed{err: err}
			return
		}
		select {
		case todo <- work{b, to}:
		case <-c.stop:
			to <- parsed{}
			return
		}
		var buf []byte
		select {
		case buf = <-free:
		default:
		}
		b, err = r.blocks.next(buf)
	}
}

// next waits for the next block, false after the last.
func (c *crew) next() (parsed, bool) {
	to, more := <-c.order
	if !more {
		return parsed{}, false
	}
	return <-to, true
}

// dismiss ends the reading wherever it is.
func (c *crew) dismiss() {
	close(c.stop)
	for p, more := c.next(); more; p, more = c.next() {
		if p.batch != nil {
			p.batch.Release()
		}
	}
	c.done.Wait()
}

// records reads what a block holds, a field for each cell.
type records interface {
	reset(block)
	record() ([]field, error) // io.EOF after the last; a record's fields hold until the next
	line() int                // the record's first one
	torn() bool               // the last line has no end
}

// blockReader makes batches of blocks.
type blockReader struct {
	rows     *rows // its file's columns; nothing of it is changed
	records  records
	builder  *array.RecordBuilder
	columns  []column
	problems asof.Problems
}

func newBlockReader(r *rows) *blockReader {
	p := &blockReader{rows: r, records: r.newRecords(), builder: array.NewRecordBuilder(memory.DefaultAllocator, r.schema)}
	p.columns = newColumns(p.builder, r.in.form.CSV)
	return p
}

func (p *blockReader) parse(b block) (done parsed) {
	p.problems = nil
	p.records.reset(b)
	p.builder.Reserve(b.lines + 1)
	for len(p.problems) < mostProblems {
		fields, err := p.records.record()
		var wrong *lineError
		switch {
		case errors.As(err, &wrong) && wrong.alone:
			p.problem("%s", wrong.message)
			continue
		case err != nil && !errors.Is(err, io.EOF):
			done.err = err
		}
		if err != nil {
			break
		}
		p.append(fields)
		done.rows++
		done.last = p.records.line()
	}
	done.torn, done.read, done.problems = p.records.torn(), b.read, p.problems
	batch := p.builder.NewRecordBatch()
	if batch.NumRows() == 0 || len(p.problems) > 0 || done.err != nil {
		batch.Release()
		return done
	}
	done.batch = batch
	return done
}

// append adds a record to the batch.
func (p *blockReader) append(fields []field) {
	places := p.rows.places
	if len(fields) != len(places) {
		named := "the header"
		if p.rows.in.form.CSV.NoHeader {
			named = "the pipeline"
		}
		message := fmt.Sprintf("the line has %d cells, and %s %d", len(fields), named, len(places))
		if p.records.torn() && len(fields) < len(places) {
			message += "; it is the last one and has no line end: the file is cut off"
		}
		p.problem("%s", message)
		return
	}
	for _, g := range p.rows.given {
		if wrong := p.columns[g.place].append(field{value: g.value}); wrong != "" {
			p.problem("column %q: %s, which the pipeline gives it, %s", p.rows.table.Columns[g.place].Name, shown(g.value), wrong)
		}
	}
	for i, f := range fields {
		place := places[i]
		if place < 0 {
			continue
		}
		wrong := p.columns[place].append(f)
		if b := p.columns[place].builder; wrong == "" && p.rows.key[place] && b.IsNull(b.Len()-1) {
			wrong = "is part of the key and is empty"
		}
		if wrong == "" {
			continue
		}
		name := p.rows.table.Columns[place].Name
		if len(f.value) == 0 {
			p.problem("column %q %s", name, wrong)
			continue
		}
		p.problem("column %q: %s %s%s", name, shown(f.value), wrong, p.cutOff(i, fields))
	}
}

func (p *blockReader) problem(format string, args ...any) {
	p.problems = append(p.problems, asof.Problem{Place: asof.Place{File: p.rows.in.name, Line: p.records.line()}, Message: fmt.Sprintf(format, args...)})
}

// cutOff ends the message about the last cell of a file without a line end.
func (p *blockReader) cutOff(i int, fields []field) string {
	if p.records.torn() && i == len(fields)-1 {
		return "; the line has no end: the file may be cut off"
	}
	return ""
}
