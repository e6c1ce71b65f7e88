package serving

import (
	"strconv"

	"github.com/asof-dev/asof/value"
)

// SendFeast sends the answer as Feast's HTTP server gives it: results by column,
// then the metadata, with the views and their versions when asked for.
func (a *Answer) SendFeast(versions bool, send Send) {
	a.tails.reset()
	o := &a.out
	o.begin()
	o.text = append(o.text, `{"results":[`...)
	var f featureColumn
	for c := range a.Columns() {
		if o.full() {
			o.leave(send, a.tails.text, false)
		}
		var start, end int
		if o.text, start, end = a.appendColumn(o.text, &f, c); a.rows < rowsApart {
			o.text = append(o.text, a.tails.text[start:end]...)
		} else {
			o.cuts = append(o.cuts, cut{len(o.text), start, end})
		}
	}
	o.text = a.appendEnd(o.text, versions)
	o.leave(send, a.tails.text, true)
}

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
