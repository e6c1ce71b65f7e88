package python

import (
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.starlark.net/syntax"
)

// number translates an integer or a float.
func (t *translator) number(n *node) syntax.Expr {
	text := strings.ReplaceAll(strings.ToLower(t.text(n)), "_", "")
	if strings.HasSuffix(text, "j") && !strings.HasPrefix(text, "0x") {
		t.refuse(n, "a complex number")
		return t.none(n)
	}
	if n.kind == "integer" {
		if i, ok := new(big.Int).SetString(text, 0); ok {
			if i.IsInt64() {
				return t.int(n, i.Int64())
			}
			return &syntax.Literal{Token: syntax.INT, TokenPos: t.pos(n), Value: i}
		}
		t.fail(n, Syntax, "this is not a number", "")
		return t.none(n)
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil && !strings.Contains(err.Error(), "range") {
		t.fail(n, Syntax, "this is not a number", "")
	}
	return &syntax.Literal{Token: syntax.FLOAT, TokenPos: t.pos(n), Value: f}
}

// stringExpr translates a string, an f-string, or several side by side.
func (t *translator) stringExpr(n *node) syntax.Expr {
	pieces := []*node{n}
	if n.kind == "concatenated_string" {
		pieces = n.nodes()
	}
	var parts []syntax.Expr
	var plain strings.Builder
	bytes := false
	flush := func() {
		if plain.Len() > 0 {
			parts = append(parts, t.str(n, plain.String()))
			plain.Reset()
		}
	}
	for _, piece := range pieces {
		prefix := stringPrefix(piece.text(t.src))
		bytes = bytes || strings.Contains(prefix, "b")
		raw := strings.Contains(prefix, "r")
		for _, k := range piece.kids {
			switch k.kind {
			case "string_content":
				plain.WriteString(t.content(k, raw, strings.Contains(prefix, "f"), strings.Contains(prefix, "b")))
			case "interpolation":
				if _, constant := t.debugText(k); constant != "" {
					plain.WriteString(constant)
				}
				flush()
				parts = append(parts, t.interpolation(k))
			}
		}
	}
	if bytes {
		return &syntax.Literal{Token: syntax.BYTES, TokenPos: t.pos(n), Value: plain.String()}
	}
	if len(parts) == 0 {
		return t.str(n, plain.String())
	}
	flush()
	return t.help(n, "fstring", parts...)
}

// stringPrefix returns the letters before the quotes, in lower case.
func stringPrefix(text string) string {
	end := strings.IndexAny(text, `"'`)
	if end < 0 {
		return ""
	}
	return strings.ToLower(text[:end])
}

// content decodes the text between quotes, or between two interpolations.
func (t *translator) content(n *node, raw, format, bytes bool) string {
	text := t.text(n)
	if format {
		text = strings.ReplaceAll(strings.ReplaceAll(text, "{{", "{"), "}}", "}")
	}
	if raw || !strings.Contains(text, `\`) {
		return text
	}
	return t.unescape(n, text, bytes)
}

var escapes = map[byte]string{
	'\n': "", '\\': `\`, '\'': "'", '"': `"`, 'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v",
}

func (t *translator) unescape(n *node, text string, bytes bool) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 >= len(text) {
			b.WriteByte(text[i])
			continue
		}
		i++
		if plain, ok := escapes[text[i]]; ok {
			b.WriteString(plain)
			continue
		}
		width := map[byte]int{'x': 2, 'u': 4, 'U': 8}[text[i]]
		base, digits := 16, ""
		switch {
		case width > 0 && i+width < len(text):
			digits = text[i+1 : i+1+width]
			i += width
		case text[i] >= '0' && text[i] <= '7':
			base, digits = 8, octal(text[i:])
			i += len(digits) - 1
		case text[i] == 'N':
			t.refuse(n, `an escape by name (\N{…})`)
			return ""
		default:
			b.WriteByte('\\')
			b.WriteByte(text[i])
			continue
		}
		code, err := strconv.ParseUint(digits, base, 32)
		if err != nil || code > utf8.MaxRune {
			t.fail(n, Syntax, "a wrong escape in a string", "")
			return ""
		}
		if bytes {
			b.WriteByte(byte(code))
		} else {
			b.WriteRune(rune(code))
		}
	}
	return b.String()
}

// octal returns the up to three octal digits that text starts with.
func octal(text string) string {
	n := 0
	for n < len(text) && n < 3 && text[n] >= '0' && text[n] <= '7' {
		n++
	}
	return text[:n]
}

// interpolation translates {value!conversion:format} into a call that makes its
// text.
func (t *translator) interpolation(n *node) syntax.Expr {
	expression := n.child("expression")
	if expression == nil {
		t.fail(n, Syntax, "an empty expression in an f-string", "")
		return t.none(n)
	}
	debug, _ := t.debugText(n)
	conversion, spec := "", syntax.Expr(t.str(n, ""))
	if debug {
		conversion = "r"
	}
	for _, k := range n.kids {
		switch k.kind {
		case "type_conversion":
			conversion = strings.TrimPrefix(t.text(k), "!")
		case "format_specifier":
			spec = t.formatSpecifier(k)
			if debug {
				conversion = ""
			}
		}
	}
	return t.help(n, "format", t.expr(expression), t.str(n, conversion), spec)
}

// debugText recognises {value=}, which also gives its own text.
func (t *translator) debugText(n *node) (bool, string) {
	expression := n.child("expression")
	if expression == nil || !n.has("=") {
		return false, ""
	}
	end := n.end - 1
	for _, k := range n.kids {
		if k.kind == "type_conversion" || k.kind == "format_specifier" {
			end = min(end, k.start)
		}
	}
	return true, string(t.src[n.start+1 : end])
}

// formatSpecifier translates what stands behind the colon, which may hold
// interpolations of its own.
func (t *translator) formatSpecifier(n *node) syntax.Expr {
	parts := []syntax.Expr{}
	at := n.start + 1
	for _, k := range n.kids {
		if k.kind != "format_expression" && k.kind != "interpolation" {
			continue
		}
		parts = append(parts, t.str(n, string(t.src[at:k.start])), t.interpolation(k))
		at = k.end
	}
	return t.help(n, "fstring", append(parts, t.str(n, string(t.src[at:n.end])))...)
}
