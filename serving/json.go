package serving

import (
	"bytes"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/value"
)

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

// SendRows sends all rows, each as AppendEntity has it, as {"rows":[…]}.
func (a *Answer) SendRows(send Send) {
	o := &a.out
	o.begin()
	o.text = append(o.text, `{"rows":[`...)
	for row := range a.rows {
		if o.full() {
			o.leave(send, nil, false)
		}
		o.text = a.AppendEntity(comma(o.text, row), row)
	}
	o.text = append(o.text, `]}`...)
	o.leave(send, nil, true)
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
