package ondemand

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.starlark.net/starlark"

	"github.com/asof-dev/asof/python"
)

// textMethods are those of .str. A null gives a null.
var textMethods = map[string]method{
	"lower":        eachText(python.Lower),
	"upper":        eachText(python.Upper),
	"strip":        trim(true, true),
	"lstrip":       trim(true, false),
	"rstrip":       trim(false, true),
	"len":          textLength,
	"contains":     findPattern,
	"startswith":   affix(strings.HasPrefix),
	"endswith":     affix(strings.HasSuffix),
	"replace":      replaceText,
	"slice":        sliceText,
	"get":          characterAt,
	"zfill":        zeroFill,
	"cat":          joinText,
	"isdigit":      eachCharacter(func(r rune) bool { return unicode.Is(unicode.Nd, r) || superscript(r) }),
	"isalpha":      eachCharacter(unicode.IsLetter),
	"removeprefix": cutAffix(strings.TrimPrefix),
	"removesuffix": cutAffix(strings.TrimSuffix),
}

// superscript tells of the digits that are not decimal ones.
func superscript(r rune) bool {
	return strings.ContainsRune("²³¹⁰⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉", r)
}

// onTexts makes a column of kind k from the texts that are there.
func onTexts(s *series, k kind, f func(text string, i int, out *vector) error) (*vector, error) {
	out := newVector(k, s.n)
	for i := range s.n {
		if s.isNull(i) {
			out.setNull(i)
			continue
		}
		if s.kind != kindText {
			return nil, fmt.Errorf(".str is for texts, and these are %s", s.kind)
		}
		if err := f(s.texts[i], i, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func eachText(f func(string) string) method {
	return func(s *series, a *arguments) (*vector, error) {
		if err := a.unpack(); err != nil {
			return nil, err
		}
		return onTexts(s, kindText, func(t string, i int, out *vector) error { out.texts[i] = f(t); return nil })
	}
}

func eachCharacter(f func(rune) bool) method {
	return func(s *series, a *arguments) (*vector, error) {
		if err := a.unpack(); err != nil {
			return nil, err
		}
		return onTexts(s, kindBool, func(t string, i int, out *vector) error {
			out.bools[i] = t != "" && strings.IndexFunc(t, func(r rune) bool { return !f(r) }) < 0
			return nil
		})
	}
}

func trim(left, right bool) method {
	return func(s *series, a *arguments) (*vector, error) {
		var set starlark.Value = starlark.None
		if err := a.unpack("to_strip?", &set); err != nil {
			return nil, err
		}
		in := python.IsSpace
		if chars, ok := starlark.AsString(set); ok {
			in = func(r rune) bool { return strings.ContainsRune(chars, r) }
		}
		return onTexts(s, kindText, func(t string, i int, out *vector) error {
			if left {
				t = strings.TrimLeftFunc(t, in)
			}
			if right {
				t = strings.TrimRightFunc(t, in)
			}
			out.texts[i] = t
			return nil
		})
	}
}

func textLength(s *series, a *arguments) (*vector, error) {
	if err := a.unpack(); err != nil {
		return nil, err
	}
	if s.kind != kindObject {
		return onTexts(s, kindInt, func(t string, i int, out *vector) error {
			out.ints[i] = int64(utf8.RuneCountInString(t))
			return nil
		})
	}
	out := newVector(kindInt, s.n)
	for i := range s.n {
		n := -1
		if !s.isNull(i) {
			n = starlark.Len(s.objects[i])
		}
		if n < 0 {
			out.setNull(i)
		} else {
			out.ints[i] = int64(n)
		}
	}
	return out, nil
}

func affix(has func(s, part string) bool) method {
	return func(s *series, a *arguments) (*vector, error) {
		var pat, na starlark.Value = nil, starlark.None
		if err := a.unpack("pat", &pat, "na?", &na); err != nil {
			return nil, err
		}
		parts, ok := pat.(starlark.Tuple)
		if !ok {
			parts = starlark.Tuple{pat}
		}
		out, err := onTexts(s, kindBool, func(t string, i int, out *vector) error {
			for _, p := range parts {
				text, ok := starlark.AsString(p)
				if !ok {
					return fmt.Errorf("%s needs a text, not %s", a.method, p.Type())
				}
				out.bools[i] = out.bools[i] || has(t, text)
			}
			return nil
		})
		return defaulted(s.run, out, na, err)
	}
}

func cutAffix(cut func(s, part string) string) method {
	return func(s *series, a *arguments) (*vector, error) {
		var part string
		if err := a.unpack("part", &part); err != nil {
			return nil, err
		}
		return onTexts(s, kindText, func(t string, i int, out *vector) error { out.texts[i] = cut(t, part); return nil })
	}
}

func sliceText(s *series, a *arguments) (*vector, error) {
	var start, stop starlark.Value = starlark.None, starlark.None
	if err := a.unpack("start?", &start, "stop?", &stop); err != nil {
		return nil, err
	}
	bound := func(v starlark.Value, none, n int) (int, error) {
		if v == starlark.None {
			return none, nil
		}
		i, err := starlark.AsInt32(v)
		if i < 0 {
			i = max(i+n, 0)
		}
		return min(i, n), err
	}
	return onTexts(s, kindText, func(t string, i int, out *vector) error {
		runes := []rune(t)
		from, err := bound(start, 0, len(runes))
		if err != nil {
			return err
		}
		to, err := bound(stop, len(runes), len(runes))
		if err == nil {
			out.texts[i] = string(runes[from:max(from, to)])
		}
		return err
	})
}

func characterAt(s *series, a *arguments) (*vector, error) {
	var at int
	if err := a.unpack("i", &at); err != nil {
		return nil, err
	}
	return onTexts(s, kindText, func(t string, i int, out *vector) error {
		runes := []rune(t)
		k := at
		if k < 0 {
			k += len(runes)
		}
		if k < 0 || k >= len(runes) {
			out.setNull(i)
		} else {
			out.texts[i] = string(runes[k])
		}
		return nil
	})
}

func zeroFill(s *series, a *arguments) (*vector, error) {
	var width int
	if err := a.unpack("width", &width); err != nil {
		return nil, err
	}
	if width > 1000 {
		return nil, errors.New("zfill is for at most 1000 characters")
	}
	return onTexts(s, kindText, func(t string, i int, out *vector) error {
		sign := ""
		if strings.HasPrefix(t, "-") || strings.HasPrefix(t, "+") {
			sign = t[:1]
		}
		missing := max(width-utf8.RuneCountInString(t), 0)
		out.texts[i] = sign + strings.Repeat("0", missing) + t[len(sign):]
		return nil
	})
}

func joinText(s *series, a *arguments) (*vector, error) {
	var others starlark.Value
	sep := ""
	var na starlark.Value = starlark.None
	if err := a.unpack("others", &others, "sep?", &sep, "na_rep?", &na); err != nil {
		return nil, err
	}
	right, err := s.run.vector(others)
	if err != nil {
		return nil, err
	}
	left := s.vector
	if left, err = defaulted(s.run, left, na, nil); err != nil {
		return nil, err
	}
	if right, err = defaulted(s.run, right, na, nil); err != nil {
		return nil, err
	}
	middle, err := repeated(starlark.String(sep), s.n)
	if err != nil {
		return nil, err
	}
	half, err := arithmetic("+", left, middle)
	if err != nil {
		return nil, err
	}
	return arithmetic("+", half, right)
}
