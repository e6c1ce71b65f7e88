package verify

import (
	"bytes"
	"container/heap"
	"context"
	"hash/fnv"

	"github.com/asof-dev/asof/value"
)

// hash is the place of a key in the order by which samples are taken, the same
// in every run.
func hash(seed uint64, key []byte) uint64 {
	h := fnv.New64a()
	h.Write(key)
	x := h.Sum64() + seed*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9 // as in SplitMix64
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// sampler keeps the rows whose keys come first by their hash: so many of any
// number.
type sampler struct {
	size int
	seed uint64
	rows hashedRows
}

type hashedRow struct {
	value.Row
	hash uint64
}

// add keeps a copy of the row, if its key belongs to the first.
func (s *sampler) add(_ context.Context, row value.Row) error {
	h := hash(s.seed, row.Key)
	if len(s.rows) == s.size && h >= s.rows[0].hash {
		return nil
	}
	row.Key, row.Packed = bytes.Clone(row.Key), bytes.Clone(row.Packed) // they are parts of big buffers
	heap.Push(&s.rows, hashedRow{row, h})
	if len(s.rows) > s.size {
		heap.Pop(&s.rows)
	}
	return nil
}

// bound is the hash up to which keys are in the sample.
func (s *sampler) bound() uint64 {
	if len(s.rows) < s.size {
		return everything
	}
	return s.rows[0].hash
}

// hashedRows is a heap, the greatest hash first.
type hashedRows []hashedRow

func (r hashedRows) Len() int           { return len(r) }
func (r hashedRows) Less(i, j int) bool { return r[i].hash > r[j].hash }
func (r hashedRows) Swap(i, j int)      { r[i], r[j] = r[j], r[i] }
func (r *hashedRows) Push(row any)      { *r = append(*r, row.(hashedRow)) }
func (r *hashedRows) Pop() any {
	last := len(*r) - 1
	row := (*r)[last]
	*r = (*r)[:last]
	return row
}
