package console

import (
	"fmt"
	"io/fs"
	"net/http"
	"strconv"
	"strings"

	xlanguage "golang.org/x/text/language"
)

// language is a catalogue of texts.
type language struct {
	code, name string
	texts      map[string]string
}

// loadLanguages reads text/CODE.txt, English first: it is what is shown to
// whoever asks for none of them.
func loadLanguages() (list []*language, err error) {
	for _, l := range []*language{{code: "en", name: "English"}, {code: "fr", name: "Français"}} {
		text, err := fs.ReadFile(files, "text/"+l.code+".txt")
		if err != nil {
			return nil, err
		}
		l.texts = map[string]string{}
		for line := range strings.Lines(string(text)) {
			key, value, ok := strings.Cut(strings.TrimSpace(line), " = ")
			if _, twice := l.texts[key]; !ok || twice {
				return nil, fmt.Errorf("text/%s.txt: %q is no KEY = TEXT, or its key is there twice", l.code, line)
			}
			l.texts[key] = value
		}
		list = append(list, l)
	}
	return list, nil
}

// text returns a text with its arguments. A key that the catalogue lacks is an
// error: a page with holes is not shown.
func (l *language) text(key string, args ...any) (string, error) {
	text, ok := l.texts[key]
	if !ok {
		return "", fmt.Errorf("text/%s.txt has no %q", l.code, key)
	}
	if len(args) > 0 {
		text = fmt.Sprintf(text, args...)
	}
	return text, nil
}

// decimal writes a number with so many digits behind its point, which is a comma
// in French.
func (l *language) decimal(n float64, digits int) string {
	text := strconv.FormatFloat(n, 'f', digits, 64)
	if l.code == "fr" {
		return strings.Replace(text, ".", ",", 1)
	}
	return text
}

const (
	languageCookie = "asof_language"
	themeCookie    = "asof_theme"
)

// choice returns what the address asks for by a parameter, and remembers it;
// else what was remembered.
func choice(w http.ResponseWriter, r *http.Request, parameter, cookie string, among ...string) string {
	asked, remembered := r.URL.Query().Get(parameter), ""
	if c, err := r.Cookie(cookie); err == nil {
		remembered = c.Value
	}
	for _, one := range among {
		if one == asked {
			http.SetCookie(w, &http.Cookie{Name: cookie, Value: one, Path: "/", MaxAge: 365 * 24 * 3600, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: secure(r)})
			return one
		}
	}
	for _, one := range among {
		if one == remembered {
			return one
		}
	}
	return ""
}

// languageOf returns the language of a request: the one chosen, else the
// browser's.
func (c *Console) languageOf(w http.ResponseWriter, r *http.Request) *language {
	var codes []string
	var tags []xlanguage.Tag
	for _, l := range c.languages {
		codes, tags = append(codes, l.code), append(tags, xlanguage.Make(l.code))
	}
	chosen := choice(w, r, "lang", languageCookie, codes...)
	for _, l := range c.languages {
		if l.code == chosen {
			return l
		}
	}
	_, i := xlanguage.MatchStrings(xlanguage.NewMatcher(tags), r.Header.Get("Accept-Language"))
	return c.languages[i]
}
