package pipeline

import (
	"cmp"
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
// out.
func linesOf(path string, table asof.Table, keys [][]string) map[string][]int {
	lines := map[string][]int{}
	for _, k := range keys {
		lines[strings.Join(k, "\x00")] = nil
	}
	r, err := openRows(path, path, table, nil, func(int64, int64) {})
	if err != nil {
		return lines
	}
	defer r.Release()
	builder := array.NewRecordBuilder(memory.DefaultAllocator, r.schema)
	defer builder.Release()
	columns := newColumns(builder)
	text := make([]string, len(table.Key))
	var s scanner
	for b := r.body; err == nil; b, err = r.blocks.next(b.text) {
		s.reset(b)
		for {
			fields, err := s.record()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil || len(fields) != len(r.places) {
				return lines
			}
			for i, f := range fields {
				if k := slices.Index(table.Key, table.Columns[r.places[i]].Name); k >= 0 {
					text[k] = spelled(&columns[r.places[i]], f)
				}
			}
			id := strings.Join(text, "\x00")
			if found, ok := lines[id]; ok && len(found) < 2 {
				lines[id] = append(found, s.line)
			}
		}
	}
	return lines
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

// atLines writes lines for a message: "line 3", "lines 3 and 9".
func atLines(lines []int) string {
	switch len(lines) {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("line %d", lines[0])
	}
	return fmt.Sprintf("lines %d and %d", lines[0], cmp.Or(lines[1], lines[0]))
}
