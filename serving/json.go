package serving

import (
	"bytes"
	"strconv"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/value"
)

// AppendFeast appends the answer as Feast's HTTP server gives it: results by
// column, then the metadata, with the views and their versions when asked for.
// Between columns it hands what there is to flush, which returns the rest; a nil
// flush keeps everything.
func (a *Answer) AppendFeast(dst []byte, versions bool, flush func([]byte) []byte) []byte {
	dst = append(dst, `{"results":[`...)
	a.tail.text = a.tail.text[:0]
	var f featureColumn
	for c := range a.Columns() {
		if flush != nil {
			dst = flush(dst)
		}
		dst = append(comma(dst, c), `{"values":[`...)
		if a.rows == 0 { // Feast leaves an empty list of times out
			dst = append(dst, `],"statuses":[]}`...)
			continue
		}
		var nulls int
		if c < len(a.keys) {
			dst = a.keys[c].appendValues(dst, value.Served)
		} else {
			a.turn(&f, c-len(a.keys))
			dst, nulls = f.appendValues(dst, value.Served, a.drop)
		}
		dst = a.appendTail(dst, &f, nulls)
	}
	dst = append(dst, `],"metadata":{"feature_names":[`...)
	for i := range a.keys {
		dst = value.AppendQuoted(comma(dst, i), a.keys[i].name, false)
	}
	dst = append(comma(dst, len(a.keys)*len(a.plan.quoted)), a.plan.quoted...)
	dst = append(dst, ']')
	if versions {
		dst = a.appendVersions(dst)
	}
	return append(dst, `}}`...)
}

func (a *Answer) appendVersions(dst []byte) []byte {
	dst = append(dst, `,"feature_view_metadata":[`...)
	for i, v := range a.plan.views {
		dst = append(comma(dst, i), `{"name":`...)
		dst = value.AppendQuoted(dst, v.Name, false)
		if v.Version != 0 {
			dst = strconv.AppendInt(append(dst, `,"version":`...), int64(v.Version), 10)
		}
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

// AppendDict appends what Feast's CLI prints: each column's values under its
// name, indented by four spaces, without a newline at the end.
func (a *Answer) AppendDict(dst []byte) []byte {
	compact := []byte{'{'}
	var f featureColumn
	for c := range a.Columns() {
		compact = value.AppendQuoted(comma(compact, c), a.Name(c), true)
		compact = append(compact, `:[`...)
		switch {
		case a.rows == 0:
		case c < len(a.keys):
			compact = a.keys[c].appendValues(compact, value.Printed)
		default:
			a.turn(&f, c-len(a.keys))
			compact, _ = f.appendValues(compact, value.Printed, a.drop)
		}
		compact = append(compact, ']')
	}
	return value.AppendIndented(dst, append(compact, '}'))
}

// AppendRows appends all rows, each as AppendEntity does, as {"rows":[…]}. It
// flushes between rows as AppendFeast does between columns.
func (a *Answer) AppendRows(dst []byte, flush func([]byte) []byte) []byte {
	dst = append(dst, `{"rows":[`...)
	for row := range a.rows {
		if flush != nil {
			dst = flush(dst)
		}
		dst = a.AppendEntity(comma(dst, row), row)
	}
	return append(dst, `]}`...)
}

// AppendEntity appends one row: its join keys, then an object of its features,
// with numbers in their shortest form.
func (a *Answer) AppendEntity(dst []byte, row int) []byte {
	dst = append(dst, '{')
	for c := range a.Columns() {
		switch {
		case c == len(a.keys):
			dst = append(comma(dst, c), `"features":{`...)
		default:
			dst = comma(dst, c)
		}
		dst = append(value.AppendQuoted(dst, a.Name(c), false), ':')
		dst = value.AppendJSON(dst, a.Value(c, row), value.Plain)
	}
	return append(dst, `}}`...)
}

// Table returns the answer for people: the names of the columns, and the text
// of each row's values. What is not there says so, and so does a value older
// than its view's ttl.
func (a *Answer) Table() (header []string, rows [][]string) {
	for c := range a.Columns() {
		header = append(header, a.Name(c))
	}
	for row := range a.rows {
		cells := make([]string, a.Columns())
		for c := range cells {
			cells[c] = a.cell(c, row)
		}
		rows = append(rows, cells)
	}
	return header, rows
}

func (a *Answer) cell(column, row int) string {
	shown := value.AppendJSON(nil, a.Value(column, row), value.Plain)
	if len(shown) > 1 && shown[0] == '"' && bytes.IndexByte(shown, '\\') < 0 {
		shown = shown[1 : len(shown)-1]
	}
	switch a.Status(column, row) {
	case asof.StatusNotFound:
		return "not found"
	case asof.StatusOutsideMaxAge:
		return string(shown) + " (expired)"
	}
	return string(shown)
}

// comma appends a comma before all elements but the first.
func comma(dst []byte, i int) []byte {
	if i > 0 {
		return append(dst, ',')
	}
	return dst
}
