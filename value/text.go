package value

import (
	"math"
	"strconv"
	"unicode/utf8"
)

func appendInt(dst []byte, v int64) []byte { return strconv.AppendInt(dst, v, 10) }

// appendFloat appends any float of so many bits.
func appendFloat(dst []byte, v float64, bits int, form Form) []byte {
	if form != Plain {
		bits = 64
	}
	if v-v == 0 { // neither NaN nor infinite
		return AppendFloat(dst, v, bits)
	}
	name := "NaN"
	switch {
	case math.IsInf(v, 1):
		name = "Infinity"
	case math.IsInf(v, -1):
		name = "-Infinity"
	}
	if form == Printed {
		return append(dst, name...)
	}
	return append(append(append(dst, '"'), name...), '"')
}

const hex = "0123456789abcdef"

// AppendQuoted appends text as a JSON string, with the escapes that Python's
// json module writes; ascii also escapes what is outside ASCII. Bytes that are
// no UTF-8 become the replacement character.
func AppendQuoted[T string | []byte](dst []byte, text T, ascii bool) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(text); {
		start := i
		for i < len(text) && plain(text[i]) {
			i++
		}
		if dst = append(dst, text[start:i]...); i == len(text) {
			break
		}
		c := text[i]
		if c < utf8.RuneSelf {
			dst = appendEscaped(dst, c, ascii)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(string(text[i:min(i+utf8.UTFMax, len(text))]))
		switch {
		case !ascii:
			dst = utf8.AppendRune(dst, r)
		case r > 0xffff:
			r -= 0x10000
			dst = appendUnicode(appendUnicode(dst, 0xd800+r>>10), 0xdc00+r&0x3ff)
		default:
			dst = appendUnicode(dst, r)
		}
		i += size
	}
	return append(dst, '"')
}

// plain reports whether a byte stands for itself in every JSON string.
func plain(c byte) bool { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' }

func appendEscaped(dst []byte, c byte, ascii bool) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	}
	if c < 0x20 || ascii && c == 0x7f {
		return appendUnicode(dst, rune(c))
	}
	return append(dst, c)
}

func appendUnicode(dst []byte, r rune) []byte {
	return append(dst, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
}

// appendCompact appends a valid JSON text without its white space. With ascii,
// letters outside ASCII are escaped.
func appendCompact(dst, text []byte, ascii bool) []byte {
	inside := false
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '"':
			inside = !inside
		case c == '\\':
			dst = append(dst, c, text[i+1])
			i += 2
			continue
		case !inside && (c == ' ' || c == '\n' || c == '\t' || c == '\r'):
			i++
			continue
		case c >= utf8.RuneSelf && ascii:
			_, size := utf8.DecodeRune(text[i:])
			quoted := AppendQuoted(nil, text[i:i+size], true)
			dst = append(dst, quoted[1:len(quoted)-1]...)
			i += size
			continue
		}
		dst = append(dst, c)
		i++
	}
	return dst
}

// AppendIndented appends compact JSON text as Python's json module indents it:
// one element a line, four spaces a level, ": " after names.
func AppendIndented(dst, text []byte) []byte {
	level := 0
	line := func() {
		dst = append(dst, '\n')
		for range level {
			dst = append(dst, "    "...)
		}
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '"':
			end := i + 1
			for ; text[end] != '"'; end++ {
				if text[end] == '\\' {
					end++
				}
			}
			dst = append(dst, text[i:end+1]...)
			i = end
		case '{', '[':
			if dst = append(dst, c); text[i+1] == '}' || text[i+1] == ']' {
				i++
				dst = append(dst, text[i])
				continue
			}
			level++
			line()
		case '}', ']':
			level--
			line()
			dst = append(dst, c)
		case ',':
			dst = append(dst, c)
			line()
		case ':':
			dst = append(dst, ": "...)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}
