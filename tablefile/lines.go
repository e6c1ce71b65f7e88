package tablefile

import (
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
)

// Lines finds the lines of rows by their keys, as a warehouse writes them as
// text, for messages: at most two for a key, whose texts are joined by zero
// bytes. Whatever goes wrong leaves lines out, and Parquet files have none.
func (f Files) Lines(keys [][]string) map[string][]asof.Place {
	lines := map[string][]asof.Place{}
	for _, k := range keys {
		lines[strings.Join(k, "\x00")] = nil
	}
	for _, in := range f.inputs {
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
	columns := newColumns(builder, r.in.form.CSV)
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

// Spelled returns the text of a column's value, written as a cell may be, in the
// one way in which Lines has it. What is no value of the column stays as it is.
func Spelled(c asof.TableColumn, text string) string {
	schema, err := asof.Table{Columns: []asof.TableColumn{c}}.Schema()
	if err != nil {
		return text
	}
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer builder.Release()
	return spelled(&newColumns(builder, Dialect{})[0], field{value: []byte(text)})
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
