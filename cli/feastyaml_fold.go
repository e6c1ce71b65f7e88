package cli

import (
	"fmt"
	"unicode/utf16"
)

// yamlWidth is the column after which a text is folded at its next blank.
const yamlWidth = 80

// plain writes a text without quotes. A single blank beyond the width becomes a
// line break.
func (w *yamlWriter) plain(text []uint16, indent int, key bool) {
	start := 0
	for end := 0; end <= len(text); end++ {
		blank := start < end && text[start] == ' '
		switch {
		case blank && (end == len(text) || text[end] != ' '):
			if start+1 == end && w.column > yamlWidth && !key {
				w.line(indent)
			} else {
				w.units(text[start:end])
			}
			start = end
		case !blank && (end == len(text) || text[end] == ' '):
			w.units(text[start:end])
			start = end
		}
	}
}

func (w *yamlWriter) units(text []uint16) { w.write(string(utf16.Decode(text))) }

// singleQuoted writes a text in single quotes. Line breaks of its own are
// doubled.
func (w *yamlWriter) singleQuoted(text []uint16, indent int, key bool) {
	w.write("'")
	for start := 0; start < len(text); {
		end := start + 1
		for end < len(text) && yamlRun(text[start]) == yamlRun(text[end]) && text[start] != '\'' {
			end++
		}
		switch yamlRun(text[start]) {
		case ' ':
			if start+1 == end && w.column > yamlWidth && !key && start != 0 && end != len(text) {
				w.line(indent)
			} else {
				w.units(text[start:end])
			}
		case '\n':
			for range end - start {
				w.out.WriteByte('\n')
			}
			w.line(indent)
		case '\'':
			w.write("''")
		default:
			w.units(text[start:end])
		}
		start = end
	}
	w.write("'")
}

// yamlRun is what a character of a single-quoted text counts as.
func yamlRun(c uint16) rune {
	switch c {
	case ' ', '\n', '\'':
		return rune(c)
	}
	return 0
}

// yamlEscapes are the escapes of double quotes that have a letter.
var yamlEscapes = map[uint16]string{0: "0", 7: "a", 8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r", 27: "e", '"': `"`, '\\': `\`,
	0x85: "N", 0xa0: "_", 0x2028: "L", 0x2029: "P"}

// doubleQuoted writes a text in double quotes. Beyond the width it is folded at
// a blank or behind an escape, with a backslash at the end of the line.
func (w *yamlWriter) doubleQuoted(text []uint16, indent int, key bool) {
	w.write(`"`)
	start := 0
	for end := 0; end <= len(text); end++ {
		escaped := end < len(text) && (text[end] < 0x20 || text[end] > 0x7e || text[end] == '"' || text[end] == '\\')
		if end == len(text) || escaped {
			w.units(text[start:end])
			start = end
		}
		if escaped {
			w.write(yamlEscape(text[end]))
			start = end + 1
		}
		if 0 < end && end < len(text)-1 && (text[end] == ' ' || start >= end) && w.column+end-start > yamlWidth && !key {
			if start < end {
				w.units(text[start:end])
				start = end
			}
			w.write(`\`)
			w.line(indent)
			if text[start] == ' ' {
				w.write(`\`)
			}
		}
	}
	w.write(`"`)
}

func yamlEscape(c uint16) string {
	if letter, ok := yamlEscapes[c]; ok {
		return `\` + letter
	}
	if c <= 0xff {
		return fmt.Sprintf(`\x%02X`, c)
	}
	return fmt.Sprintf(`\u%04X`, c)
}
