package arrowipc

import (
	"errors"
	"fmt"

	flatbuffers "github.com/google/flatbuffers/go"
)

// mostHeader is how many bytes a message's header has at most: it describes
// columns and does not hold them.
const mostHeader = 16 << 20

// freeRows is how many rows a batch may have without a byte that stands for
// them: those of columns that are null throughout have none.
const freeRows = 1 << 20

// mostDepth is how far lists and structs may be nested.
const mostDepth = 32

// Headers of messages, as their format numbers them.
const (
	headerSchema = iota + 1
	headerDictionary
	headerBatch
)

// Types whose values may be told more often than they are there.
var refused = map[byte]string{14: "a union", 22: "run-end encoded", 25: "a list view", 26: "a large list view"}

var errOutside = errors.New("the header of a message points outside itself")

// Checker checks the messages of one stream. The zero value is ready for the
// first, which has to be the schema.
type Checker struct {
	views int // fields of texts that are told as views: each has a number of buffers
	left  int // bytes that the header may still tell: its parts may be referred to many times over
}

// Message holds the header of the next message against its own size and that of
// the body: an error says what in it cannot be true, or is not taken. After it
// the library makes no more room for the message than a small multiple of both.
func (c *Checker) Message(header, body []byte) (err error) {
	defer func() {
		if recover() != nil { // a place outside the header
			err = errOutside
		}
	}()
	if len(header) > mostHeader {
		return fmt.Errorf("the header of a message has %d bytes, more than %d", len(header), mostHeader)
	}
	message := rootOf(header)
	c.left = 2*len(header) + 1024
	if err := c.pairs(message, 4); err != nil {
		return err
	}
	part, ok := message.table(2)
	if !ok {
		return errors.New("a message has no header")
	}
	switch message.byte(1) {
	case headerSchema:
		return c.schema(part)
	case headerBatch:
		return c.batch(part, int64(len(body)), c.views)
	case headerDictionary:
		data, ok := part.table(1)
		if !ok {
			return errors.New("a dictionary has no values")
		}
		return c.batch(data, int64(len(body)), 0)
	}
	return fmt.Errorf("a message of kind %d is not known", message.byte(1))
}

func rootOf(header []byte) table {
	return table{flatbuffers.Table{Bytes: header, Pos: flatbuffers.GetUOffsetT(header)}}
}

// bodyLength is how many bytes a header says that follow it.
func bodyLength(header []byte) (n int64, err error) {
	defer func() {
		if recover() != nil {
			err = errOutside
		}
	}()
	return rootOf(header).number(3), nil
}

func (c *Checker) spend(bytes int) error {
	if c.left -= bytes; c.left < 0 {
		return errors.New("the header of a message tells more than it holds")
	}
	return nil
}

func (c *Checker) schema(t table) error {
	c.views = 0
	if err := c.pairs(t, 2); err != nil {
		return err
	}
	return c.fields(t, 1, 0)
}

func (c *Checker) fields(t table, slot, depth int) error {
	fields := t.tables(slot)
	if fields.n > 0 && depth == mostDepth {
		return fmt.Errorf("fields are nested deeper than %d", mostDepth)
	}
	for i := range fields.n {
		field := fields.at(i)
		if err := c.spend(16); err != nil { // its place, its table and its type, at the least
			return err
		}
		if name, ok := refused[field.byte(2)]; ok {
			return fmt.Errorf("field %.100q is %s, which is not taken", field.text(0), name)
		}
		_, dictionary := field.table(4)
		if dictionary && depth > 0 {
			return fmt.Errorf("field %.100q is dictionary-encoded within another, which is not taken", field.text(0))
		}
		if kind := field.byte(2); kind == 23 || kind == 24 {
			if c.views++; dictionary {
				return fmt.Errorf("field %.100q is a dictionary of views, which is not taken", field.text(0))
			}
		}
		if err := c.spend(len(field.text(0))); err != nil {
			return err
		}
		if kind, ok := field.table(3); ok && field.byte(2) == 10 { // a timestamp: its zone
			if err := c.spend(len(kind.text(1))); err != nil {
				return err
			}
		}
		if err := c.pairs(field, 6); err != nil {
			return err
		}
		if err := c.fields(field, 5, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// pairs counts the keys and values of custom metadata.
func (c *Checker) pairs(t table, slot int) error {
	pairs := t.tables(slot)
	for i := range pairs.n {
		pair := pairs.at(i)
		if err := c.spend(8 + len(pair.text(0)) + len(pair.text(1))); err != nil {
			return err
		}
	}
	return nil
}

// batch checks lengths and places of a batch's columns.
func (c *Checker) batch(t table, body int64, views int) error {
	if _, ok := t.table(3); ok {
		return errors.New("the rows are compressed, which is not taken; send them as they are")
	}
	most := 8*body + freeRows // a bit a row is the least that a value takes
	if rows := t.number(0); rows < 0 || rows > most {
		return fmt.Errorf("a batch says that it has %d rows, in %d bytes", rows, body)
	}
	nodes := t.structs(1, 16)
	for i := range nodes.n {
		if length, nulls := nodes.number(i, 0), nodes.number(i, 8); length < 0 || length > most || nulls < 0 || nulls > length {
			return fmt.Errorf("a column says that it has %d values, %d of them null, in %d bytes", length, nulls, body)
		}
	}
	buffers, held := t.structs(2, 16), int64(0)
	for i := range buffers.n {
		at, length := buffers.number(i, 0), buffers.number(i, 8)
		if at < 0 || length < 0 || at > body || length > body-at {
			return fmt.Errorf("a column has %d bytes at %d, of %d", length, at, body)
		}
		if held += length; held > body {
			return errors.New("columns share bytes")
		}
	}
	variadic := t.structs(4, 8)
	if variadic.n < views {
		return fmt.Errorf("%d columns of views have %d numbers of buffers", views, variadic.n)
	}
	for i := range variadic.n {
		if n := variadic.number(i, 0); n < 0 || n > int64(buffers.n) {
			return fmt.Errorf("a column says that it has %d buffers, of %d", n, buffers.n)
		}
	}
	return nil
}
