package pipeline

import (
	"regexp"
	"strings"
)

// sqlPlace is where in SQL a parameter stands.
type sqlPlace int

const (
	outside   sqlPlace = iota // of quotes and comments
	inText                    // 'x', in which a quote is written twice
	inName                    // "x" likewise
	inEscapes                 // E'x', U&'x', U&"x" and $tag$x$tag$, which end in ways of their own
	inComment                 // that ends with its line
	inBlock                   // /* */, which may stand in one another
)

// sqlReader goes through SQL as PostgreSQL and DuckDB read it.
type sqlReader struct {
	text  string
	place sqlPlace
	end   string // what ends a text, a name or what is in escapes
	slash bool   // a backslash takes what follows it
	depth int    // of blocks
}

// dollarQuote is what a text between dollar signs begins and ends with.
var dollarQuote = regexp.MustCompile(`^\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)?\$`)

// eachInSQL returns the SQL with what put returns in the place of each
// parameter, which it is given with the braces.
func eachInSQL(text string, put func(match string, place sqlPlace) string) string {
	var out strings.Builder
	marks := placeholder.FindAllStringIndex(text, -1)
	r := sqlReader{text: text}
	for at := 0; at < len(text); {
		if len(marks) > 0 && marks[0][0] == at {
			out.WriteString(put(text[at:marks[0][1]], r.place))
			at, marks = marks[0][1], marks[1:]
			continue
		}
		end := at + r.step(at)
		if len(marks) > 0 {
			end = min(end, marks[0][0])
		}
		out.WriteString(text[at:end])
		at = end
	}
	return out.String()
}

// step enters or leaves what begins or ends at a position, and returns how many
// bytes that takes.
func (r *sqlReader) step(at int) int {
	rest := r.text[at:]
	switch r.place {
	case outside:
		return r.open(at)
	case inComment:
		if rest[0] == '\n' || rest[0] == '\r' {
			r.place = outside
		}
		return 1
	case inBlock:
		return r.block(rest)
	}
	switch {
	case strings.HasPrefix(rest, r.end+r.end) && r.end[0] != '$':
		return 2 // a quote, written twice
	case strings.HasPrefix(rest, r.end):
		r.place, r.slash = outside, false
		return len(r.end)
	case r.slash && rest[0] == '\\':
		return min(2, len(rest))
	}
	return 1
}

// open enters what begins at a position outside of all.
func (r *sqlReader) open(at int) int {
	rest, before := r.text[at:], strings.ToLower(r.text[max(at-3, 0):at])
	switch {
	case strings.HasPrefix(rest, "--"):
		r.place = inComment
		return 2
	case strings.HasPrefix(rest, "/*"):
		return r.block(rest)
	case rest[0] == '"':
		r.place, r.end = inName, `"`
	case rest[0] == '\'':
		r.place, r.end = inText, "'"
	case rest[0] == '$' && !endsWord(before):
		if r.end = dollarQuote.FindString(rest); r.end != "" {
			r.place = inEscapes
			return len(r.end)
		}
	}
	r.slash = r.place == inText && strings.HasSuffix(before, "e") && !endsWord(before[:len(before)-1])
	if r.slash || r.place != outside && strings.HasSuffix(before, "u&") {
		r.place = inEscapes
	}
	return 1
}

// block enters or leaves a comment between slashes and stars.
func (r *sqlReader) block(rest string) int {
	switch {
	case strings.HasPrefix(rest, "/*"):
		r.place = inBlock
		r.depth++
		return 2
	case strings.HasPrefix(rest, "*/"):
		if r.depth--; r.depth == 0 {
			r.place = outside
		}
		return 2
	}
	return 1
}

// endsWord reports whether a name may end there.
func endsWord(text string) bool {
	if text == "" {
		return false
	}
	c := text[len(text)-1]
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 0x80
}

// misplaced says why a parameter must not stand there, "" where it may: a string
// could end what it stands in.
func (p *Pipeline) misplaced(match string, place sqlPlace) string {
	name := placeholder.FindStringSubmatch(match)[1]
	if param := p.param(name); param == nil || param.Type != ParamString {
		return ""
	}
	switch place {
	case outside:
		return match + " is a string and stands outside of quotes, where it could change the query; write it in quotes, '" + match + "', or give the parameter another type, such as integer, date or enum"
	case inEscapes:
		return match + " is a string and stands in a text with escapes or between dollar signs, which it could end; write it in plain quotes, '" + match + "'"
	}
	return ""
}

// fillSQL puts the parameters' values into SQL that the reader has checked. A
// quote in a value is written as the quotes around it ask for, a minus outside of
// them never stands beside another, which would begin a comment, and comments
// stay as they are.
func (v Values) fillSQL(text string) string {
	return eachInSQL(text, func(match string, place sqlPlace) string {
		switch value := v.fill(match); place {
		case inText:
			return strings.ReplaceAll(value, `'`, `''`)
		case inName:
			return strings.ReplaceAll(value, `"`, `""`)
		case inComment, inBlock:
			return match
		default:
			if place == outside && strings.HasPrefix(value, "-") {
				return "(" + value + ")"
			}
			return value
		}
	})
}
