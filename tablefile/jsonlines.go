package tablefile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"
)

// jsonLines reads the records of a block of a file that has a JSON object on
// each line. Empty lines are passed over.
type jsonLines struct {
	places  map[string]int // of the table's column, by the name that the file has; -1: ignored
	others  bool           // names that are not known are ignored
	width   int            // columns of the table
	seen    []bool         // which columns any line has had
	of      block
	at      int // of its text, where the next line starts
	current int // of the record
	next    int
	noEnd   bool
	fields  []field
	has     []bool // whether this record has the column
}

func (j *jsonLines) reset(b block) { j.of, j.at, j.next, j.noEnd = b, 0, b.line, false }
func (j *jsonLines) line() int     { return j.current }
func (j *jsonLines) torn() bool    { return j.noEnd }

// record reads the next line's values, in the order of the table's columns.
// One that is not there is null.
func (j *jsonLines) record() ([]field, error) {
	for {
		if j.at == len(j.of.text) {
			return nil, io.EOF
		}
		line := j.of.text[j.at:]
		if i := bytes.IndexByte(line, '\n'); i >= 0 {
			line = line[:i+1]
		} else {
			j.noEnd = true
		}
		j.at += len(line)
		j.current = j.next
		j.next++
		if line = bytes.TrimSpace(line); len(line) > 0 {
			return j.object(line)
		}
	}
}

func (j *jsonLines) wrong(format string, args ...any) error {
	message := fmt.Sprintf(format, args...)
	if j.noEnd {
		message += "; it is the last line and has no line end: the file may be cut off"
	}
	return &lineError{line: j.current, message: message, alone: true}
}

// object reads {"name": value, …}.
func (j *jsonLines) object(text []byte) ([]field, error) {
	if len(text) > longest {
		return nil, j.wrong("the line is longer than 1 MiB")
	}
	if !utf8.Valid(text) {
		return nil, badText(j.current, text)
	}
	if text[0] != '{' {
		return nil, j.wrong("a line has to be a JSON object, {\"column\": value, …}, and not %s", shown(text))
	}
	j.fields, j.has = append(j.fields[:0], make([]field, j.width)...), append(j.has[:0], make([]bool, j.width)...)
	rest := bytes.TrimLeft(text[1:], jsonSpace)
	for len(rest) > 0 && rest[0] != '}' {
		name, after, err := jsonText(rest)
		if err != nil {
			return nil, j.wrong("%s", err)
		}
		after = bytes.TrimLeft(after, jsonSpace)
		if len(after) == 0 || after[0] != ':' {
			return nil, j.wrong("a colon has to follow the name %q", name)
		}
		value, after, err := jsonValue(bytes.TrimLeft(after[1:], jsonSpace))
		if err != nil {
			return nil, j.wrong("column %q: %s", name, err)
		}
		if err := j.put(string(name), value); err != nil {
			return nil, err
		}
		if rest = bytes.TrimLeft(after, jsonSpace); len(rest) > 0 && rest[0] == ',' {
			rest = bytes.TrimLeft(rest[1:], jsonSpace)
			if len(rest) == 0 || rest[0] != '"' {
				return nil, j.wrong("a name has to follow the comma")
			}
		} else if len(rest) > 0 && rest[0] != '}' {
			return nil, j.wrong("a comma or } has to follow the value of %q", name)
		}
	}
	if len(rest) != 1 {
		return nil, j.wrong("the line has to end with the } of its object")
	}
	return j.fields, nil
}

func (j *jsonLines) put(name string, value field) error {
	place, known := j.places[name]
	switch {
	case !known && !j.others:
		names := make([]string, 0, len(j.places))
		for n := range j.places {
			names = append(names, n)
		}
		return j.wrong("the table has no column %q%s", name, near(name, names))
	case !known || place < 0:
	case j.has[place]:
		return j.wrong("the line has %q twice", name)
	default:
		j.fields[place], j.has[place], j.seen[place] = value, true, true
	}
	return nil
}

const jsonSpace = " \t\r"

// jsonText reads a text in quotes.
func jsonText(text []byte) (value, rest []byte, err error) {
	if len(text) == 0 || text[0] != '"' {
		return nil, nil, fmt.Errorf("a name in quotes has to stand before %s", shown(text))
	}
	escaped := false
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			escaped = true
			i++
		case c == '"' && !escaped:
			return text[1:i], text[i+1:], nil
		case c == '"':
			var s string
			if err := json.Unmarshal(text[:i+1], &s); err != nil {
				return nil, nil, fmt.Errorf("%s is no JSON text", shown(text[:i+1]))
			}
			return []byte(s), text[i+1:], nil
		case c < ' ':
			return nil, nil, fmt.Errorf("the text %s holds a control character", shown(text[:i]))
		}
	}
	return nil, nil, fmt.Errorf("a quote is never closed")
}

// jsonValue reads a value: a text as a quoted cell, null as an empty one, and
// any other as it is written, for the column to read.
func jsonValue(text []byte) (value field, rest []byte, err error) {
	switch {
	case len(text) == 0:
		return field{}, nil, fmt.Errorf("it has no value")
	case text[0] == '"':
		s, rest, err := jsonText(text)
		return field{value: s, quoted: true}, rest, err
	case text[0] == '{' || text[0] == '[':
		var raw json.RawMessage
		d := json.NewDecoder(bytes.NewReader(text))
		if err := d.Decode(&raw); err != nil {
			return field{}, nil, fmt.Errorf("%s is not valid JSON", shown(text))
		}
		return field{value: raw, quoted: true}, text[d.InputOffset():], nil
	}
	end := bytes.IndexAny(text, ",}"+jsonSpace)
	if end < 0 {
		end = len(text)
	}
	word := text[:end]
	if string(word) == "null" {
		return field{}, text[end:], nil
	}
	if !json.Valid(word) {
		return field{}, nil, fmt.Errorf("%s is not valid JSON", shown(word))
	}
	return field{value: word}, text[end:], nil
}
