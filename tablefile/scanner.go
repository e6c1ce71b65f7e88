package tablefile

import (
	"bytes"
	"fmt"
	"io"
	"unicode/utf8"
)

// scanner reads the records of a block of a CSV file: LF or CRLF, UTF-8. Empty
// lines are passed over.
type scanner struct {
	comma  byte
	quote  byte // not a character of UTF-8 where there are no quotes
	escape byte // 0: a quote is written twice

	of     block
	at     int    // of its text, where the next line starts
	start  int    // of its text, where the record starts
	first  int    // of the record's first line
	next   int    // of the line that is read next
	clean  bool   // the block is UTF-8, without zero bytes
	buf    []byte // the record's lines, of the block
	fields []field
	text   []byte // values of quoted fields
	noEnd  bool   // the last line had none
}

// field is a cell: its value, and whether it stood in quotes.
type field struct {
	value  []byte // until the next record
	quoted bool
}

// longest is how many bytes a record may have: a quote that is never closed
// would take the whole file.
const longest = 1 << 20

// noQuote is no character, nor part of one.
const noQuote = 0xff

func newScanner(d Dialect) *scanner {
	s := &scanner{comma: d.delimiter(), quote: noQuote, escape: d.Escape}
	if quote, ok := d.quote(); ok {
		s.quote = quote
	}
	if s.escape == s.quote {
		s.escape = 0
	}
	return s
}

// reset makes the scanner read a block.
func (s *scanner) reset(b block) {
	s.of, s.at, s.next, s.noEnd = b, 0, b.line, false
	s.clean = utf8.Valid(b.text) && bytes.IndexByte(b.text, 0) < 0
}

func (s *scanner) line() int  { return s.first }
func (s *scanner) torn() bool { return s.noEnd }

// left returns what follows the record.
func (s *scanner) left() block {
	b := s.of
	b.text, b.line = s.of.text[s.at:], s.next
	return b
}

// lineError is a mistake in a line of a file.
type lineError struct {
	line    int
	message string
	alone   bool // the lines behind it can be read
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.message) }

// mark returns the length of the mark of UTF-8 that a file starts with, and
// refuses that of UTF-16.
func mark(start []byte) (int, error) {
	switch {
	case bytes.HasPrefix(start, []byte("\xef\xbb\xbf")):
		return 3, nil
	case bytes.HasPrefix(start, []byte("\xff\xfe")), bytes.HasPrefix(start, []byte("\xfe\xff")):
		return 0, &lineError{line: 1, message: "the file is UTF-16 and has to be UTF-8; convert it: iconv -f UTF-16 -t UTF-8 FILE, or set `csv: {encoding: utf-16}`"}
	case bytes.HasPrefix(start, []byte("PK\x03\x04")), bytes.HasPrefix(start, []byte("\x1f\x8b")):
		return 0, &lineError{line: 1, message: "the file is a compressed one whose name does not end with .gz, or a workbook, and no CSV"}
	}
	return 0, nil
}

// record reads the next record's fields, io.EOF after the last. They hold until
// the next record.
func (s *scanner) record() ([]field, error) {
	for {
		s.first, s.start = s.next, s.at
		if err := s.readLine(); err != nil {
			return nil, err
		}
		if len(trimEnd(s.buf)) > 0 {
			break
		}
	}
	if bytes.IndexByte(s.buf, s.quote) < 0 {
		return s.split(trimEnd(s.buf)), nil
	}
	return s.unquote()
}

// readLine adds a line, with its end, to the record.
func (s *scanner) readLine() error {
	if s.at == len(s.of.text) {
		return io.EOF
	}
	line := s.of.text[s.at:]
	if i := bytes.IndexByte(line, '\n'); i >= 0 {
		line = line[:i+1]
	} else {
		s.noEnd = true
	}
	s.at += len(line)
	s.buf = s.of.text[s.start:s.at]
	if len(s.buf) > longest {
		return &lineError{line: s.first, message: "the record is longer than 1 MiB; a quote may be open"}
	}
	if !s.clean && (!utf8.Valid(line) || bytes.IndexByte(line, 0) >= 0) {
		return badText(s.next, line)
	}
	s.next++
	return nil
}

// badText says what is wrong with the bytes of a line.
func badText(n int, line []byte) error {
	if i := bytes.IndexByte(line, 0); i >= 0 && utf8.Valid(line) {
		return &lineError{line: n, message: fmt.Sprintf("there is a zero byte at position %d: the file is damaged, or no text", i+1)}
	}
	for i := 0; i < len(line); {
		r, size := utf8.DecodeRune(line[i:])
		if r == utf8.RuneError && size == 1 {
			b := line[i]
			message := fmt.Sprintf("the byte 0x%02X at position %d is not UTF-8", b, i+1)
			if b >= 0xA0 {
				message += fmt.Sprintf("; it looks like Latin-1, where it is %q", rune(b))
			}
			return &lineError{line: n, message: message + "; convert the file: iconv -f ISO-8859-1 -t UTF-8 FILE, or set `csv: {encoding: latin-1}`"}
		}
		i += size
	}
	return &lineError{line: n, message: "the line is not UTF-8"}
}

func trimEnd(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r"))
}

// split cuts a line without quotes.
func (s *scanner) split(line []byte) []field {
	s.fields = s.fields[:0]
	for {
		i := bytes.IndexByte(line, s.comma)
		if i < 0 {
			s.fields = append(s.fields, field{value: line})
			return s.fields
		}
		s.fields = append(s.fields, field{value: line[:i]})
		line = line[i+1:]
	}
}

// unquote cuts a record with quotes, which may go on over several lines.
func (s *scanner) unquote() ([]field, error) {
	s.fields, s.text = s.fields[:0], s.text[:0]
	var ends []int // of the values in s.text
	var quoted []bool
	for at := 0; ; {
		if at < len(s.buf) && s.buf[at] == s.quote {
			after, err := s.quotedField(at)
			if err != nil {
				return nil, err
			}
			at = after
			quoted = append(quoted, true)
		} else {
			end := len(s.buf)
			if i := bytes.IndexFunc(s.buf[at:], func(c rune) bool { return c == rune(s.comma) || c == '\n' }); i >= 0 {
				end = at + i
			}
			value := s.buf[at:end]
			if bytes.IndexByte(value, s.quote) >= 0 {
				return nil, &lineError{line: s.first, message: fmt.Sprintf("a quote stands inside the cell %q; put the whole cell in quotes and write quotes in it twice", trimEnd(value))}
			}
			if end >= len(s.buf) || s.buf[end] == '\n' {
				value = trimEnd(value)
			}
			s.text = append(s.text, value...)
			at = end
			quoted = append(quoted, false)
		}
		ends = append(ends, len(s.text))
		if at < len(s.buf) && s.buf[at] == s.comma {
			at++
			continue
		}
		if len(trimEnd(s.buf[at:])) > 0 {
			return nil, &lineError{line: s.first, message: fmt.Sprintf("%q follows the end of a quoted cell; write a quote in a cell twice", trimEnd(s.buf[at:]))}
		}
		break
	}
	for i, start := 0, 0; i < len(ends); i++ {
		s.fields = append(s.fields, field{value: s.text[start:ends[i]], quoted: quoted[i]})
		start = ends[i]
	}
	return s.fields, nil
}

// quotedField appends the value of the quoted cell at position at to s.text
// and returns the position after its closing quote.
func (s *scanner) quotedField(at int) (int, error) {
	opened := s.next - 1
	for at++; ; {
		i := s.special(s.buf[at:])
		if i < 0 {
			s.text = append(s.text, s.buf[at:]...)
			at = len(s.buf)
			if err := s.readLine(); err == io.EOF {
				return 0, &lineError{line: opened, message: "the quote that opens a cell here is never closed; the file may be cut off"}
			} else if err != nil {
				return 0, err
			}
			continue
		}
		s.text = append(s.text, s.buf[at:at+i]...)
		at += i + 1
		switch escaped := at < len(s.buf) && (s.buf[at] == s.quote || s.escape != 0 && s.buf[at] == s.escape); {
		case s.escape != 0 && s.buf[at-1] == s.escape:
			if !escaped { // it stands for itself
				s.text = append(s.text, s.escape)
				continue
			}
		case !escaped || s.buf[at] != s.quote || s.escape != 0:
			return at, nil
		}
		s.text = append(s.text, s.buf[at])
		at++
	}
}

// special returns where the next quote is, or what may escape one, -1 for
// nowhere.
func (s *scanner) special(text []byte) int {
	i := bytes.IndexByte(text, s.quote)
	if s.escape == 0 || s.escape == s.quote {
		return i
	}
	if i >= 0 {
		text = text[:i]
	}
	if j := bytes.IndexByte(text, s.escape); j >= 0 {
		return j
	}
	return i
}
