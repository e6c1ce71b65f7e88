package cli

import (
	"regexp"
	"strings"
	"unicode/utf16"
)

// feastYAML returns an object as Feast prints it: PyYAML's block style, keys as
// they come, lines folded at 80 columns, everything in ASCII. It ends with a
// line break.
func feastYAML(t tree) string {
	w := yamlWriter{}
	if len(t) == 0 {
		return "{}\n"
	}
	w.mapping(t, 0)
	w.out.WriteByte('\n')
	return w.out.String()
}

// yamlWriter writes YAML and keeps the column that it is at.
type yamlWriter struct {
	out    strings.Builder
	column int
}

func (w *yamlWriter) write(text string) {
	w.out.WriteString(text)
	w.column += len(text)
}

// line begins a line at an indentation.
func (w *yamlWriter) line(indent int) {
	w.out.WriteByte('\n')
	w.column = 0
	w.write(strings.Repeat(" ", indent))
}

// mapping writes members at an indentation, at which the writer stands.
func (w *yamlWriter) mapping(t tree, indent int) {
	for i, b := range t {
		if i > 0 {
			w.line(indent)
		}
		w.key(b.name, indent)
		switch v := b.value.(type) {
		case tree:
			if len(v) > 0 {
				w.line(indent + 2)
				w.mapping(v, indent+2)
				continue
			}
		case []any:
			if len(v) > 0 {
				w.line(indent)
				w.sequence(v, indent)
				continue
			}
		}
		w.write(" ")
		w.scalar(b.value, indent+2, false)
	}
}

// key writes a key and its colon. One that is empty or too long for a line, or
// has several, takes the form with a question mark.
func (w *yamlWriter) key(name string, indent int) {
	if name != "" && len(utf16.Encode([]rune(name))) < 128 && !strings.ContainsAny(name, "\n\u0085\u2028\u2029") {
		w.scalar(name, indent+2, true)
		w.write(":")
		return
	}
	w.write("? ")
	w.scalar(name, indent+2, false)
	w.line(indent)
	w.write(":")
}

func (w *yamlWriter) sequence(items []any, indent int) {
	for i, item := range items {
		if i > 0 {
			w.line(indent)
		}
		w.write("- ")
		switch v := item.(type) {
		case tree:
			if len(v) > 0 {
				w.mapping(v, indent+2)
				continue
			}
		case []any:
			if len(v) > 0 {
				w.sequence(v, indent+2)
				continue
			}
		}
		w.scalar(item, indent+2, false)
	}
}

// scalar writes a value on one line, or, unless it is a key, folded into
// several at an indentation.
func (w *yamlWriter) scalar(v any, indent int, key bool) {
	switch v := v.(type) {
	case nil:
		w.write("null")
	case bool:
		if v {
			w.write("true")
		} else {
			w.write("false")
		}
	case literal:
		w.write(string(v))
	case tree:
		w.write("{}")
	case []any:
		w.write("[]")
	case string:
		w.text(v, indent, key)
	}
}

// special are texts that YAML 1.1 reads as something else than a text.
var special = regexp.MustCompile(`^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF|` +
	`[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|` +
	`[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)|[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|` +
	`[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+|<<|=|~|null|Null|NULL||[0-9]{4}-[0-9]{2}-[0-9]{2}|` +
	`[0-9]{4}-[0-9][0-9]?-[0-9][0-9]?(?:[Tt]|[ \t]+)[0-9][0-9]?:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9][0-9]?(?::[0-9]{2})?))?)$`)

const (
	yamlBreaks = "\n\u0085\u2028\u2029"
	yamlBlanks = "\x00 \t\r" + yamlBreaks
)

// text writes a text plain where that reads back as it is, else in single
// quotes, else in double ones with escapes.
func (w *yamlWriter) text(s string, indent int, key bool) {
	units := utf16.Encode([]rune(s)) // what is beyond 16 bits comes out as two escapes, as in Feast
	plain, single := yamlStyles(units)
	switch {
	case plain && !special.MatchString(s):
		w.plain(units, indent, key)
	case single:
		w.singleQuoted(units, indent, key)
	default:
		w.doubleQuoted(units, indent, key)
	}
}

// yamlStyles reports whether a text may be written plain, and in single quotes.
func yamlStyles(text []uint16) (plain, single bool) {
	in := func(i int, set string) bool {
		return i >= 0 && i < len(text) && strings.ContainsRune(set, rune(text[i]))
	}
	blankAfter := func(i int) bool { return i+1 >= len(text) || in(i+1, yamlBlanks) }
	plain, single = true, true
	if head := string(utf16.Decode(text[:min(3, len(text))])); head == "---" || head == "..." {
		plain = false
	}
	for i, c := range text {
		first, last := i == 0, i == len(text)-1
		switch {
		case c != '\n' && (c < 0x20 || c > 0x7e):
			return false, false
		case first && in(i, "#,[]{}&*!|>'\"%@`"), first && in(i, "?:-") && blankAfter(i),
			!first && c == ':' && blankAfter(i), !first && c == '#' && in(i-1, yamlBlanks),
			c == '\n', c == ' ' && (first || last):
			plain = false
		}
		if c == ' ' && in(i-1, "\n") {
			single = false
		}
		if c == '\n' && in(i-1, " ") {
			return false, false
		}
	}
	return plain, single
}
