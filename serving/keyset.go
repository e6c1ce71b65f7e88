package serving

import (
	"bytes"
	"hash/maphash"

	"github.com/asof-dev/asof/entitykey"
)

// keySet is the entity keys of a request, each once, and which row has which.
// Its memory is used again.
type keySet struct {
	at    []int32  // by row: its key
	keys  [][]byte // each once, in the order of the first row that has it
	buf   []byte
	ends  []int   // by key: where it ends in buf
	table []int32 // hash table of keys: 0 for an empty place, else the key's index and one
}

var hashSeed = maphash.MakeSeed()

// reset empties the set and makes room for so many rows.
func (s *keySet) reset(rows int) {
	s.at, s.keys, s.buf, s.ends = s.at[:0], s.keys[:0], s.buf[:0], s.ends[:0]
	size := 1
	for size < 2*rows {
		size *= 2
	}
	s.table = resized(s.table, size)
	clear(s.table)
}

// add adds the key of the next row.
func (s *keySet) add(e *entitykey.Encoder, values []entitykey.Value) error {
	start := len(s.buf)
	var err error
	if s.buf, err = e.Append(s.buf, values...); err != nil {
		return err
	}
	key := s.buf[start:]
	mask := uint64(len(s.table) - 1)
	for place := maphash.Bytes(hashSeed, key) & mask; ; place = (place + 1) & mask {
		known := int(s.table[place]) - 1
		if known < 0 {
			s.ends = append(s.ends, len(s.buf))
			s.table[place] = int32(len(s.ends))
			s.at = append(s.at, int32(len(s.ends)-1))
			return nil
		}
		if bytes.Equal(s.key(known), key) {
			s.buf = s.buf[:start]
			s.at = append(s.at, int32(known))
			return nil
		}
	}
}

// addAll gives all rows the key of a view without entities.
func (s *keySet) addAll(e *entitykey.Encoder, rows int) error {
	var err error
	if s.buf, err = e.Append(s.buf); err != nil {
		return err
	}
	s.ends = append(s.ends, len(s.buf))
	for range rows {
		s.at = append(s.at, 0)
	}
	s.finish()
	return nil
}

func (s *keySet) key(i int) []byte {
	start := 0
	if i > 0 {
		start = s.ends[i-1]
	}
	return s.buf[start:s.ends[i]]
}

// finish fills keys, once buf does not move any more.
func (s *keySet) finish() {
	for i := range s.ends {
		s.keys = append(s.keys, s.key(i))
	}
}
