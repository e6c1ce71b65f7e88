package serving

import (
	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/value"
)

// AppendSearch appends the answer to a search as Feast's HTTP server gives it:
// the features, distance, then the join keys.
func (a *Answer) AppendSearch(dst []byte, distances []float32, versions bool) []byte {
	order := make([]int, 0, a.Columns()+1)
	for c := len(a.keys); c < a.Columns(); c++ {
		order = append(order, c)
	}
	order = append(order, -1)
	for c := range a.keys {
		order = append(order, c)
	}
	dst = append(dst, `{"results":[`...)
	for i, c := range order {
		dst = append(comma(dst, i), `{"values":[`...)
		for row := range a.rows {
			if c < 0 {
				dst = value.AppendJSON(comma(dst, row), value.AppendFloat32(nil, distances[row]), value.Plain)
			} else {
				dst = value.AppendJSON(comma(dst, row), a.Value(c, row), value.Served)
			}
		}
		dst = append(dst, `],"statuses":[`...)
		for row := range a.rows {
			status := asof.StatusPresent
			if c >= 0 {
				status = a.Status(c, row)
			}
			name := statusNames[status]
			dst = append(comma(dst, row), name[:len(name)-1]...)
		}
		dst = append(dst, `],"event_timestamps":[`...)
		for row := range a.rows {
			of := c
			if c < 0 { // a distance is of the row that was found
				of = len(a.keys)
			}
			dst = appendTime(comma(dst, row), a.Event(of, row))
		}
		dst = append(dst, "]}"...)
	}
	dst = append(dst, `],"metadata":{"feature_names":[`...)
	for i, c := range order {
		name := "distance"
		if c >= 0 {
			name = a.Name(c)
		}
		dst = value.AppendQuoted(comma(dst, i), name, false)
	}
	dst = append(dst, ']')
	if versions {
		dst = a.appendVersions(dst)
	}
	return append(dst, `}}`...)
}
