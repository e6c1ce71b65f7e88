package httpapi

import (
	"bytes"
	"encoding/json"
	"iter"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// What follows takes texts that json.Valid has accepted apart. The parts share
// the text's memory.

// members yields the names and the values of an object.
func members(object string) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		rest := trim(object[1:])
		for rest[0] != '}' {
			n := end(rest)
			name := unquote(rest[:n])
			rest = trim(trim(rest[n:])[1:]) // behind the colon
			n = end(rest)
			if !yield(name, rest[:n]) {
				return
			}
			rest = next(rest[n:])
		}
	}
}

// elements yields the elements of a list.
func elements(list string) iter.Seq[string] {
	return func(yield func(value string) bool) {
		rest := trim(list[1:])
		for rest[0] != ']' {
			n := end(rest)
			if !yield(rest[:n]) {
				return
			}
			rest = next(rest[n:])
		}
	}
}

// next skips to the next part: over white space and a comma.
func next(rest string) string {
	rest = trim(rest)
	if rest[0] == ',' {
		rest = trim(rest[1:])
	}
	return rest
}

func trim(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\n' || s[0] == '\t' || s[0] == '\r') {
		s = s[1:]
	}
	return s
}

// end returns where the value that s begins with ends.
func end(s string) int {
	switch s[0] {
	case '"':
		return endOfString(s)
	case '{', '[':
		depth := 0
		for i := 0; ; i++ {
			switch s[i] {
			case '"':
				i += endOfString(s[i:]) - 1
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
		}
	}
	if n := strings.IndexAny(s, ",]} \n\t\r"); n >= 0 {
		return n
	}
	return len(s)
}

func endOfString(s string) int {
	for i := 1; ; i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

// unquote returns what a JSON string stands for.
func unquote(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s[1 : len(s)-1]
	}
	var text string
	_ = json.Unmarshal([]byte(s), &text) // a valid string always unmarshals
	return text
}

// halfPair returns where a \u escape stands that is half of a surrogate pair, -1
// where there is none.
func halfPair(text []byte) int {
	for i := 0; ; {
		n := bytes.IndexByte(text[i:], '\\')
		if n < 0 {
			return -1
		}
		i += n
		first := escaped(text[i:])
		switch {
		case !utf16.IsSurrogate(first):
			i += 2 // what follows of an escape holds no backslash
		case utf16.DecodeRune(first, escaped(text[i+6:])) == utf8.RuneError:
			return i
		default:
			i += 12
		}
	}
}

// escaped returns what a \u escape that text begins with stands for, 0 where it
// begins with none.
func escaped(text []byte) rune {
	if !bytes.HasPrefix(text, []byte(`\u`)) {
		return 0
	}
	r, _ := strconv.ParseUint(string(text[2:6]), 16, 32) // it is valid
	return rune(r)
}
