package tablefile

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// Dialect is how a CSV file is written. The zero value has commas, double
// quotes that are written twice within a cell, a header, UTF-8, and points in
// numbers.
type Dialect struct {
	Delimiter byte     // 0: a comma
	Quote     byte     // 0: a double quote
	NoQuotes  bool     // a quote is a character like others
	Escape    byte     // stands before a quote, or itself, within quotes; 0: a quote is written twice
	NoHeader  bool     // the first line is a row
	Names     []string // of the file's columns, where it has no header; nil: those of the table, in their order
	Encoding  Encoding
	Decimal   byte     // 0: a point
	Thousands byte     // between groups of three digits; 0: nothing
	Nulls     []string // cells that are NULL, as empty ones are
	Dates     string   // time.Parse's layout of dates; "": 2006-01-02
	Times     string   // of times; "": those of ISO 8601
}

// Encoding is how a file's characters are written.
type Encoding string

// The encodings. UTF-16 has a mark at its start that says which of the two it
// is.
const (
	UTF8        Encoding = "utf-8"
	Latin1      Encoding = "latin-1"
	Windows1252 Encoding = "windows-1252"
	UTF16       Encoding = "utf-16"
)

// Encodings are all of them.
var Encodings = []Encoding{UTF8, Latin1, Windows1252, UTF16}

func (d Dialect) delimiter() byte {
	if d.Delimiter == 0 {
		return ','
	}
	return d.Delimiter
}

// quote returns the quote, and false where there is none.
func (d Dialect) quote() (byte, bool) {
	if d.Quote == 0 {
		return '"', !d.NoQuotes
	}
	return d.Quote, !d.NoQuotes
}

// Unfit says why no file can be written so, "" where one can.
func (d Dialect) Unfit() string {
	quote, quotes := d.quote()
	switch {
	case quotes && d.delimiter() == quote:
		return "delimiter and quote are the same character"
	case d.Decimal != 0 && d.Decimal == d.Thousands, d.Decimal == 0 && d.Thousands == '.':
		return "the same character stands between thousands and before the fraction of a number; give both `decimal` and `thousands`"
	}
	return ""
}

// plainNumbers reports whether numbers need no rewriting.
func (d Dialect) plainNumbers() bool {
	return (d.Decimal == 0 || d.Decimal == '.') && d.Thousands == 0
}

// number writes a number of the dialect as all others are written, into buf.
func (d Dialect) number(buf, value []byte) ([]byte, bool) {
	buf = buf[:0]
	point := byte('.')
	if d.Decimal != 0 {
		point = d.Decimal
	}
	group, grouped := 0, false // digits since the last separator
	for i, c := range value {
		switch {
		case c == point:
			if grouped && group != 3 {
				return buf, false
			}
			return append(append(buf, '.'), value[i+1:]...), !bytes.ContainsAny(value[i+1:], string([]byte{d.Thousands, point, '.'}))
		case d.Thousands != 0 && c == d.Thousands:
			if grouped && group != 3 || group == 0 || group > 3 {
				return buf, false
			}
			group, grouped = 0, true
		case c == '.':
			return buf, false
		default:
			if c-'0' < 10 {
				group++
			}
			buf = append(buf, c)
		}
	}
	return buf, !grouped || group == 3
}

// layouts are strftime's fields as time.Parse has them.
var layouts = map[rune]string{'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'H': "15", 'I': "03", 'p': "PM", 'M': "04", 'S': "05", 'f': "000000",
	'b': "Jan", 'B': "January", 'z': "-0700", 'j': "002", '%': "%"}

// Layout returns time.Parse's layout of a format of days or times as strftime
// has it, as %d.%m.%Y. Its errors say what is wrong with the format.
func Layout(format string) (string, error) {
	var layout strings.Builder
	field := false
	for _, c := range format {
		switch known, ok := layouts[c]; {
		case !field && c == '%':
			field = true
			continue
		case field && !ok:
			return "", fmt.Errorf("the format %q has %%%c; known: %%Y %%y %%m %%d %%j %%b %%B %%H %%I %%p %%M %%S %%f %%z", format, c)
		case field:
			layout.WriteString(known)
		case c >= '0' && c <= '9' || c == '_' || c >= 'A' && c <= 'Z' && c != 'T':
			return "", fmt.Errorf("the format %q has %q outside of its fields; only T, small letters, spaces and signs may stand there", format, c)
		default:
			layout.WriteRune(c)
		}
		field = false
	}
	at := time.Date(1987, 11, 23, 19, 38, 47, 0, time.UTC)
	back, err := time.Parse(layout.String(), at.Format(layout.String()))
	if field || err != nil || back.Format(time.DateOnly) != at.Format(time.DateOnly) {
		return "", fmt.Errorf("%q is no format of a day, such as %%d.%%m.%%Y", format)
	}
	return layout.String(), nil
}
