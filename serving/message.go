package serving

import (
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/asof-dev/asof"
)

// The fields of Feast's messages for an answer.
const (
	responseMetadata = 1 // of GetOnlineFeaturesResponse
	responseResults  = 2

	metadataNames = 1 // of GetOnlineFeaturesResponseMetadata
	metadataViews = 2

	namesName = 1 // of FeatureList

	viewName    = 1 // of FeatureViewMetadata
	viewVersion = 2

	vectorValues   = 1 // of GetOnlineFeaturesResponse.FeatureVector
	vectorStatuses = 2
	vectorEvents   = 3

	timestampSeconds = 1 // of google.protobuf.Timestamp
	timestampNanos   = 2
)

// AppendMessage appends the answer as a feast.serving.GetOnlineFeaturesResponse
// message: what SendFeast says in JSON, with the values as the store holds
// them.
func (a *Answer) AppendMessage(dst []byte, versions bool) []byte {
	dst = a.appendMetadata(dst, versions)
	a.times = vectorTimes{text: a.times.text[:0]}
	for i := range a.keys {
		dst = a.appendKeyVector(dst, &a.keys[i])
	}
	var f featureColumn
	for i := range a.plan.features {
		a.turn(&f, i)
		dst = a.appendVector(dst, &f)
	}
	return dst
}

// appendVector appends the vector of a feature.
func (a *Answer) appendVector(dst []byte, f *featureColumn) []byte {
	values := 0
	for _, at := range f.at {
		values += sizeOfField(len(f.value(at, a.drop)))
	}
	times := a.times.of(f)
	dst = appendLength(dst, responseResults, values+sizeOfField(a.rows)+len(times))
	for _, at := range f.at {
		v := f.value(at, a.drop)
		dst = append(appendLength(dst, vectorValues, len(v)), v...)
	}
	dst = appendLength(dst, vectorStatuses, a.rows)
	for _, at := range f.at {
		dst = append(dst, byte(f.status(at)))
	}
	return append(dst, times...)
}

// appendKeyVector appends the vector of a join key, which is always there and
// has no time.
func (a *Answer) appendKeyVector(dst []byte, k *keyColumn) []byte {
	values := 0
	for row := range a.rows {
		values += sizeOfField(len(k.value(row)))
	}
	dst = appendLength(dst, responseResults, values+sizeOfField(a.rows)+a.rows*sizeOfField(0))
	for row := range a.rows {
		dst = append(appendLength(dst, vectorValues, len(k.value(row))), k.value(row)...)
	}
	dst = appendLength(dst, vectorStatuses, a.rows)
	for range a.rows {
		dst = append(dst, byte(asof.StatusPresent))
	}
	for range a.rows {
		dst = appendLength(dst, vectorEvents, 0)
	}
	return dst
}

// vectorTimes is the event timestamps of a view's rows, which are the same for
// all its features: they are written once and copied.
type vectorTimes struct {
	reading *asof.Reading
	text    []byte
}

func (t *vectorTimes) of(f *featureColumn) []byte {
	if t.reading == f.reading {
		return t.text
	}
	t.reading, t.text = f.reading, t.text[:0]
	for _, at := range f.at {
		event := f.reading.Events[at]
		t.text = appendTimestamp(appendLength(t.text, vectorEvents, sizeOfTime(event)), event)
	}
	return t.text
}

func (a *Answer) appendMetadata(dst []byte, versions bool) []byte {
	names, views := 0, 0
	for c := range a.Columns() {
		names += sizeOfField(len(a.Name(c)))
	}
	if versions {
		for _, v := range a.plan.views {
			views += sizeOfField(v.size())
		}
	}
	dst = appendLength(dst, responseMetadata, sizeOfField(names)+views)
	dst = appendLength(dst, metadataNames, names)
	for c := range a.Columns() {
		dst = append(appendLength(dst, namesName, len(a.Name(c))), a.Name(c)...)
	}
	if versions {
		for _, v := range a.plan.views {
			dst = append(appendLength(appendLength(dst, metadataViews, v.size()), viewName, len(v.Name)), v.Name...)
			if v.Version != 0 {
				dst = protowire.AppendVarint(protowire.AppendTag(dst, viewVersion, protowire.VarintType), uint64(v.Version))
			}
		}
	}
	return dst
}

// size returns the length of the view's FeatureViewMetadata message.
func (v ViewVersion) size() int {
	size := sizeOfField(len(v.Name))
	if v.Version != 0 {
		size += 1 + protowire.SizeVarint(uint64(v.Version))
	}
	return size
}

// appendLength begins a field of so many bytes.
func appendLength(dst []byte, field protowire.Number, length int) []byte {
	return protowire.AppendVarint(protowire.AppendTag(dst, field, protowire.BytesType), uint64(length))
}

// sizeOfField returns what a field of so many bytes takes, its tag and its
// length included; all fields here have tags of one byte.
func sizeOfField(length int) int { return 1 + protowire.SizeBytes(length) }

func sizeOfTime(us int64) int {
	seconds, nanos := split(us)
	size := 0
	if seconds != 0 {
		size += 1 + protowire.SizeVarint(uint64(seconds))
	}
	if nanos != 0 {
		size += 1 + protowire.SizeVarint(uint64(nanos))
	}
	return size
}

func appendTimestamp(dst []byte, us int64) []byte {
	seconds, nanos := split(us)
	if seconds != 0 {
		dst = protowire.AppendVarint(protowire.AppendTag(dst, timestampSeconds, protowire.VarintType), uint64(seconds))
	}
	if nanos != 0 {
		dst = protowire.AppendVarint(protowire.AppendTag(dst, timestampNanos, protowire.VarintType), uint64(nanos))
	}
	return dst
}

// split takes microseconds since 1970 apart; the nanoseconds count forwards.
func split(us int64) (seconds, nanos int64) {
	t := time.UnixMicro(us)
	return t.Unix(), int64(t.Nanosecond())
}
