// Package httpapi serves features over HTTP: to Feast's clients as Feast's
// server does, and as rows by the entities' keys.
//
//	POST /get-online-features   Feast's request and answer
//	POST /search                the entities whose vectors are nearest
//	POST /push, /write-to-online-store, /materialize, /materialize-incremental
//	                            Feast's requests to write
//	GET  /materialize/jobs, /materialize/jobs/{id}
//	                            what became of materializations
//	GET  /features/{key}        the features of one entity
//	GET  /features              those of several, or of composite keys
//	GET  /health                whether the process lives
//	GET  /ready                 whether it can answer: registry and online store
//	GET  /openapi.json          these routes as an OpenAPI document
//	GET  /metrics               what Options.Metrics answers
//	     /pipelines, /runs      what Options.Pipelines answers
//
// A caller's mistake is a 4xx with a sentence. A store that is down or slow is
// a 503 within a bounded time, and so is more work than the server takes on at
// once. With a Guard, every route but /health, /ready and /openapi.json needs a
// token, and what is read a permission. Answers are appended from the bytes that the online store holds.
package httpapi

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/asof-dev/asof/materialize"
	"github.com/asof-dev/asof/permission"
	"github.com/asof-dev/asof/pipelineapi"
	"github.com/asof-dev/asof/push"
	"github.com/asof-dev/asof/serving"
)

// Options are what a handler works on. Only Reader is needed.
type Options struct {
	Reader *serving.Reader

	// Features are what GET /features/{key} answers where the request names
	// none: references or names of features. Without them it is all online
	// features of the project's only entity.
	Features []string
	Timeout  time.Duration // of one request's read; 0 is 5 s
	Load     *serving.Load // of reads; nil is serving.NewReadLoad(0)
	MaxBody  int64         // bytes of a request; 0 is 8 MiB
	// What is written, and how long it may take; without these there are no such
	// routes.
	Pusher       *push.Pusher
	WriteTimeout time.Duration // of one request's rows; 0 is 30 s
	MaxWrite     int64         // bytes of one request's rows; 0 is 64 MiB
	Materializer func(context.Context) (*materialize.Materializer, error)
	Jobs         *materialize.Jobs // of Materializer

	Log *slog.Logger // gets what no caller can set right; nil for nowhere

	// Freshness returns the header Asof-Freshness of an answer that holds values
	// of the views; "" for none. Nil: there is no such header.
	Freshness func(views iter.Seq[string]) string

	Guard    *permission.Guard // says who may ask; nil for everybody
	Observer serving.Observer  // is told what became of each request; nil for nobody
	Metrics  http.Handler      // answers GET /metrics; nil for no such route

	Pipelines http.Handler // of package pipelineapi; nil for no such routes
}

// Writes are bounded by their bytes, bytesPerWrite of which count as one more.
const (
	writesAtOnce  = 256
	bytesPerWrite = 1 << 20
)

type handler struct {
	Options
	writes   *serving.Load
	document []byte       // OpenAPI's
	logged   atomic.Int64 // when an unanswered request was last logged, in seconds since 1970
}

// New makes the handler of all routes.
func New(o Options) http.Handler {
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	if o.MaxBody == 0 {
		o.MaxBody = 8 << 20
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.WriteTimeout, o.MaxWrite = cmp.Or(o.WriteTimeout, 30*time.Second), cmp.Or(o.MaxWrite, 64<<20)
	if o.Load == nil {
		o.Load = serving.NewReadLoad(0)
	}
	return &handler{Options: o, document: openapi(o.Reader.MaxEntities, o.Pipelines != nil),
		writes: serving.NewLoad(writesAtOnce, bytesPerWrite, fmt.Sprintf("%d writes at once (a mebibyte counts as one more)", writesAtOnce))}
}

// ServeHTTP answers, and tells the observer.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.Observer == nil {
		h.route(w, r)
		return
	}
	o := observe(w, r)
	h.route(o, r)
	o.end(r, h.Observer)
}

// route finds the route. The path is taken as it was sent, so that a key may
// hold an escaped slash.
func (h *handler) route(w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	if r = h.admitted(w, r, path); r == nil {
		return
	}
	switch path {
	case "/get-online-features":
		allow(w, r, h.online, http.MethodPost)
	case "/search", "/retrieve-online-documents": // the latter as Feast's clients called it before
		allow(w, r, h.search, http.MethodPost)
	case "/push":
		allow(w, r, h.push, http.MethodPost)
	case "/write-to-online-store":
		allow(w, r, h.writeOnline, http.MethodPost)
	case "/materialize":
		allow(w, r, h.materialize, http.MethodPost)
	case "/materialize-incremental":
		allow(w, r, h.materializeIncremental, http.MethodPost)
	case "/materialize/jobs":
		allow(w, r, h.jobs, http.MethodGet, http.MethodHead)
	case "/features":
		allow(w, r, h.entities, http.MethodGet, http.MethodHead)
	case "/health":
		allow(w, r, h.health, http.MethodGet, http.MethodHead)
	case "/ready":
		allow(w, r, h.ready, http.MethodGet, http.MethodHead)
	case "/openapi.json":
		allow(w, r, h.openapi, http.MethodGet, http.MethodHead)
	case "/metrics":
		allow(w, r, h.metrics, http.MethodGet, http.MethodHead)
	default:
		if h.Pipelines != nil && pipelineapi.Route(path) != "" {
			h.Pipelines.ServeHTTP(w, r)
			return
		}
		if id, ok := strings.CutPrefix(path, "/materialize/jobs/"); ok {
			allow(w, r, func(w http.ResponseWriter, r *http.Request) { h.job(w, r, id) }, http.MethodGet, http.MethodHead)
			return
		}
		escaped, ok := strings.CutPrefix(path, "/features/")
		key, err := url.PathUnescape(escaped)
		if !ok || err != nil || escaped == "" || strings.Contains(escaped, "/") {
			writeDetail(w, http.StatusNotFound, "Not Found")
			return
		}
		allow(w, r, func(w http.ResponseWriter, r *http.Request) { h.entity(w, r, key) }, http.MethodGet, http.MethodHead)
	}
}

// allow calls serve for the methods given and refuses others.
func allow(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc, methods ...string) {
	for _, m := range methods {
		if r.Method == m {
			serve(w, r)
			return
		}
	}
	w.Header().Set("Allow", strings.Join(methods, ", "))
	writeDetail(w, http.StatusMethodNotAllowed, "Method Not Allowed")
}

func (h *handler) health(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, []byte(`{"status":"ok"}`))
}

func (h *handler) metrics(w http.ResponseWriter, r *http.Request) {
	if h.Metrics == nil {
		writeDetail(w, http.StatusNotFound, "Not Found")
		return
	}
	h.Metrics.ServeHTTP(w, r)
}

func (h *handler) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), h.Timeout)
	defer cancel()
	if err := h.Reader.Ready(ctx); err != nil {
		_, sentence := h.judge(r, err)
		writeDetail(w, http.StatusServiceUnavailable, sentence)
		return
	}
	write(w, http.StatusOK, []byte(`{"status":"ready"}`))
}
