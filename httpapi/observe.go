package httpapi

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/asof-dev/asof/pipelineapi"
	"github.com/asof-dev/asof/serving"
)

// observed is a ResponseWriter that sees which status is sent.
type observed struct {
	http.ResponseWriter
	outcome serving.Outcome
	began   time.Time
}

var observing = sync.Pool{New: func() any { return new(observed) }}

func observe(w http.ResponseWriter, r *http.Request) *observed {
	o := observing.Get().(*observed)
	o.outcome.Reset()
	o.ResponseWriter, o.began = w, time.Now()
	o.outcome.Route, o.outcome.Code = Route(r), "200"
	return o
}

// WriteHeader notes the status.
func (o *observed) WriteHeader(status int) {
	o.outcome.Code, o.outcome.Failed = statusText(status), status >= http.StatusBadRequest
	o.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (o *observed) Unwrap() http.ResponseWriter { return o.ResponseWriter }

// gone is the code of a caller who went away before the answer.
const gone = "499"

func (o *observed) end(r *http.Request, observer serving.Observer) {
	if o.outcome.Code == "503" && r.Context().Err() != nil {
		o.outcome.Code = gone
	}
	o.outcome.Took = time.Since(o.began)
	observer.Answered(&o.outcome)
	o.ResponseWriter = nil
	observing.Put(o)
}

// unwrapped returns net/http's own writer, which ends a connection whose
// request is too large, and takes lists of texts. The others look at the status
// alone.
func unwrapped(w http.ResponseWriter) http.ResponseWriter {
	for {
		outer, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return w
		}
		w = outer.Unwrap()
	}
}

// note tells the observer, if there is one, what was read; a nil answer is
// nothing.
func (h *handler) note(w http.ResponseWriter, b *buffer, a *serving.Answer, refused bool) {
	o, ok := w.(*observed)
	if !ok {
		return
	}
	o.outcome.Asked, o.outcome.Refused = true, refused
	o.outcome.Service = h.Reader.KnownService(b.request.Service)
	if a != nil {
		o.outcome.Take(a)
	}
}

// routes are the paths that are no pattern.
var routes = [...]string{"/get-online-features", "/search", "/retrieve-online-documents", "/push", "/write-to-online-store", "/materialize", "/materialize-incremental", "/materialize/jobs", "/features", "/health", "/ready", "/openapi.json", "/metrics"}

// Route names the route of a request, "other" for what is none.
func Route(r *http.Request) string {
	path := r.URL.Path
	if i := slices.Index(routes[:], path); i >= 0 {
		return routes[i]
	}
	if strings.HasPrefix(path, "/features/") {
		return "/features/{key}"
	}
	if strings.HasPrefix(path, "/materialize/jobs/") {
		return "/materialize/jobs/{id}"
	}
	return cmp.Or(pipelineapi.Route(path), "other")
}

// statusText returns a status as text, without garbage for the usual ones.
func statusText(status int) string {
	switch status {
	case http.StatusOK:
		return "200"
	case http.StatusBadRequest:
		return "400"
	case http.StatusNotFound:
		return "404"
	case http.StatusServiceUnavailable:
		return "503"
	}
	return strconv.Itoa(status)
}
