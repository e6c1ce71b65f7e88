package serving

import (
	"bytes"
	"math"
	"strconv"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/value"
)

// statusNames are Feast's, each with the comma behind it.
var statusNames = [...]string{
	asof.StatusInvalid:       `"INVALID",`,
	asof.StatusPresent:       `"PRESENT",`,
	asof.StatusNullValue:     `"NULL_VALUE",`,
	asof.StatusNotFound:      `"NOT_FOUND",`,
	asof.StatusOutsideMaxAge: `"OUTSIDE_MAX_AGE",`,
}

// AppendFeast appends the answer as Feast's HTTP server gives it: results by
// column, then the metadata, with the views and their versions when asked for.
// Between columns it hands what there is to flush, which returns the rest; a nil
// flush keeps everything.
func (a *Answer) AppendFeast(dst []byte, versions bool, flush func([]byte) []byte) []byte {
	dst = append(dst, `{"results":[`...)
	for c := range a.Columns() {
		if flush != nil {
			dst = flush(dst)
		}
		dst = append(comma(dst, c), `{"values":[`...)
		dst = a.appendValues(dst, c, value.Served)
		dst = append(dst, `],"statuses":[`...)
		if a.rows > 0 { // Feast leaves an empty list of times out
			dst = a.appendStatuses(dst, c)
			dst = a.appendEvents(append(dst, `],"event_timestamps":[`...), c)
		}
		dst = append(dst, `]}`...)
	}
	dst = append(dst, `],"metadata":{"feature_names":[`...)
	for c := range a.Columns() {
		dst = value.AppendQuoted(comma(dst, c), a.Name(c), false)
	}
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
	for c := range a.Columns() {
		compact = value.AppendQuoted(comma(compact, c), a.Name(c), true)
		compact = append(compact, `:[`...)
		compact = a.appendValues(compact, c, value.Printed)
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

func (a *Answer) appendValues(dst []byte, column int, form value.Form) []byte {
	if a.rows == 0 {
		return dst
	}
	if column < len(a.keys) {
		for row := range a.rows {
			dst = append(value.AppendJSON(dst, a.keys[column].values.Value(row), form), ',')
		}
	} else {
		f := a.feature(column)
		for _, at := range f.at {
			dst = append(value.AppendJSON(dst, f.value(at, a.drop), form), ',')
		}
	}
	return dst[:len(dst)-1]
}

// appendStatuses appends the statuses of a column that has rows.
func (a *Answer) appendStatuses(dst []byte, column int) []byte {
	if column < len(a.keys) {
		for range a.rows {
			dst = append(dst, statusNames[asof.StatusPresent]...)
		}
	} else {
		f := a.feature(column)
		for _, at := range f.at {
			dst = append(dst, statusNames[f.status(at)]...)
		}
	}
	return dst[:len(dst)-1]
}

// appendEvents appends the event times of a column that has rows. Rows that were
// materialized together mostly have one time, which is written once and copied.
func (a *Answer) appendEvents(dst []byte, column int) []byte {
	var f featureColumn
	if column >= len(a.keys) {
		f = a.feature(column)
	}
	last, start, end := int64(math.MinInt64), 0, 0 // where last stands in dst, with its comma
	for row := range a.rows {
		event := int64(0)
		if f.at != nil {
			event = f.reading.Events[f.at[row]]
		}
		if event == last {
			dst = append(dst, dst[start:end]...)
			continue
		}
		last, start = event, len(dst)
		dst = append(appendTime(dst, event), ',')
		end = len(dst)
	}
	return dst[:len(dst)-1]
}

// comma appends a comma before all elements but the first.
func comma(dst []byte, i int) []byte {
	if i > 0 {
		return append(dst, ',')
	}
	return dst
}

// appendTime appends an instant as protobuf's JSON writes it: RFC 3339 in UTC
// with 0, 3 or 6 digits behind the second.
func appendTime(dst []byte, us int64) []byte {
	dst = time.UnixMicro(us).UTC().AppendFormat(append(dst, '"'), time.RFC3339)
	fraction, digits := ((us%1_000_000)+1_000_000)%1_000_000, 6
	if fraction%1_000 == 0 {
		fraction, digits = fraction/1_000, 3
	}
	if fraction > 0 {
		dst[len(dst)-1] = '.'
		for scale := [...]int64{3: 100, 6: 100_000}[digits]; scale > 0; scale /= 10 {
			dst = append(dst, '0'+byte(fraction/scale%10))
		}
		dst = append(dst, 'Z')
	}
	return append(dst, '"')
}
