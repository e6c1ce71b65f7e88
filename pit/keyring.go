package pit

import (
	"encoding/binary"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// keyring numbers the keys that the entity rows have.
type keyring struct {
	numbers map[string]int32
	rows    [][]int32 // the number of each entity row's key, by batch; -1 where one is NULL
}

// number returns the number of a key, -1 for one that no entity row has.
func (k *keyring) number(key []byte) int32 {
	if n, ok := k.numbers[string(key)]; ok {
		return n
	}
	return -1
}

// newKeyring reads the keys of the entity rows, which are in columns of index.
func newKeyring(index []arrow.RecordBatch, columns []int) (*keyring, error) {
	k := &keyring{numbers: map[string]int32{}, rows: make([][]int32, len(index))}
	var key []byte
	for i, batch := range index {
		keys := make([]arrow.Array, len(columns))
		for j, c := range columns {
			keys[j] = batch.Column(c)
		}
		appendKey, err := keyWriter(keys)
		if err != nil {
			return nil, err
		}
		k.rows[i] = make([]int32, batch.NumRows())
		for row := range k.rows[i] {
			if anyNull(keys, row) {
				k.rows[i][row] = -1
				continue
			}
			key = appendKey(key[:0], row)
			n, ok := k.numbers[string(key)]
			if !ok {
				n = int32(len(k.numbers))
				k.numbers[string(key)] = n
			}
			k.rows[i][row] = n
		}
	}
	return k, nil
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
