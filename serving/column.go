package serving

import (
	"math"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/value"
)

// Value returns a value as a feast.types.Value message, nothing for a null.
func (a *Answer) Value(column, row int) []byte {
	if column < len(a.keys) {
		return a.keys[column].value(row)
	}
	var f featureColumn
	a.turn(&f, column-len(a.keys))
	return f.value(f.at[row], a.drop)
}

// Status returns what a value is. A row older than its view's ttl is
// StatusOutsideMaxAge, whatever it holds.
func (a *Answer) Status(column, row int) asof.Status {
	if column < len(a.keys) {
		return asof.StatusPresent
	}
	var f featureColumn
	a.turn(&f, column-len(a.keys))
	return f.status(f.at[row])
}

// Event returns the event time of a value in microseconds since 1970; 0 for a
// join key and where there is no row.
func (a *Answer) Event(column, row int) int64 {
	if column < len(a.keys) {
		return 0
	}
	var f featureColumn
	a.turn(&f, column-len(a.keys))
	return f.reading.Events[f.at[row]]
}

// featureColumn is a feature's column where it was read.
type featureColumn struct {
	reading *asof.Reading
	spans   []asof.Span // by key
	at      []int32     // by row: its place in the reading
	oldest  int64       // the event time that is not too old yet
	present bool        // whatever the value is: it was computed
}

// turn makes f the column of a feature, by its place in the plan. Features that
// follow one another are mostly of one reading, which f has then already.
func (a *Answer) turn(f *featureColumn, feature int) {
	p := &a.plan.features[feature]
	if !p.computed {
		a.read(f, p.reading, p.column)
		return
	}
	r := &a.outputs[p.reading]
	f.reading, f.spans = r, r.Spans[p.column*a.rows:(p.column+1)*a.rows]
	f.at, f.oldest, f.present = a.each, math.MinInt64, true
}

// read makes f a feature as the store gave it.
func (a *Answer) read(f *featureColumn, reading, column int) {
	if r := &a.readings[reading]; r != f.reading {
		p := &a.plan.readings[reading]
		f.reading, f.at, f.oldest, f.present = r, a.groups[p.group].at, math.MinInt64, false
		if p.maxAge > 0 {
			f.oldest = a.now - p.maxAge
		}
	}
	f.spans = f.reading.Column(column)
}

func (f *featureColumn) value(at int32, drop bool) []byte {
	if drop && f.reading.Events[at] < f.oldest { // where nothing was found there is no value either
		return nil
	}
	span := f.spans[at]
	return f.reading.Buf[span.Start:span.End]
}

func (f *featureColumn) status(at int32) asof.Status {
	span := f.spans[at]
	switch {
	case !f.reading.Found[at]:
		return asof.StatusNotFound
	case f.reading.Events[at] < f.oldest:
		return asof.StatusOutsideMaxAge
	case span.Start == span.End && !f.present:
		return asof.StatusNullValue
	}
	return asof.StatusPresent
}

// appendValues appends the values of all rows with commas between, and returns
// how many of them the store does not have.
func (f *featureColumn) appendValues(dst []byte, form value.Form, drop bool) (_ []byte, nulls int) {
	if !drop || f.oldest == math.MinInt64 {
		dst, nulls = value.AppendColumn(dst, f.reading.Buf, f.spans, f.at, form)
		return dst[:len(dst)-1], nulls
	}
	for _, at := range f.at {
		if span := f.spans[at]; span.Start == span.End {
			nulls++
		}
		dst = append(value.AppendJSON(dst, f.value(at, drop), form), ',')
	}
	return dst[:len(dst)-1], nulls
}
