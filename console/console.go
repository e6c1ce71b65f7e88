// Package console is the feature store as web pages: what is defined, what
// reads what, and how the data stands. Pages are rendered on the server, work
// without a script, and load nothing from outside. Each has an address that can
// be shared and, by ?format=json or the header Accept, the same as JSON.
//
// A page is added by four things: a file PAGE.go with the function that
// gathers its data (a struct with JSON tags, which is the JSON form too), a
// template page/PAGE.html that defines "main", its texts in text/en.txt and
// text/fr.txt (a test holds both complete), and one line in the table of
// routes, route.go. The test of the browser follows links: a page that is linked
// from another one is tested.
//
// What changes something is an [action], a line in the table of actions beside
// that of routes, with a function that asks and one that does. GET shows its
// form, if it has inputs, or the question; POST asks for the second time, saying
// what will happen, and with "sure=yes" does it, between the two halves of a
// record of who did what. It has to come from a page of the console, with the
// token that [protection] gives to forms, and is refused with 403 where the
// console is open to other machines and asks for no tokens. On success the
// browser is led to a page that shows, once, what was done. A page offers an
// action by a link to its path, where the caller may do it.
//
// Parts of a page that change by themselves are templates of their own, each in
// an element with the template's name as id, and named by the route: while the
// page is open, they are sent to it when they are other ones (/live/PAGE). Data
// with a method Settled says when that ends.
package console

import (
	"context"
	"embed"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/chart"
	"github.com/asof-dev/asof/historical"
	"github.com/asof-dev/asof/metric"
	"github.com/asof-dev/asof/permission"
)

// Options are what a console shows. Project, Registry and Ledger are needed.
type Options struct {
	Project    string
	Registry   asof.Registry
	Ledger     func(context.Context) (asof.Ledger, error)
	Runs       func(context.Context) (asof.RunStore, error)        // of pipelines; nil: neither runs nor actions
	Pipelines  *Pipelines                                          // nil: no pages of pipelines
	Statistics func(context.Context) (asof.StatisticsStore, error) // of features, and verdicts of drift; nil: none are kept
	Traffic    func() ([]metric.Traffic, time.Duration)            // what this process answers, and of how long; nil: nothing
	Calendars  asof.Calendars                                      // by which the data of views comes
	Places     func(context.Context) map[asof.Ref]asof.Place       // where definitions stand in files; nil: not known
	History    func(context.Context) (asof.DefinitionLog, error)   // of definitions; nil: none is kept
	Lookup     *Lookup                                             // nil: values are not looked up
	Guard      *permission.Guard                                   // nil: everybody sees everything
	RootPath   string                                              // before every path, where a proxy puts the console below one: "/asof"
	User       string                                              // who acts where no tokens are asked for: the local user
	Local      bool                                                // it listens on this machine alone
	Timeout    time.Duration                                       // of one page; 0 is 10 s
	Log        *slog.Logger                                        // gets what failed; nil for nowhere

	Training *historical.Sets  // nil: no training sets
	Login    *permission.Login // signs browsers in as callers of Guard; nil: each request brings a token
	URL      string            // of the console as browsers see it, RootPath included; "": where they send their requests
	Stopping <-chan struct{}   // closed when the server stops: what follows something ends; nil: never
}

// Console answers requests for pages. It may be used by several goroutines.
type Console struct {
	o         Options
	mux       *http.ServeMux
	streams   chan struct{} // a place for each page that is followed
	protect   *protection
	languages []*language
	templates map[string]map[string]*template.Template // by language, then page
	views     views
	sessions  sessions
	exports   atomic.Int64 // files that are being converted

	loaded   kept[ledgerViews]      // how every view stands
	shown    kept[ledgerViews]      // all runs of the views that a page shows
	verdicts kept[[]asof.ViewDrift] // the newest of each view and source, without features

	tried atomic.Pointer[string] // the state of the registry that was noted last, or tried to be
	noted atomic.Pointer[notedState]
}

//go:embed asset page text
var files embed.FS

// New makes a console. RootPath may have or lack slashes around it.
func New(o Options) (*Console, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.RootPath = strings.Trim(o.RootPath, "/"); o.RootPath != "" {
		o.RootPath = "/" + o.RootPath
	}
	o.URL = strings.TrimRight(o.URL, "/")
	languages, err := loadLanguages()
	if err != nil {
		return nil, err
	}
	c := &Console{o: o, mux: http.NewServeMux(), streams: make(chan struct{}, mostStreams), languages: languages, protect: newProtection(o), templates: map[string]map[string]*template.Template{}}
	for _, l := range languages {
		if c.templates[l.code], err = c.parse(l); err != nil {
			return nil, err
		}
	}
	c.mux.HandleFunc("GET /asset/{name}", c.asset)
	for _, p := range routes {
		c.mux.HandleFunc("GET "+p.path, func(w http.ResponseWriter, r *http.Request) { c.show(w, r, p) })
		if len(p.live) > 0 {
			c.mux.HandleFunc("GET "+livePath+p.path, func(w http.ResponseWriter, r *http.Request) { c.live(w, r, p) })
		}
	}
	for _, p := range streams {
		c.mux.HandleFunc("GET "+p.path, func(w http.ResponseWriter, r *http.Request) { c.stream(w, r, p) })
	}
	for _, a := range actions {
		act := func(w http.ResponseWriter, r *http.Request) { c.act(w, r, a) }
		c.mux.HandleFunc("GET "+a.path, act)
		c.mux.HandleFunc("POST "+a.path, act)
	}
	c.mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		c.fail(w, r, asof.Errorf(asof.CodeNotFound, "there is no page %s; the catalog is at %s/catalog", r.URL.Path, o.RootPath))
	})
	return c, nil
}

// contentPolicy lets a page load what the console itself serves, and nothing run
// that is written into it.
const contentPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// ServeHTTP answers one request.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if below, ok := strings.CutPrefix(r.URL.Path, c.o.RootPath+"/"); ok && c.o.RootPath != "" {
		r = r.Clone(r.Context())
		r.URL.Path, r.URL.RawPath = "/"+below, ""
	}
	ctx := r.Context()
	most, within := c.bounds(r)
	if within > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, within)
		defer cancel()
		r = r.WithContext(ctx)
	}
	if within > c.o.Timeout { // longer than the server lets others send
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(within))
	}
	if !strings.HasPrefix(r.URL.Path, "/asset/") { // those are the same for everybody
		if err := c.protect.known(r); err != nil {
			c.fail(w, r, err)
			return
		}
		if c.signing(w, r) {
			return
		}
		admitted, err := c.admit(r)
		if err != nil {
			c.turnAway(w, r, err)
			return
		}
		r = r.WithContext(admitted)
	}
	if r.Body != nil {
		r.Body = http.MaxBytesReader(w, r.Body, most)
	}
	err := c.protect.check(r)
	if r.MultipartForm != nil {
		defer r.MultipartForm.RemoveAll() // what of it is on disk
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.mux.ServeHTTP(w, r)
}

// asset serves a style sheet or a script.
func (c *Console) asset(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "max-age=300")
	if r.PathValue("name") == "chart.css" {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		_, _ = io.WriteString(w, chart.CSS)
		return
	}
	http.ServeFileFS(w, r, files, "asset/"+r.PathValue("name"))
}
