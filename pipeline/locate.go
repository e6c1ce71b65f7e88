package pipeline

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
)

// linesOf finds the lines of rows by their keys, as a warehouse writes them as
// text, for messages: at most two for a key. Whatever goes wrong leaves lines
// out, and Parquet files have none.
func linesOf(inputs []input, keys [][]string) map[string][]asof.Place {
	lines := map[string][]asof.Place{}
	for _, k := range keys {
		lines[strings.Join(k, "\x00")] = nil
	}
	for _, in := range inputs {
		if in.format() == Parquet {
			continue
		}
		if r, err := openRows(in, nil, func(int64, int64) {}); err == nil {
			r.locate(lines)
			r.Release()
		}
	}
	return lines
}

// locate adds the lines of one file.
func (r *rows) locate(lines map[string][]asof.Place) {
	builder := array.NewRecordBuilder(memory.DefaultAllocator, r.schema)
	defer builder.Release()
	columns := newColumns(builder, r.in.load.CSV)
	text := make([]string, len(r.table.Key))
	put := func(place int, f field) {
		if place >= 0 && r.key[place] {
			text[slices.Index(r.table.Key, r.table.Columns[place].Name)] = spelled(&columns[place], f)
		}
	}
	for _, g := range r.given {
		put(g.place, field{value: g.value})
	}
	s := r.newRecords()
	var err error
	for b := r.body; err == nil; b, err = r.blocks.next(b.text) {
		s.reset(b)
		for {
			fields, err := s.record()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil || len(fields) != len(r.places) {
				return
			}
			for i, f := range fields {
				put(r.places[i], f)
			}
			id := strings.Join(text, "\x00")
			if found, ok := lines[id]; ok && len(found) < 2 {
				lines[id] = append(found, asof.Place{File: r.in.name, Line: s.line()})
			}
		}
	}
}

// spelled returns a cell's value as text.
func spelled(c *column, f field) string {
	if c.text != nil || c.append(f) != "" {
		return string(f.value)
	}
	values := c.builder.NewArray()
	defer values.Release()
	return values.ValueStr(0)
}

// atLines writes lines for a message: "line 3", "lines 3 and 9", "a.csv:3 and
// b.csv:9".
func atLines(lines []asof.Place) string {
	switch {
	case len(lines) == 0:
		return ""
	case len(lines) == 1:
		return fmt.Sprintf("line %d", lines[0].Line)
	case lines[0].File != lines[1].File:
		return fmt.Sprintf("%s:%d and %s:%d", lines[0].File, lines[0].Line, lines[1].File, lines[1].Line)
	}
	return fmt.Sprintf("lines %d and %d", lines[0].Line, lines[1].Line)
}
