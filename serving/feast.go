package serving

import (
	"strconv"

	"github.com/asof-dev/asof/value"
)

// Flush takes a part of an answer, or leaves it for later, and returns what is
// left: to that is appended. It is told how long the whole answer is, 0 where
// that is not known.
type Flush func(part []byte, length int) []byte

// AppendFeast appends the answer as Feast's HTTP server gives it: results by
// column, then the metadata, with the views and their versions when asked for.
// Between columns it hands what there is to flush; a nil flush keeps everything.
func (a *Answer) AppendFeast(dst []byte, versions bool, flush Flush) []byte {
	a.tails.reset()
	if flush != nil && a.rows >= rowsApart {
		return a.appendApart(dst, versions, flush)
	}
	var f featureColumn
	dst = append(dst, feastBegin...)
	for c := range a.Columns() {
		if flush != nil {
			dst = flush(dst, 0)
		}
		var start, end int
		dst, start, end = a.appendColumn(dst, &f, c)
		dst = append(dst, a.tails.text[start:end]...)
	}
	return a.appendEnd(dst, versions)
}

// apart is an answer without the tails of its columns, which are most of a
// large one. What is left is small enough to be kept until all of it is there
// and its length is known; then it is put together part by part, each of which
// is still in the processor's cache when it is sent.
type apart struct {
	text []byte
	ends []columnEnd
}

// columnEnd is where a column ends in the text, and the place in tails.text of
// what is put in there.
type columnEnd struct{ at, start, end int }

const (
	rowsApart = 32        // for fewer, tails are so short that it is quicker to copy them at once
	maxApart  = 512 << 10 // of the text; the length of a longer answer is not known before it is sent
)

// appendApart is AppendFeast for many rows.
func (a *Answer) appendApart(dst []byte, versions bool, flush Flush) []byte {
	var f featureColumn
	text, ends, long := append(a.apart.text[:0], feastBegin...), a.apart.ends[:0], false
	for c := range a.Columns() {
		if len(text) >= maxApart {
			dst, long = a.join(dst, text, ends, flush, 0), true
			text, ends = text[:0], ends[:0]
		}
		var start, end int
		text, start, end = a.appendColumn(text, &f, c)
		ends = append(ends, columnEnd{len(text), start, end})
	}
	text = a.appendEnd(text, versions)
	a.apart.text, a.apart.ends = text, ends
	length := 0
	if !long {
		length = len(dst) + len(text)
		for _, e := range ends {
			length += e.end - e.start
		}
	}
	return a.join(dst, text, ends, flush, length)
}

// join appends a text with the tails of its columns.
func (a *Answer) join(dst, text []byte, ends []columnEnd, flush Flush, length int) []byte {
	from := 0
	for _, e := range ends {
		dst = append(append(dst, text[from:e.at]...), a.tails.text[e.start:e.end]...)
		dst = flush(dst, length)
		from = e.at
	}
	return append(dst, text[from:]...)
}

const feastBegin = `{"results":[`

// appendColumn appends a column but for its end, whose place in tails.text it
// returns.
func (a *Answer) appendColumn(dst []byte, f *featureColumn, c int) (_ []byte, start, end int) {
	dst = append(comma(dst, c), `{"values":[`...)
	if a.rows == 0 { // Feast leaves an empty list of times out
		return append(dst, `],"statuses":[]}`...), 0, 0
	}
	var nulls int
	if c < len(a.keys) {
		dst = a.keys[c].appendValues(dst, value.Served)
	} else {
		a.turn(f, c-len(a.keys))
		dst, nulls = f.appendValues(dst, value.Served, a.drop)
	}
	return a.appendTail(dst, f, nulls)
}

// appendEnd appends what follows the columns.
func (a *Answer) appendEnd(dst []byte, versions bool) []byte {
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
