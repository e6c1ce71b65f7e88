package entitykey

import (
	"bytes"
	"encoding/binary"

	"github.com/asof-dev/asof"
)

// Decode appends to dst the values of a key that an Encoder of the same
// version and names wrote, in the order of the names given to NewEncoder. The
// values do not share the key's memory. A key of other join keys, or a damaged
// one, is an error.
func (e *Encoder) Decode(dst []Value, key []byte) ([]Value, error) {
	if !bytes.HasPrefix(key, e.prefix) {
		return dst, damaged(key, "it does not begin with the join keys %q in version %d", e.names, e.version)
	}
	rest := reader{key: key, at: len(e.prefix)}
	start := len(dst)
	for range e.names {
		dst = append(dst, Value{})
	}
	for _, i := range e.order {
		v, err := rest.value()
		if err != nil {
			return dst[:start], err
		}
		dst[start+i] = v
	}
	if rest.at != len(key) {
		return dst[:start], damaged(key, "%d bytes follow the last value", len(key)-rest.at)
	}
	return dst, nil
}

// Decode reads a key of version 3 whose join keys are not known: their names
// in alphabetical order and their values. Version 2 does not say where a name
// ends: use an Encoder.
func Decode(key []byte) (names []string, values []Value, err error) {
	r := reader{key: key}
	count, err := r.uint32()
	if err != nil {
		return nil, nil, err
	}
	if count > len(key)/8 { // a name takes at least 8 bytes
		return nil, nil, damaged(key, "it claims %d join keys", count)
	}
	for range count {
		name, err := r.name()
		if err != nil {
			return nil, nil, err
		}
		names = append(names, name)
	}
	for range count {
		v, err := r.value()
		if err != nil {
			return nil, nil, err
		}
		values = append(values, v)
	}
	if r.at != len(key) {
		return nil, nil, damaged(key, "%d bytes follow the last value", len(key)-r.at)
	}
	return names, values, nil
}

// reader walks through a key.
type reader struct {
	key []byte
	at  int
}

func (r *reader) uint32() (int, error) {
	b, err := r.bytes(4)
	if err != nil {
		return 0, err
	}
	return int(binary.LittleEndian.Uint32(b)), nil
}

func (r *reader) bytes(n int) ([]byte, error) {
	if n < 0 || n > len(r.key)-r.at {
		return nil, damaged(r.key, "it ends at byte %d, where %d more are due", len(r.key), n)
	}
	b := r.key[r.at : r.at+n]
	r.at += n
	return b, nil
}

func (r *reader) name() (string, error) {
	typ, err := r.uint32()
	if err != nil {
		return "", err
	}
	if asof.ValueType(typ) != asof.TypeString {
		return "", damaged(r.key, "the name before byte %d has type %d, not 2", r.at, typ)
	}
	n, err := r.uint32()
	if err != nil {
		return "", err
	}
	b, err := r.bytes(n)
	return string(b), err
}

func (r *reader) value() (Value, error) {
	typ, err := r.uint32()
	if err != nil {
		return Value{}, err
	}
	n, err := r.uint32()
	if err != nil {
		return Value{}, err
	}
	b, err := r.bytes(n)
	if err != nil {
		return Value{}, err
	}
	v := Value{typ: asof.ValueType(typ)}
	switch {
	case v.typ == asof.TypeString || v.typ == asof.TypeBytes:
		v.text = string(b)
	case v.typ == asof.TypeInt32 && n == 4:
		v.num = int64(int32(binary.LittleEndian.Uint32(b)))
	case (v.typ == asof.TypeInt64 || v.typ == asof.TypeUnixTimestamp) && n == 8:
		v.num = int64(binary.LittleEndian.Uint64(b))
	default:
		return Value{}, damaged(r.key, "the value before byte %d has type %d and %d bytes", r.at, typ, n)
	}
	return v, nil
}

// damaged makes the error of a key that cannot be read. A key may be long: the
// message shows its beginning.
func damaged(key []byte, format string, args ...any) error {
	shown := key[:min(len(key), 64)]
	return asof.Errorf(asof.CodeInvalid, "entity key %x cannot be read: "+format, append([]any{shown}, args...)...)
}
