// Package pipelineapi serves pipelines and their runs over HTTP, as JSON and as
// server-sent events.
//
//	GET  /pipelines                     the pipelines, their parameters and schedules
//	GET  /pipelines/{name}
//	GET  /pipelines/{name}/runs         its runs, newest first
//	POST /pipelines/{name}/runs         enters a run; Idempotency-Key: the same key, the same run
//	POST /pipelines/{name}/backfill     enters a run for each day or month of a range
//	POST /pipelines/{name}/pause        its schedules enter no runs, until
//	POST /pipelines/{name}/unpause
//	GET  /runs, /runs/{id}              runs, and one with its steps
//	GET  /runs/{id}/logs                lines of its log
//	GET  /runs/{id}/events              what becomes of it, as it happens
//	POST /runs/{id}/cancel, /runs/{id}/resume, /runs/{id}/rollback
//
// Runs are entered in the store; workers carry them out. A caller's mistake is a
// 4xx with a sentence. With a Guard, reading needs Feast's permission DESCRIBE on
// the project, and whatever changes something UPDATE.
package pipelineapi

import (
	"cmp"
	"context"
	_ "embed" // the document
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/permission"
	"github.com/asof-dev/asof/pipeline"
)

// Document holds the paths and the schemas of this package as an OpenAPI
// document does. It refers to the responses Mistake and Unavailable, which are
// those of package httpapi.
//
//go:embed openapi.json
var Document []byte

// Options are what a handler works on.
type Options struct {
	Project    string
	Store      func(context.Context) (asof.RunStore, error)
	Names      func() ([]string, error)                                     // of the pipelines
	Load       func(name string) (*pipeline.Pipeline, error)                // of one of the names
	RolledBack func(context.Context) (map[string]time.Time, error)          // when runs were rolled back, by their IDs
	Rollback   func(ctx context.Context, run string) (asof.Rollback, error) // of a run of the project
	Entered    func()                                                       // is told of new runs; nil for nobody
	Guard      *permission.Guard                                            // nil: everybody may do everything
	Snapshot   func(context.Context) (*asof.Snapshot, error)                // of the project, for the Guard
	Stopping   <-chan struct{}                                              // ends streams of events when it is closed; nil: never
	Log        *slog.Logger                                                 // gets what no caller can set right; nil for nowhere
}

// The limits of what one server does at once, and of a request.
const (
	mostRequests = 64
	mostStreams  = 64
	mostBody     = 1 << 20
	mostListed   = 1000
	mostKey      = 255
	timeout      = 10 * time.Second
	rollbackIn   = 10 * time.Minute
)

type handler struct {
	Options
	mux               *http.ServeMux
	requests, streams chan struct{} // a place for each at once
}

// New makes the handler of all routes.
func New(o Options) http.Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	h := &handler{Options: o, mux: http.NewServeMux(), requests: make(chan struct{}, mostRequests), streams: make(chan struct{}, mostStreams)}
	h.handle("/pipelines", route{get: h.pipelines})
	h.handle("/pipelines/{name}", route{get: h.pipeline})
	h.handle("/pipelines/{name}/runs", route{get: h.runs, post: h.enter})
	h.handle("/pipelines/{name}/backfill", route{post: h.backfill})
	h.handle("/pipelines/{name}/pause", route{post: h.pause(true)})
	h.handle("/pipelines/{name}/unpause", route{post: h.pause(false)})
	h.handle("/runs", route{get: h.runs})
	h.handle("/runs/{id}", route{get: h.run})
	h.handle("/runs/{id}/logs", route{get: h.logs})
	h.handle("/runs/{id}/cancel", route{post: h.change(asof.RunStore.Cancel)})
	h.handle("/runs/{id}/resume", route{post: h.change(asof.RunStore.Resume)})
	h.handle("/runs/{id}/rollback", route{post: h.rollback, within: rollbackIn})
	h.mux.HandleFunc("/runs/{id}/events", h.events)
	h.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { writeDetail(w, http.StatusNotFound, "Not Found") })
	return h
}

// Route returns the route of a path, with {name} and {id} for what differs; ""
// where the path is none of this package.
func Route(path string) string {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if parts[0] != "pipelines" && parts[0] != "runs" {
		return ""
	}
	if len(parts) > 1 {
		parts[1] = map[string]string{"pipelines": "{name}", "runs": "{id}"}[parts[0]]
	}
	route := "/" + strings.Join(parts, "/")
	if !routes[route] {
		return ""
	}
	return route
}

var routes = map[string]bool{"/pipelines": true, "/pipelines/{name}": true, "/pipelines/{name}/runs": true, "/pipelines/{name}/backfill": true,
	"/pipelines/{name}/pause": true, "/pipelines/{name}/unpause": true, "/runs": true, "/runs/{id}": true, "/runs/{id}/logs": true,
	"/runs/{id}/events": true, "/runs/{id}/cancel": true, "/runs/{id}/resume": true, "/runs/{id}/rollback": true}

// ServeHTTP answers.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

// route says what answers a path. GET describes, POST updates.
type route struct {
	get, post serving
	within    time.Duration // 0: timeout
}

// serving answers a request, out of the store of runs.
type serving func(*http.Request, asof.RunStore) (answer, error)

// answer is what a caller gets.
type answer struct {
	status   int // 0 is 200
	location string
	body     any
}

func (h *handler) handle(pattern string, to route) {
	h.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		serve, action := to.get, permission.Describe
		allowed := "GET, HEAD"
		if to.post != nil {
			allowed = strings.TrimPrefix(map[bool]string{true: "GET, HEAD"}[to.get != nil]+", POST", ", ")
		}
		switch {
		case r.Method == http.MethodPost:
			serve, action = to.post, permission.Update
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			serve = nil
		}
		if serve == nil {
			w.Header().Set("Allow", allowed)
			writeDetail(w, http.StatusMethodNotAllowed, "Method Not Allowed")
			return
		}
		if !take(w, h.requests) {
			return
		}
		defer func() { <-h.requests }()
		if to.within > 0 { // longer than the server lets others take
			control := http.NewResponseController(w)
			_ = control.SetReadDeadline(time.Now().Add(to.within))
			_ = control.SetWriteDeadline(time.Now().Add(to.within + 10*time.Second))
		}
		ctx, cancel := context.WithTimeout(r.Context(), cmp.Or(to.within, timeout))
		defer cancel()
		r = r.WithContext(ctx)
		r.Body = http.MaxBytesReader(w, r.Body, mostBody)
		var a answer
		store, err := h.admitted(ctx, action)
		if err == nil {
			a, err = serve(r, store)
		}
		if err != nil {
			h.fail(w, r, err)
			return
		}
		if a.location != "" {
			w.Header().Set("Location", a.location)
		}
		writeJSON(w, max(a.status, http.StatusOK), a.body)
	})
}

// take takes a place, or answers that there is none.
func take(w http.ResponseWriter, places chan struct{}) bool {
	select {
	case places <- struct{}{}:
		return true
	default:
		w.Header().Set("Retry-After", "1")
		writeDetail(w, http.StatusServiceUnavailable, "the server does as much at once as it takes on; try again")
		return false
	}
}

// admitted returns the store of runs where the caller may do that.
func (h *handler) admitted(ctx context.Context, action permission.Action) (asof.RunStore, error) {
	if err := h.may(ctx, action); err != nil {
		return nil, err
	}
	return h.Store(ctx)
}

// may returns why the caller may not do something to the project.
func (h *handler) may(ctx context.Context, action permission.Action) error {
	if h.Guard == nil {
		return nil
	}
	snapshot, err := h.Snapshot(ctx)
	if err != nil {
		return err
	}
	project := snapshot.Project()
	if project == nil {
		project = &asof.Project{Name: h.Project}
	}
	return h.Guard.Check(ctx, snapshot, action, project)
}
