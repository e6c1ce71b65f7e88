package asof

import (
	"context"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
)

// Status says what an online value is, in Feast's numbers.
type Status uint8

// The statuses of an online value.
const (
	StatusInvalid       Status = 0
	StatusPresent       Status = 1
	StatusNullValue     Status = 2 // the newest row has a null
	StatusNotFound      Status = 3 // no row for the key
	StatusOutsideMaxAge Status = 4 // the newest row is older than the view's ttl
)

// OnlineStore keeps the newest row of each key of each view.
//
// Update makes the store ready for the views of keep and removes those named
// in drop; it is repeatable, and keeps the rows of views that stay. A feature
// that a view no longer has is not served again, even when it comes back.
//
// Write takes rows as [Latest] describes them. A row never replaces one with a
// newer event timestamp; at an equal one the greater created wins, and equal
// created replaces. Rows of one call may hold a key more than once. It returns
// how many keys hold a row of the call afterwards, and is all or nothing.
//
// Restore sets an exact state: the rows of set replace whatever their keys
// held, newer or not, and the keys of remove (a batch of the join keys alone)
// are removed. Corrections and rollbacks use it, nothing else. Either may be
// nil.
//
// Read fills the readings, in one round trip however many there are. A view
// that Update never saw is CodeNotFound. A store that is down, slow or full is
// CodeUnavailable; a half-answer is never returned. The store keeps nothing of
// the readings once Read has returned, even where it returned early.
type OnlineStore interface {
	Update(ctx context.Context, project string, keep []*FeatureView, drop []string) error
	Write(ctx context.Context, project string, view *FeatureView, rows arrow.RecordBatch) (int64, error)
	Restore(ctx context.Context, project string, view *FeatureView, set, remove arrow.RecordBatch) error
	Read(ctx context.Context, project string, readings []*Reading) error
	Teardown(ctx context.Context, project string, views []string) error
	Close() error
}

// KeyLister is an optional power of an OnlineStore: it lists the keys that a
// view holds, in batches that are each's until it returns, in no set order. A
// key may come twice; one that is written or removed meanwhile may be among them
// or not.
type KeyLister interface {
	Keys(ctx context.Context, project string, view *FeatureView, each func(keys [][]byte) error) error
}

// KeyVersion returns the version of the entity keys that a store reads and
// lists: what its KeyVersion or FeastKeyVersion says, 3 for one without.
func KeyVersion(store OnlineStore) int {
	switch s := store.(type) {
	case FeastLayout:
		return s.FeastKeyVersion()
	case interface{ KeyVersion() int }:
		return s.KeyVersion()
	}
	return 3
}

// EventUnit returns the unit to which a store rounds event times down: what its
// EventUnit says, a microsecond for one without.
func EventUnit(store OnlineStore) time.Duration {
	if s, ok := store.(interface{ EventUnit() time.Duration }); ok {
		return s.EventUnit()
	}
	return time.Microsecond
}

// Reading is what is asked of one view, and the place for the answer. The
// caller owns it and may use it again: the store keeps the capacity of its
// slices.
//
// Values are feast.types.Value messages, an empty one a null. All of them are
// parts of one buffer, so that a wide row is kept by a single copy.
type Reading struct {
	View     *FeatureView
	Features []string
	Keys     [][]byte // Feast's entity-key bytes, each once, in the store's key version

	Found  []bool  // by key: whether the store has a row
	Events []int64 // by key: the row's event time, microseconds since 1970
	Buf    []byte  // of the values; up to 2 GiB
	Spans  []Span  // of Buf: those of the first feature by key, then those of the second
}

// Span is a part of a buffer.
type Span struct{ Start, End int32 }

// Value returns the value of a feature and a key, both by their places.
func (r *Reading) Value(feature, key int) []byte {
	span := r.Spans[feature*len(r.Keys)+key]
	return r.Buf[span.Start:span.End]
}

// Set puts the value of a feature and a key, both by their places.
func (r *Reading) Set(feature, key int, value []byte) {
	start := len(r.Buf)
	r.Buf = append(r.Buf, value...)
	r.Spans[feature*len(r.Keys)+key] = Span{int32(start), int32(len(r.Buf))}
}

// Column returns the spans of a feature's values, by key.
func (r *Reading) Column(feature int) []Span {
	n := len(r.Keys)
	return r.Spans[feature*n : (feature+1)*n]
}

// Reset makes the reading ready to be filled: one place per key and feature,
// nothing found.
func (r *Reading) Reset() {
	r.Found = zeroed(r.Found, len(r.Keys))
	r.Events = zeroed(r.Events, len(r.Keys))
	r.Spans = zeroed(r.Spans, len(r.Keys)*len(r.Features))
	r.Buf = r.Buf[:0]
}

func zeroed[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}

// FeastLayout is a power of an online store that keeps its rows as Feast
// itself does: it serves what Feast wrote, so Feast's materialization intervals
// are true of it.
type FeastLayout interface {
	// FeastKeyVersion returns the version of the store's entity keys, which is
	// the repository's entity_key_serialization_version.
	FeastKeyVersion() int
}
