package ondemand

import (
	"fmt"
	"regexp"
	"strings"

	"go.starlark.net/starlark"
)

// special are the characters with a meaning in a pattern.
const special = `.^$*+?{}[]\|()`

// foreign are the parts of a pattern that Python reads in another way than RE2,
// or that RE2 does not know.
var foreign = regexp.MustCompile(`\\[wWsSbBDZz1-9]|\(\?[^:]`)

// pattern makes a search of a pattern of Python's.
func pattern(text string, regex, caseless bool) (*regexp.Regexp, error) {
	source := text
	if !regex {
		source = regexp.QuoteMeta(text)
	} else if strings.Contains(strings.ReplaceAll(text, `\\`, ""), `\d`) {
		source = strings.NewReplacer(`\\`, `\\`, `\d`, `\p{Nd}`).Replace(text)
	}
	if caseless {
		source = "(?i)" + source
	}
	re, err := regexp.Compile(source)
	if err != nil || regex && foreign.MatchString(strings.ReplaceAll(text, `\\`, "")) {
		return nil, unsupported(fmt.Sprintf("the pattern %q is used", text))
	}
	return re, nil
}

func findPattern(s *series, a *arguments) (*vector, error) {
	var pat string
	caseful, regex := true, true
	var na, flags starlark.Value = starlark.None, starlark.MakeInt(0)
	if err := a.unpack("pat", &pat, "case?", &caseful, "flags?", &flags, "na?", &na, "regex?", &regex); err != nil {
		return nil, err
	}
	re, err := pattern(pat, regex && strings.ContainsAny(pat, special), !caseful)
	if err != nil {
		return nil, err
	}
	out, err := onTexts(s, kindBool, func(t string, i int, out *vector) error { out.bools[i] = re.MatchString(t); return nil })
	return defaulted(s.run, out, na, err)
}

// defaulted puts na in the place of nulls, where it is given.
func defaulted(r *run, v *vector, na starlark.Value, err error) (*vector, error) {
	if err != nil || na == starlark.None {
		return v, err
	}
	filling, err := r.vector(na)
	if err != nil {
		return nil, err
	}
	return filled(v, filling)
}

func replaceText(s *series, a *arguments) (*vector, error) {
	var pat, with string
	n, regex := -1, false
	if err := a.unpack("pat", &pat, "repl", &with, "n?", &n, "regex?", &regex); err != nil {
		return nil, err
	}
	if !regex || !strings.ContainsAny(pat, special) {
		return onTexts(s, kindText, func(t string, i int, out *vector) error { out.texts[i] = strings.Replace(t, pat, with, n); return nil })
	}
	re, err := pattern(pat, true, false)
	if err != nil {
		return nil, err
	}
	if strings.Contains(with, `\`) || n >= 0 {
		return nil, unsupported("a replacement with groups, or of the first matches,")
	}
	return onTexts(s, kindText, func(t string, i int, out *vector) error {
		out.texts[i] = re.ReplaceAllLiteralString(t, with)
		return nil
	})
}
