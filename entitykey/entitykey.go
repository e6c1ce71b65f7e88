// Package entitykey writes and reads entity keys as Feast's online stores hold
// them: the join keys' names in alphabetical order, then their values in the
// same order, so that equal entities have equal bytes.
//
// All integers are little-endian uint32 unless said. Version 3 is
//
//	count, then per name: 2, length, UTF-8; then per value: type, length, bytes
//
// and version 2 leaves out the count and the names' lengths. The types are the
// numbers of [asof.ValueType]; int32 values take 4 bytes, int64 values and
// unix timestamps 8, strings and bytes what they are.
//
// A view without entities has one key for everybody: the join key
// [asof.DummyJoinKey] with an empty string.
package entitykey

import (
	"encoding/binary"
	"slices"
	"strings"
	"unsafe"

	"github.com/asof-dev/asof"
)

// Value is the value of one join key. The zero Value is a null, which no key
// can hold.
type Value struct {
	typ  asof.ValueType
	num  int64
	text string
}

// Int32 makes an int32 value.
func Int32(v int32) Value { return Value{typ: asof.TypeInt32, num: int64(v)} }

// Int64 makes an int64 value.
func Int64(v int64) Value { return Value{typ: asof.TypeInt64, num: v} }

// UnixTimestamp makes a timestamp of whole seconds since 1970-01-01 UTC.
func UnixTimestamp(seconds int64) Value {
	return Value{typ: asof.TypeUnixTimestamp, num: seconds}
}

// String makes a string value.
func String(v string) Value { return Value{typ: asof.TypeString, text: v} }

// Bytes makes a bytes value. It shares v's memory: v must not change before
// the key is appended.
func Bytes(v []byte) Value {
	return Value{typ: asof.TypeBytes, text: unsafe.String(unsafe.SliceData(v), len(v))}
}

// Type returns the value's type, asof.TypeInvalid for a null.
func (v Value) Type() asof.ValueType { return v.typ }

// Int returns an integer or the seconds of a timestamp, else 0.
func (v Value) Int() int64 { return v.num }

// Text returns a string or the bytes of a bytes value, else "".
func (v Value) Text() string { return v.text }

// Encoder writes the keys of one view. It is made once, holds the part of the
// key that never changes, and may be used by several goroutines.
type Encoder struct {
	version int
	names   []string // as given
	order   []int    // order[i] is the index in names of the i-th name written
	prefix  []byte   // the count and the names
	dummy   bool
}

// NewEncoder makes an Encoder for join keys whose values Append will be given
// in the order of names. Without names it is that of a view without entities.
// The version is the repository's entity_key_serialization_version, 2 or 3.
func NewEncoder(version int, names ...string) (*Encoder, error) {
	if version != 2 && version != 3 {
		return nil, asof.Errorf(asof.CodeInvalid,
			"entity_key_serialization_version %d is not supported: set 3 (or 2, for a store written with 2)", version)
	}
	e := &Encoder{version: version, names: slices.Clone(names), dummy: len(names) == 0}
	if e.dummy {
		e.names = []string{asof.DummyJoinKey}
	}
	e.order = make([]int, len(e.names))
	for i := range e.order {
		e.order[i] = i
	}
	slices.SortFunc(e.order, func(a, b int) int { return strings.Compare(e.names[a], e.names[b]) })
	for i := 1; i < len(e.order); i++ {
		if name := e.names[e.order[i]]; name == e.names[e.order[i-1]] {
			return nil, asof.Errorf(asof.CodeInvalid,
				"join key %q is named twice: give one of the entities another join key", name)
		}
	}
	e.prefix = e.appendPrefix(nil)
	return e, nil
}

// Prefix returns what all keys of the encoder begin with. It is the encoder's
// own.
func (e *Encoder) Prefix() []byte { return e.prefix }

func (e *Encoder) appendPrefix(dst []byte) []byte {
	if e.version > 2 {
		dst = appendUint32(dst, len(e.names))
	}
	for _, i := range e.order {
		dst = appendUint32(dst, int(asof.TypeString))
		if e.version > 2 {
			dst = appendUint32(dst, len(e.names[i]))
		}
		dst = append(dst, e.names[i]...)
	}
	return dst
}

// Append appends the key of one entity to dst. The values are in the order of
// the names given to NewEncoder; none for a view without entities. A null or
// a missing value is an error that names the join key.
func (e *Encoder) Append(dst []byte, values ...Value) ([]byte, error) {
	if e.dummy && len(values) == 0 {
		dst = append(dst, e.prefix...)
		return appendValue(dst, String("")), nil
	}
	if len(values) != len(e.names) {
		return dst, asof.Errorf(asof.CodeInvalid,
			"an entity of %d join keys was given %d values: give one for each of %q", len(e.names), len(values), e.names)
	}
	for i, v := range values {
		if !storable(v.typ) {
			return dst, e.unstorable(i, v)
		}
	}
	dst = append(dst, e.prefix...)
	for _, i := range e.order {
		dst = appendValue(dst, values[i])
	}
	return dst, nil
}

func (e *Encoder) unstorable(i int, v Value) error {
	if v.typ == asof.TypeInvalid {
		return asof.Errorf(asof.CodeInvalid, "join key %q has no value: every join key of an entity needs one", e.names[i])
	}
	return asof.Errorf(asof.CodeInvalid,
		"join key %q is a %s: a join key is a String, Bytes, Int32, Int64 or UnixTimestamp", e.names[i], asof.Scalar(v.typ))
}

func storable(t asof.ValueType) bool {
	switch t {
	case asof.TypeString, asof.TypeBytes, asof.TypeInt32, asof.TypeInt64, asof.TypeUnixTimestamp:
		return true
	}
	return false
}

func appendValue(dst []byte, v Value) []byte {
	dst = appendUint32(dst, int(v.typ))
	switch v.typ {
	case asof.TypeInt32:
		dst = appendUint32(dst, 4)
		return binary.LittleEndian.AppendUint32(dst, uint32(v.num))
	case asof.TypeInt64, asof.TypeUnixTimestamp:
		dst = appendUint32(dst, 8)
		return binary.LittleEndian.AppendUint64(dst, uint64(v.num))
	}
	dst = appendUint32(dst, len(v.text))
	return append(dst, v.text...)
}

func appendUint32(dst []byte, n int) []byte {
	return binary.LittleEndian.AppendUint32(dst, uint32(n))
}
