package pit

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// keyring numbers keys: those of the entity rows where all of these are held,
// else those of the sources. Views with the same keys share one.
type keyring struct {
	columns []int // of the index
	open    bool  // the sources' keys are added: not all entity rows are known

	mu      sync.RWMutex
	numbers map[string]int32
}

// unknown is the number of a key that the ring does not have, and of one that
// is NULL.
const unknown = -1

// find appends the number of each row's key.
func (k *keyring) find(dst []int32, keys []arrow.Array, rows int) ([]int32, error) {
	appendKey, err := keyWriter(keys)
	if err != nil {
		return nil, err
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	var key []byte
	for row := range rows {
		n := int32(unknown)
		if !anyNull(keys, row) {
			key = appendKey(key[:0], row)
			if known, ok := k.numbers[string(key)]; ok {
				n = known
			}
		}
		dst = append(dst, n)
	}
	return dst, nil
}

// add appends the number of each row's key, and gives one to those that have
// none. It returns the bytes that these take.
func (k *keyring) add(dst []int32, keys []arrow.Array, rows int) (numbers []int32, bytes int64, err error) {
	first := len(dst)
	if dst, err = k.find(dst, keys, rows); err != nil || !slices.Contains(dst[first:], unknown) {
		return dst, 0, err
	}
	appendKey, err := keyWriter(keys)
	if err != nil {
		return nil, 0, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	var key []byte
	for row, n := range dst[first:] {
		if n != unknown || anyNull(keys, row) {
			continue
		}
		key = appendKey(key[:0], row)
		n, ok := k.numbers[string(key)]
		if !ok {
			n = int32(len(k.numbers))
			k.numbers[string(key)] = n
			bytes += int64(len(key)) + perKey
		}
		dst[first+row] = n
	}
	return dst, bytes, nil
}

// perKey is what a key takes in a ring beside its bytes, about.
const perKey = 48

// size returns how many keys there are.
func (k *keyring) size() int {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return len(k.numbers)
}

// columnsAt returns the columns of a batch at places.
func columnsAt(batch arrow.RecordBatch, places []int) []arrow.Array {
	columns := make([]arrow.Array, len(places))
	for i, at := range places {
		columns[i] = batch.Column(at)
	}
	return columns
}

func anyNull(keys []arrow.Array, row int) bool {
	for _, k := range keys {
		if k.IsNull(row) {
			return true
		}
	}
	return false
}

// keyWriter returns what appends the key of a row as bytes: the same bytes for
// the same values, whatever the columns of a batch, and for no others. A row
// with a NULL key has none, and none is asked for.
func keyWriter(columns []arrow.Array) (func(dst []byte, row int) []byte, error) {
	writers := make([]func([]byte, int) []byte, len(columns))
	for i, c := range columns {
		switch c := c.(type) {
		case *array.String:
			writers[i] = func(dst []byte, row int) []byte { return append(dst, c.Value(row)...) }
		case *array.Binary:
			writers[i] = func(dst []byte, row int) []byte { return append(dst, c.Value(row)...) }
		case *array.Int64:
			writers[i] = func(dst []byte, row int) []byte { return binary.LittleEndian.AppendUint64(dst, uint64(c.Value(row))) }
		case *array.Int32:
			writers[i] = func(dst []byte, row int) []byte { return binary.LittleEndian.AppendUint64(dst, uint64(c.Value(row))) }
		case *array.Timestamp:
			writers[i] = func(dst []byte, row int) []byte { return binary.LittleEndian.AppendUint64(dst, uint64(c.Value(row))) }
		default:
			return nil, fmt.Errorf("%w: a join key is of type %s", ErrNotInMemory, c.DataType())
		}
	}
	if len(writers) == 1 {
		return writers[0], nil
	}
	return func(dst []byte, row int) []byte {
		for _, write := range writers {
			at := len(dst)
			dst = write(append(dst, 0, 0, 0, 0), row)
			binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4)) // ("1","11") is not ("11","1")
		}
		return dst
	}, nil
}

// canNumber reports whether keyWriter takes columns of a type.
func canNumber(t arrow.DataType) bool {
	switch t.ID() {
	case arrow.STRING, arrow.BINARY, arrow.INT64, arrow.INT32, arrow.TIMESTAMP:
		return true
	}
	return false
}
