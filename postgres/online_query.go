package postgres

import (
	"encoding/binary"
	"strconv"
	"sync"

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
	numbers    [][]int32 // by reading: its features'
}

var onlineQueries = sync.Pool{New: func() any { return new(onlineQuery) }}

// maxKept is up to how many bytes the parameters of a query are used again.
const maxKept = 1 << 20

func (q *onlineQuery) release() {
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
			q.text = append(append(append(q.text, "::bigint, 1::bigint, event_us, row FROM "...), t.name...), " WHERE entity_key = $"...)
			q.text = append(strconv.AppendInt(q.text, int64(i+1), 10), "::bytea UNION ALL "...)
			continue
		}
		// LATERAL with a LIMIT looks the keys up one by one; a plain join of
		// many keys would read all of the table and hash it, which is slower.
		q.text = append(strconv.AppendInt(append(q.text, "::bigint, i, event_us, row FROM unnest($"...), int64(i+1), 10),
			"::bytea[]) WITH ORDINALITY AS k (key, i), LATERAL (SELECT event_us, row FROM "...)
		q.text = append(append(q.text, t.name...), " WHERE entity_key = key LIMIT 1) AS found UNION ALL "...)
	}
	q.text = append(append(append(q.text, "SELECT -1, id, revision, NULL FROM "...), views...), " WHERE id = ANY ($"...)
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
	for rows.NextRow() {
		raw := rows.Values() // which reading, which key, event time, row
		which, i, event := integer(raw[0]), integer(raw[1]), integer(raw[2])
		if which < 0 {
			for at, t := range tables {
				if t.id == i {
					q.revisions[at] = event
				}
			}
			continue
		}
		if err := value.Unpack(readings[which], q.numbers[which], int(i-1), event, raw[3]); err != nil {
			return err
		}
	}
	return nil
}

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
