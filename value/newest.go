package value

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
)

// place is a row while rows are sorted: eight bytes of its key, which tell most
// rows apart, and where it is.
type place struct {
	head uint64
	row  int32
}

// newestByKey returns the rows sorted by key, of each key the newest: the
// latest event, then the latest created, then the last.
func newestByKey(rows []Row) []Row {
	alike := commonPrefix(rows)
	places := make([]place, len(rows))
	for i, r := range rows {
		var head [8]byte
		copy(head[:], r.Key[alike:])
		places[i] = place{binary.BigEndian.Uint64(head[:]), int32(i)}
	}
	slices.SortFunc(places, func(a, b place) int {
		if a.head != b.head {
			return cmp.Compare(a.head, b.head)
		}
		x, y := &rows[a.row], &rows[b.row]
		return cmp.Or(bytes.Compare(x.Key, y.Key), cmp.Compare(x.Event, y.Event), cmp.Compare(x.Created, y.Created), cmp.Compare(a.row, b.row))
	})
	newest := make([]Row, 0, len(rows))
	for i, p := range places {
		if i+1 == len(places) || !bytes.Equal(rows[p.row].Key, rows[places[i+1].row].Key) {
			newest = append(newest, rows[p.row])
		}
	}
	return newest
}

// commonPrefix is how many bytes all keys begin with alike: the names of the
// join keys, at least.
func commonPrefix(rows []Row) int {
	first := rows[0].Key
	n := len(first)
	for _, r := range rows[1:] {
		n = min(n, len(r.Key))
		for i := range n {
			if r.Key[i] != first[i] {
				n = i
				break
			}
		}
	}
	return n
}
