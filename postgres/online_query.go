package postgres

import (
	"encoding/binary"
	"strconv"
	"sync"
	"unsafe"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/value"
)

// onlineQuery is the statement of one read with its parameters, in PostgreSQL's
// binary form. Its memory is used again.
type onlineQuery struct {
	text       []byte
	parameters [][]byte
	buf        []byte // of the parameters
	ends       []int  // by parameter: where it ends in buf
	revisions  []int64
	numbers    [][]int32      // by reading: its features'
	places     map[string]int // by key: its place in the reading at hand
}

var onlineQueries = sync.Pool{New: func() any { return &onlineQuery{places: map[string]int{}} }}

// A query is used again with the parameters of up to so many bytes and keys.
const (
	maxKept     = 1 << 20
	maxKeptKeys = 1000
)

func (q *onlineQuery) release() {
	q.place(nil) // they hold on to the request
	if cap(q.buf) <= maxKept {
		onlineQueries.Put(q)
	}
}

// write asks for the keys of each reading, and for the revisions of the tables.
func (q *onlineQuery) write(views string, readings []*asof.Reading, tables []*viewTable) {
	q.text, q.buf, q.ends = q.text[:0], q.buf[:0], q.ends[:0]
	for i, t := range tables {
		q.text = strconv.AppendInt(append(q.text, "SELECT "...), int64(i), 10)
		if len(readings[i].Keys) == 1 {
			q.text = append(append(append(q.text, "::bigint, NULL::bytea, event_us, row FROM "...), t.name...), " WHERE entity_key = $"...)
			q.text = append(strconv.AppendInt(q.text, int64(i+1), 10), "::bytea UNION ALL "...)
			continue
		}
		// Behind a SELECT the number of keys is not known when it is planned: all
		// of them are looked up by the index, where many could have all of the
		// table read instead, and few would have each query planned again.
		q.text = append(append(append(q.text, "::bigint, entity_key, event_us, row FROM "...), t.name...), " WHERE entity_key = ANY ((SELECT $"...)
		q.text = append(strconv.AppendInt(q.text, int64(i+1), 10), "::bytea[])::bytea[]) UNION ALL "...)
	}
	q.text = append(append(append(q.text, "SELECT -id, NULL, revision, NULL FROM "...), views...), " WHERE id = ANY ($"...)
	q.text = append(strconv.AppendInt(q.text, int64(len(tables)+1), 10), "::bigint[])"...)
	for _, r := range readings {
		if len(r.Keys) == 1 {
			q.buf = append(q.buf, r.Keys[0]...)
		} else {
			q.array(pgtype.ByteaOID, len(r.Keys))
			for _, key := range r.Keys {
				q.buf = append(q.uint32(len(key)), key...)
			}
		}
		q.ends = append(q.ends, len(q.buf))
	}
	q.array(pgtype.Int8OID, len(tables))
	for _, t := range tables {
		q.buf = binary.BigEndian.AppendUint64(q.uint32(8), uint64(t.id))
	}
	q.ends = append(q.ends, len(q.buf))
	q.parameters = q.parameters[:0]
	start := 0
	for _, end := range q.ends {
		q.parameters = append(q.parameters, q.buf[start:end])
		start = end
	}
}

// array begins an array of n elements: one dimension, without nulls, from 1.
func (q *onlineQuery) array(element, n int) {
	dimensions := min(n, 1)
	q.buf = q.uint32(dimensions)
	q.buf = q.uint32(0)
	q.buf = q.uint32(element)
	if dimensions > 0 {
		q.buf = q.uint32(n)
		q.buf = q.uint32(1)
	}
}

func (q *onlineQuery) uint32(n int) []byte { return binary.BigEndian.AppendUint32(q.buf, uint32(n)) }

// take puts the rows of the answer into the readings.
func (q *onlineQuery) take(rows *pgconn.ResultReader, readings []*asof.Reading, tables []*viewTable) error {
	q.revisions = append(q.revisions[:0], make([]int64, len(tables))...)
	q.numbers = q.numbers[:0]
	for i, r := range readings {
		q.numbers = append(q.numbers, tables[i].schema.Numbers(r.Features))
	}
	at := -1 // the reading whose keys the places are of
	for rows.NextRow() {
		raw := rows.Values() // which reading, which key if there are several, event time, row
		which, event := integer(raw[0]), integer(raw[2])
		if which < 0 {
			for n, t := range tables {
				if t.id == -which {
					q.revisions[n] = event
				}
			}
			continue
		}
		r, i := readings[which], 0
		if len(r.Keys) > 1 {
			if at < 0 || !same(readings[at].Keys, r.Keys) {
				q.place(r.Keys)
			}
			at, i = int(which), q.places[string(raw[1])]
		}
		if err := value.Unpack(r, q.numbers[which], i, event, raw[3]); err != nil {
			return err
		}
	}
	return nil
}

// place notes where each of the keys is.
func (q *onlineQuery) place(keys [][]byte) {
	if len(q.places) > maxKeptKeys { // to clear it would take longer each time
		q.places = map[string]int{}
	}
	clear(q.places)
	for i, key := range keys {
		q.places[unsafe.String(unsafe.SliceData(key), len(key))] = i
	}
}

// same reports whether two readings share their keys, as those of views of one
// entity do. There are some.
func same(a, b [][]byte) bool { return &a[0] == &b[0] && len(a) == len(b) }

func integer(b []byte) int64 { return int64(binary.BigEndian.Uint64(b)) }

// current reports whether the tables have the revisions that they were taken
// to have.
func (q *onlineQuery) current(tables []*viewTable) bool {
	for i, t := range tables {
		if q.revisions[i] != t.revision {
			return false
		}
	}
	return true
}
