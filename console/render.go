package console

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/chart"
	"github.com/asof-dev/asof/freshness"
)

// request is a request for a page: what is registered, as its caller may see it.
type request struct {
	*http.Request
	*view
	lang   *language
	form   url.Values // of an action: what was filled in
	unread error      // why there is no view; only pages that are always shown are asked then
}

// say returns a text in the caller's language.
func (r *request) say(key string, args ...any) string {
	text, err := r.lang.text(key, args...)
	if err != nil { // a test holds the catalogues complete
		return key
	}
	return text
}

// sheet is what a template is given.
type sheet struct {
	Language, Theme   string
	Name, Title, Menu string // of the page; Title "" is the text NAME.title
	Project           string
	Said              string // what became of an action that led here
	Actions           bool   // they are kept, and can be looked at
	Languages, Themes []option
	Menus             []string
	SignedIn, Token   string // who has signed in by this browser, and the token of the form that signs them out
	JSON              string // the address of the JSON form
	Live              string // of what follows the page; "" where nothing changes by itself
	Data              any
}

// option is one choice of a switch.
type option struct {
	Value, Text, Href string
	Chosen            bool
}

// show answers with a page.
func (c *Console) show(w http.ResponseWriter, r *http.Request, p route) {
	v, err := c.view(r.Context())
	if err != nil && !p.always {
		c.fail(w, r, err)
		return
	}
	data, err := p.gather(r.Context(), c, &request{Request: r, view: v, lang: c.languageOf(w, r), unread: err})
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.answer(w, r, http.StatusOK, p, data)
}

// answer writes data as JSON or as its page. Nothing is written before the
// whole page is there.
func (c *Console) answer(w http.ResponseWriter, r *http.Request, status int, p route, data any) {
	w.Header().Add("Vary", "Accept, Accept-Language, Cookie")
	var out bytes.Buffer
	var err error
	if wantsJSON(r) {
		w.Header().Set("Content-Type", "application/json")
		encoder := json.NewEncoder(&out)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(data)
	} else {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		l := c.languageOf(w, r)
		w.Header().Set("Content-Language", l.code)
		err = c.templates[l.code][p.name].ExecuteTemplate(&out, "layout.html", c.sheet(w, r, l, p, data))
	}
	if err != nil {
		c.o.Log.Error("a page could not be made", "path", r.URL.Path, "error", err)
		http.Error(w, "the page could not be made; the server's log says why", http.StatusInternalServerError)
		return
	}
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // a client that is gone is told nothing
}

func (c *Console) sheet(w http.ResponseWriter, r *http.Request, l *language, p route, data any) sheet {
	theme := choice(w, r, "theme", themeCookie, "auto", "light", "dark")
	s := sheet{Language: l.code, Theme: theme, Name: p.name, Menu: p.menu, Project: c.o.Project, Said: c.protect.said(w, r), Actions: c.o.Runs != nil, Data: data, Menus: menu}
	with := func(key, value string) string {
		query := r.URL.Query()
		for _, once := range []string{"lang", "theme", "format"} {
			query.Del(once)
		}
		query.Set(key, value)
		return c.o.RootPath + (&url.URL{Path: r.URL.Path}).EscapedPath() + "?" + query.Encode()
	}
	s.JSON = with("format", "json")
	if one := signedIn(r.Context()); one != nil {
		s.SignedIn, s.Token = one.Name, c.protect.token(w, r)
	}
	if page, ok := data.(settled); len(p.live) > 0 && !(ok && page.Settled()) {
		s.Live = liveAddress(c.o.RootPath, r, data)
	}
	for _, other := range c.languages {
		s.Languages = append(s.Languages, option{other.code, other.name, with("lang", other.code), other == l})
	}
	for _, one := range []string{"auto", "light", "dark"} {
		s.Themes = append(s.Themes, option{one, "", with("theme", one), one == theme || one == "auto" && theme == ""})
	}
	if titled, ok := data.(interface{ title() string }); ok {
		s.Title = titled.title()
	}
	return s
}

func wantsJSON(r *http.Request) bool {
	switch r.URL.Query().Get("format") {
	case "json":
		return true
	case "html":
		return false
	}
	accept := r.Header.Get("Accept")
	return strings.Contains(accept, "application/json") && !strings.Contains(accept, "text/html")
}

// failure is the page of an error.
type failure struct {
	Status int    `json:"status"`
	Error  string `json:"error"`
	Login  string `json:"-"` // where to sign in, if that helps
	First  bool   `json:"-"` // nothing is defined yet, which is no failure
}

var statuses = map[asof.Code]int{asof.CodeInvalid: http.StatusBadRequest, asof.CodeNotFound: http.StatusNotFound, asof.CodeForbidden: http.StatusForbidden,
	asof.CodeUnauthenticated: http.StatusUnauthorized, asof.CodeUnavailable: http.StatusServiceUnavailable, asof.CodeConflict: http.StatusConflict}

// fail answers with the page of an error. What is nobody's mistake is told to
// the log alone.
func (c *Console) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, ok := statuses[asof.ErrorCode(err)]
	f := failure{Status: status, Error: err.Error(), First: errors.Is(err, errUndefined)}
	if !ok {
		c.o.Log.Error("a page failed", "path", r.URL.Path, "error", err)
		f = failure{Status: http.StatusInternalServerError, Error: "the server failed; its log says why"}
	}
	if f.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
		f.Login = c.signInPath(r)
	}
	c.answer(w, r, f.Status, route{name: "error"}, f)
}

// took says how long something took, in units that all languages share; "–"
// where it has not ended.
func took(from, to time.Time) string {
	d := to.Sub(from)
	switch {
	case from.IsZero() || to.Before(from):
		return "–"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}

// parse reads the templates for a language.
func (c *Console) parse(l *language) (map[string]*template.Template, error) {
	functions := template.FuncMap{
		"t": l.text,
		"step": func(step string) string { // its name is another package's
			if text, err := l.text("job.step." + step); err == nil {
				return text
			}
			return step
		},
		"path": func(path string) string {
			if strings.HasPrefix(path, "#") {
				return path
			}
			return c.o.RootPath + path
		},
		"menu":    menuPath,
		"words":   strings.Fields,
		"mark":    func(arrival string) string { return marks[freshness.Arrival(arrival)] },
		"took":    took,
		"minutes": func(d time.Duration) string { return l.decimal(max(math.Ceil(d.Minutes()), 1), 0) },
		"decimal": l.decimal,
		"percent": func(part, of uint64) string { return l.decimal(100*float64(part)/float64(max(of, 1)), 1) + " %" },
		"share": func(part float64) string {
			if math.IsNaN(part) {
				return "–"
			}
			return l.decimal(100*part, 1) + " %"
		},
		"millis": func(d time.Duration) string { return l.decimal(float64(d)/float64(time.Millisecond), 1) + " ms" },
		"time":   minute,
		"moment": moment,
		"exact":  func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) },
		"short":  short,
		"firstline": func(text string) string {
			line, _, _ := strings.Cut(text, "\n")
			return chart.Shortened(line, lineLetters)
		},
	}
	pages := map[string]*template.Template{}
	names := []string{"error", "action", "logout"}
	for _, p := range routes {
		names = append(names, p.name)
	}
	for _, name := range slices.Compact(names) {
		parsed, err := template.New("layout.html").Funcs(functions).ParseFS(files, "page/layout.html", "page/part.html", "page/"+name+".html")
		if err != nil {
			return nil, err
		}
		pages[name] = parsed
	}
	return pages, nil
}
