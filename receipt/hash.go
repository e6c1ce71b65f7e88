package receipt

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
)

// HashVersion numbers the way in which contents are hashed. It is part of every
// hash, so that hashes of two ways are never equal.
const HashVersion = 1

// Hash is the content hash of rows: of the columns' names, order and types, and
// of every value in order. It is the same however the rows are cut into
// batches, and whatever layout Arrow gives the same values: dictionaries, views
// and large offsets, padding, the units of times.
//
// Each column is hashed on its own by SHA-256, over its values as [encoder]
// writes them. Its hash, with its name and its type, is then part of the hash
// of the whole:
//
//	"asof content 1\n", the number of rows (8 bytes)
//	for each column: name, type (each behind its length in 8 bytes), the column's hash (32 bytes)
//
// All numbers are little-endian.
type Hash struct {
	columns []*columnHash
	rows    int64
}

// Column is a column of a content: its name, its type in the words of this
// package, and the hash of its values.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Hash string `json:"hash"` // hexadecimal
}

type columnHash struct {
	name, typ string
	sum       hash.Hash
	buf       []byte
}

// NewHash returns the hash of rows of a schema, of which none is added yet.
func NewHash(s *arrow.Schema) *Hash {
	h := &Hash{}
	for _, f := range s.Fields() {
		h.columns = append(h.columns, &columnHash{name: f.Name, typ: typeName(f.Type), sum: sha256.New()})
	}
	return h
}

// blockSize is how much of a column is encoded before it is hashed.
const blockSize = 1 << 15

// Add adds the rows of a batch.
func (h *Hash) Add(batch arrow.RecordBatch) {
	for i, c := range h.columns {
		put := encoder(batch.Column(i))
		for row := range int(batch.NumRows()) {
			if c.buf = put(c.buf, row); len(c.buf) >= blockSize {
				c.flush()
			}
		}
		c.flush()
	}
	h.rows += batch.NumRows()
}

func (c *columnHash) flush() {
	c.sum.Write(c.buf)
	c.buf = c.buf[:0]
}

// Rows returns how many rows were added.
func (h *Hash) Rows() int64 { return h.rows }

// Columns returns the columns with the hashes of what was added so far.
func (h *Hash) Columns() []Column {
	list := make([]Column, len(h.columns))
	for i, c := range h.columns {
		list[i] = Column{Name: c.name, Type: c.typ, Hash: hex.EncodeToString(c.sum.Sum(nil))}
	}
	return list
}

// Sum returns the hash of a content of so many rows in these columns.
func Sum(rows int64, columns []Column) string {
	sum := sha256.New()
	_, _ = io.WriteString(sum, "asof content 1\n")
	_, _ = sum.Write(binary.LittleEndian.AppendUint64(nil, uint64(rows)))
	for _, c := range columns {
		_, _ = sum.Write(appendText(appendText(nil, c.Name), c.Type))
		values, _ := hex.DecodeString(c.Hash) // what is none differs from every hash
		_, _ = sum.Write(values)
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil))
}
