package historical

import (
	"bufio"
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/asof-dev/asof"
)

// csvFile reads the rows of a CSV file, a header first: commas, fields in
// double quotes where they need it, lines that end in LF or CRLF (CRLF in quotes
// becomes LF), UTF-8 with or without a byte order mark. Lines without anything
// on them are left out.
type csvFile struct {
	path   string
	reader *csv.Reader
	header []string
	record []string // the row that was read
}

// openCSV reads the header and leaves the file at the first row.
func (in *input) openCSV() (*csvFile, io.Closer, error) {
	file, err := in.open()
	if err != nil {
		return nil, nil, err
	}
	f, err := newCSVFile(in.path, file)
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	return f, file, nil
}

func newCSVFile(path string, r io.Reader) (*csvFile, error) {
	in := bufio.NewReaderSize(r, 1<<16)
	mark, err := in.Peek(3)
	switch {
	case string(mark) == "\xef\xbb\xbf":
		_, err = in.Discard(3)
	case len(mark) >= 2 && (string(mark[:2]) == "\xff\xfe" || string(mark[:2]) == "\xfe\xff"):
		return nil, asof.Errorf(asof.CodeInvalid, "%s: the file is UTF-16; save it as UTF-8", path)
	}
	if err != nil && err != io.EOF {
		return nil, asof.Errorf(asof.CodeInvalid, "%s: %w", path, err)
	}
	f := &csvFile{path: path, reader: csv.NewReader(in)}
	f.reader.ReuseRecord = true
	more, err := f.next()
	if err != nil {
		return nil, err
	}
	if !more {
		return nil, asof.Errorf(asof.CodeInvalid, "%s: the file is empty; its first line has to name the columns", path)
	}
	f.header = append(f.header, f.record...)
	if strings.Contains(strings.Join(f.header, ""), "\r") {
		return nil, asof.Errorf(asof.CodeInvalid, "%s: its lines end in CR alone; write it with LF or CRLF", path)
	}
	if len(f.header) == 1 && strings.ContainsAny(f.header[0], ";\t") {
		return nil, asof.Errorf(asof.CodeInvalid, "%s:1: the columns are not separated by commas; write the file with commas", path)
	}
	return f, nil
}

// next reads a row into record; false is the end of the file.
func (f *csvFile) next() (bool, error) {
	var err error
	f.record, err = f.reader.Read()
	if err == io.EOF {
		return false, nil
	}
	var bad *csv.ParseError
	switch {
	case errors.Is(err, csv.ErrFieldCount):
		return false, f.fault(f.line(), "the number of fields is %d, and the header has %d", len(f.record), len(f.header))
	case errors.As(err, &bad) && bad.StartLine != bad.Line:
		return false, f.fault(bad.StartLine, "a quoted field does not end as it should, up to line %d; close its quotes, and double quotes inside it", bad.Line)
	case errors.As(err, &bad):
		return false, f.fault(bad.Line, "a quote stands where none can (column %d); quote the whole field, and double quotes inside it", bad.Column)
	case err != nil:
		return false, asof.Errorf(asof.CodeInvalid, "%s: %w", f.path, err)
	}
	for i, cell := range f.record {
		if !utf8.ValidString(cell) {
			line, _ := f.reader.FieldPos(i)
			return false, f.fault(line, "%q is not UTF-8; save the file as UTF-8", cell)
		}
	}
	return true, nil
}

// line is the line on which the row begins.
func (f *csvFile) line() int {
	line, _ := f.reader.FieldPos(0)
	return line
}

// fault is a mistake on a line of the file.
func (f *csvFile) fault(line int, format string, args ...any) error {
	return asof.Errorf(asof.CodeInvalid, "%s:%d: "+format, append([]any{f.path, line}, args...)...)
}
