package redis

import (
	"bytes"
	"fmt"
	"io"
)

const (
	// maxReply bounds one reply. Redis itself takes no value of more than
	// 512 MB.
	maxReply = 512 << 20
	// keptBuffer is what a line keeps to read into after a larger reply.
	keptBuffer = 64 << 10
)

// replyError is what a server answered in place of a reply.
type replyError string

func (e replyError) Error() string { return string(e) }

// reply is one whole reply in RESP2: a status, an error, a string, or an array
// of strings, which is all that the commands of reads and logins answer. Its
// bytes are valid until the next one is read.
type reply struct {
	kind   byte // + - $ *
	values []span
	data   []byte

	at   int // up to where data is understood; 0 before the first line
	left int // how many values are missing
}

// span is where a value is in the data of a reply; its start is -1 for a null.
type span struct{ start, end int }

// value returns value i, nil for a null.
func (r *reply) value(i int) []byte { return r.bytes(r.values[i]) }

func (r *reply) bytes(s span) []byte {
	if s.start < 0 {
		return nil
	}
	return r.data[s.start:s.end:s.end]
}

// err returns the server's error, if the reply is one.
func (r *reply) err() error {
	if r.kind == '-' {
		return replyError(r.value(0))
	}
	return nil
}

func (r *reply) reset() { *r = reply{values: r.values[:0]} }

// scan goes on where it stopped, with the data that is there now, and reports
// whether the reply is whole.
func (r *reply) scan(data []byte) (whole bool, err error) {
	r.data = data
	if r.at == 0 {
		if len(data) == 0 {
			return false, nil
		}
		switch r.kind = data[0]; r.kind {
		case '+', '-':
			return r.line()
		case '$':
			r.left = 1
		case '*':
			count, next, err := r.number(0)
			if next == 0 || err != nil {
				return false, err
			}
			r.at, r.left = next, count
			if count < 0 {
				return false, fmt.Errorf("an array that is null")
			}
		default:
			return false, fmt.Errorf("%q where a reply begins", data[0])
		}
	}
	for ; r.left > 0; r.left-- {
		if r.at < len(data) && data[r.at] != '$' {
			return false, fmt.Errorf("%q where a string begins", data[r.at])
		}
		size, next, err := r.number(r.at)
		if next == 0 || err != nil {
			return false, err
		}
		value, end := span{-1, -1}, next
		if size >= 0 {
			value, end = span{next, next + size}, next+size+2
			if end > len(data) {
				return false, nil
			}
			if data[end-2] != '\r' || data[end-1] != '\n' {
				return false, fmt.Errorf("a string that is longer than it says")
			}
		}
		r.values, r.at = append(r.values, value), end
	}
	return true, nil
}

// line takes a reply of one line.
func (r *reply) line() (whole bool, err error) {
	end := bytes.IndexByte(r.data, '\n')
	switch {
	case end < 0 && len(r.data) > keptBuffer:
		return false, fmt.Errorf("a line without an end")
	case end < 0:
		return false, nil
	case r.data[end-1] != '\r':
		return false, fmt.Errorf("a line that ends without a carriage return")
	}
	r.values, r.at = append(r.values, span{1, end - 1}), end+1
	return true, nil
}

// number reads a mark and the number of its line, -1 or more. Next is where
// the line after it begins, 0 where it has not come whole.
func (r *reply) number(at int) (n, next int, err error) {
	for i := at + 1; i < len(r.data); i++ {
		switch b := r.data[i]; {
		case b >= '0' && b <= '9' && n >= 0:
			if n = 10*n + int(b-'0'); n > maxReply {
				return 0, 0, fmt.Errorf("a length of more than %d", maxReply)
			}
		case b == '-' && i == at+1:
			n = -1
		case b == '1' && n == -1 && i == at+2:
		case b == '\r' && (n >= 0 && i > at+1 || i == at+3):
			if i+1 == len(r.data) {
				return 0, 0, nil
			}
			if r.data[i+1] == '\n' {
				return n, i + 2, nil
			}
			fallthrough
		default:
			return 0, 0, fmt.Errorf("a length that is no number")
		}
	}
	return 0, 0, nil
}

// replies cuts what comes from a server into replies.
type replies struct {
	from       io.Reader
	buffer     []byte
	start, end int // of what is not used yet
	reply      reply
}

// next returns the next reply. After an error there is no going on: where the
// next one begins is not known.
func (r *replies) next() (*reply, error) {
	r.start += r.reply.at
	r.reply.reset()
	if r.start == r.end {
		r.start, r.end = 0, 0
		if len(r.buffer) != keptBuffer {
			r.buffer = make([]byte, keptBuffer)
		}
	}
	for {
		whole, err := r.reply.scan(r.buffer[r.start:r.end])
		if err != nil {
			return nil, fmt.Errorf("the server sent %w", err)
		}
		if whole {
			return &r.reply, nil
		}
		if err := r.more(); err != nil {
			return nil, err
		}
	}
}

// more reads once, into a larger buffer where there is no place left.
func (r *replies) more() error {
	if r.end == len(r.buffer) {
		if r.end-r.start >= maxReply {
			return fmt.Errorf("the server sent a reply of more than %d bytes", maxReply)
		}
		to := r.buffer
		if r.start < len(to)/2 {
			to = make([]byte, 2*len(to))
		}
		r.start, r.end, r.buffer = 0, copy(to, r.buffer[r.start:r.end]), to
	}
	n, err := r.from.Read(r.buffer[r.end:])
	r.end += n
	if n > 0 {
		return nil
	}
	return err
}
