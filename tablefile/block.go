package tablefile

import (
	"bytes"
	"errors"
	"io"
)

// blocks cuts a CSV file into blocks of whole records, so that several can be
// read at a time. It looks at quotes and line ends alone: where it is misled,
// by a quote within a cell, that cell is in the block and is a mistake, which
// ends the reading there.
type blocks struct {
	r    io.Reader
	end  func(text []byte) int // of the last whole record, 0 for none
	size int                   // bytes of a block, about
	rest []byte                // read, and of the next block
	line int                   // the next block's first
	read int64                 // bytes that are in blocks
	err  error                 // what the reader said last
}

// block is some records of a file.
type block struct {
	text  []byte
	line  int   // the first one's, in the file
	lines int   // how many line ends there are
	read  int64 // bytes of the file up to its end
}

// blockSize is about how much of a file is in memory for each that reads it.
const blockSize = 1 << 20

func newBlocks(r io.Reader, end func(text []byte) int) *blocks {
	return &blocks{r: r, end: end, size: blockSize, line: 1}
}

// next returns the next block, written into buf or into a larger one, and
// io.EOF after the last.
func (b *blocks) next(buf []byte) (block, error) {
	text := append(buf[:0], b.rest...)
	for want := b.size; ; want = len(text) + b.size {
		if text, b.err = fill(b.r, text, want, b.err); b.err != nil {
			break
		}
		if end := b.end(text); end > 0 {
			b.rest = append(b.rest[:0], text[end:]...)
			return b.cut(text[:end]), nil
		}
		if len(text) > longest {
			break // its first record is too long, or wrong
		}
	}
	if b.err != nil && !errors.Is(b.err, io.EOF) {
		return block{}, b.err
	}
	b.rest = b.rest[:0]
	if len(text) == 0 {
		return block{}, io.EOF
	}
	return b.cut(text), nil
}

func (b *blocks) cut(text []byte) block {
	b.read += int64(len(text))
	cut := block{text: text, line: b.line, lines: bytes.Count(text, []byte{'\n'}), read: b.read}
	b.line += cut.lines
	return cut
}

// fill reads until text has so many bytes, or there are no more.
func fill(r io.Reader, text []byte, want int, err error) ([]byte, error) {
	if cap(text) < want {
		text = append(make([]byte, 0, want+want/8), text...)
	}
	for err == nil && len(text) < want {
		var n int
		n, err = r.Read(text[len(text):want])
		text = text[:len(text)+n]
	}
	return text, err
}

// linesEnd returns where the last line of text ends, 0 for nowhere.
func linesEnd(text []byte) int { return bytes.LastIndexByte(text, '\n') + 1 }

// recordsEnd returns where the last whole record of text ends, 0 for nowhere:
// behind a line end with as many opening as closing quotes before it.
func (s *scanner) recordsEnd(text []byte) int {
	if s.escape != 0 {
		return s.escapedEnd(text)
	}
	quote := []byte{s.quote}
	open := bytes.Count(text, quote) % 2
	for end := len(text); ; {
		i := bytes.LastIndexByte(text[:end], '\n')
		if i < 0 {
			return 0
		}
		open ^= bytes.Count(text[i:end], quote) % 2
		if open == 0 {
			return i + 1
		}
		end = i
	}
}

// escapedEnd is recordsEnd where a quote may be escaped.
func (s *scanner) escapedEnd(text []byte) (end int) {
	open := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case open && c == s.escape:
			i++
		case c == s.quote:
			open = !open
		case c == '\n' && !open:
			end = i + 1
		}
	}
	return end
}
