package python

import (
	"fmt"
	"strings"
	"unicode"

	"go.starlark.net/starlark"
	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// Lower and Upper are Python's lower and upper, which know letters that become
// two, and the sigma at the end of a word.
func Lower(s string) string { return cases.Lower(language.Und).String(s) }

// Upper is described with Lower.
func Upper(s string) string { return cases.Upper(language.Und).String(s) }

// IsSpace tells of what Python takes for white space.
func IsSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// stripText is strip, lstrip or rstrip.
func stripText(s, name string, args starlark.Tuple) (starlark.Value, error) {
	in := IsSpace
	if len(args) == 1 && args[0] != starlark.None {
		set, ok := starlark.AsString(args[0])
		if !ok {
			return nil, fmt.Errorf("%s needs a text, not %s", name, args[0].Type())
		}
		in = func(r rune) bool { return strings.ContainsRune(set, r) }
	}
	if name != "rstrip" {
		s = strings.TrimLeftFunc(s, in)
	}
	if name != "lstrip" {
		s = strings.TrimRightFunc(s, in)
	}
	return starlark.String(s), nil
}
