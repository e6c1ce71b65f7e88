package serving

import (
	"math"
	"slices"
	"time"

	"github.com/asof-dev/asof"
)

// statusNames are Feast's, each with the comma behind it.
var statusNames = [...]string{
	asof.StatusInvalid:       `"INVALID",`,
	asof.StatusPresent:       `"PRESENT",`,
	asof.StatusNullValue:     `"NULL_VALUE",`,
	asof.StatusNotFound:      `"NOT_FOUND",`,
	asof.StatusOutsideMaxAge: `"OUTSIDE_MAX_AGE",`,
}

// tails are what follows the values of the columns in Feast's answer: statuses
// and event timestamps. Both belong to the rows of a view, so that they are the
// same for all its features where nothing is null: they are written once and
// copied.
type tails struct {
	text []byte // one tail after the other
	all  []tail
	last int // the place in all of that of the last column
}

// tail is that of the features of a reading that have no nulls.
type tail struct {
	of      *asof.Reading // nil for the join keys
	missing int           // entity rows for which the store has no row
	start   int           // where it begins in the text
	events  int           // where its event timestamps begin
	end     int
}

func (t *tails) reset() { t.text, t.all = t.text[:0], t.all[:0] }

// appendTail appends what the tail of a column with rows has for itself, where
// the store does not have so many of its values, and returns the place in
// tails.text of what follows. The column of a join key has no reading.
func (a *Answer) appendTail(dst []byte, f *featureColumn, nulls int) (_ []byte, start, end int) {
	t := a.tails.of(f, a.rows)
	if nulls == t.missing {
		return dst, t.start, t.end
	}
	dst = append(dst, `],"statuses":[`...)
	for _, at := range f.at {
		dst = append(dst, statusNames[f.status(at)]...)
	}
	return dst[:len(dst)-1], t.events, t.end
}

// of returns the tail of the features of a reading; without a reading that of
// the join keys.
func (t *tails) of(f *featureColumn, rows int) *tail {
	if t.last < len(t.all) && t.all[t.last].of == f.reading {
		return &t.all[t.last]
	}
	t.last = slices.IndexFunc(t.all, func(known tail) bool { return known.of == f.reading })
	if t.last < 0 {
		t.last = len(t.all)
		t.all = append(t.all, t.write(f, rows))
	}
	return &t.all[t.last]
}

func (t *tails) write(f *featureColumn, rows int) tail {
	one := tail{of: f.reading, start: len(t.text)}
	dst := append(t.text, `],"statuses":[`...)
	for row := range rows {
		status := asof.StatusPresent
		switch {
		case f.reading == nil:
		case !f.reading.Found[f.at[row]]:
			status = asof.StatusNotFound
			one.missing++
		case f.reading.Events[f.at[row]] < f.oldest:
			status = asof.StatusOutsideMaxAge
		}
		dst = append(dst, statusNames[status]...)
	}
	dst = dst[:len(dst)-1]
	one.events = len(dst)
	t.text = append(f.appendEvents(append(dst, `],"event_timestamps":[`...), rows), `]}`...)
	one.end = len(t.text)
	return one
}

// appendEvents appends the event times of so many rows, at least one. Rows that
// were materialized together mostly have one time.
func (f *featureColumn) appendEvents(dst []byte, rows int) []byte {
	last, start, end := int64(math.MinInt64), 0, 0 // where last stands in dst, with its comma
	for row := range rows {
		event := int64(0)
		if f.reading != nil {
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
