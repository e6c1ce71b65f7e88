package serving

import (
	"math"
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

// tail is what follows the values of a column in Feast's answer: statuses and
// event timestamps. Both belong to the rows of a view, so that they are the same
// for all its features where nothing is null: they are written once and copied.
type tail struct {
	of      *asof.Reading // nil for the join keys
	text    []byte        // of a feature without nulls; empty before it is written
	events  int           // where the event timestamps begin in text
	missing int           // entity rows for which the store has no row
}

// appendTail appends the tail of a column that has rows, of which the store does
// not have so many values. That of a join key has no reading.
func (a *Answer) appendTail(dst []byte, f *featureColumn, nulls int) []byte {
	t := &a.tail
	if len(t.text) == 0 || t.of != f.reading {
		t.write(f, a.rows)
	}
	if nulls == t.missing {
		return append(dst, t.text...)
	}
	dst = append(dst, `],"statuses":[`...)
	for _, at := range f.at {
		dst = append(dst, statusNames[f.status(at)]...)
	}
	return append(dst[:len(dst)-1], t.text[t.events:]...)
}

// write writes the tail of the features of a reading; without a reading it is
// that of the join keys.
func (t *tail) write(f *featureColumn, rows int) {
	t.of, t.missing = f.reading, 0
	dst := append(t.text[:0], `],"statuses":[`...)
	for row := range rows {
		status := asof.StatusPresent
		switch {
		case f.reading == nil:
		case !f.reading.Found[f.at[row]]:
			status = asof.StatusNotFound
			t.missing++
		case f.reading.Events[f.at[row]] < f.oldest:
			status = asof.StatusOutsideMaxAge
		}
		dst = append(dst, statusNames[status]...)
	}
	dst = dst[:len(dst)-1]
	t.events = len(dst)
	t.text = append(f.appendEvents(append(dst, `],"event_timestamps":[`...), rows), `]}`...)
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
