// Package registryrest serves a registry over HTTP as Feast's REST registry
// server does: its routes, with and without the prefix /api/v1, and its JSON,
// which is that of the answers of feast.registry.RegistryServer.
//
// A request sees one state of the registry from its first to its last look at
// it, and goes through the same calls as one that comes over gRPC: what they
// refuse is refused here. Nothing that reads writes to the registry.
//
// Where the registry has a guard, every route but /openapi.json needs a token.
//
// A caller's mistake is a 4xx with a sentence, in Feast's form.
package registryrest

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	pb "github.com/asof-dev/asof/feastpb/registry"
	"github.com/asof-dev/asof/registryapi"
)

// Options are what a handler works on. Only Registry is needed.
type Options struct {
	Registry     *registryapi.Server
	Project      string       // of the repository: what is visited without naming a project counts for it
	FeastVersion string       // that clients are told: the version of Feast whose routes these are
	MaxBody      int64        // bytes of a request; 0 is 1 MiB
	Log          *slog.Logger // gets what no caller can set right; nil for nowhere
}

// prefix may stand before every route.
const prefix = "/api/v1"

type handler struct {
	Options
	routes   *http.ServeMux
	document []byte // OpenAPI's
	visits   visits
}

// New makes the handler of all routes.
func New(o Options) http.Handler {
	o.MaxBody = cmp.Or(o.MaxBody, 1<<20)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	h := &handler{Options: o, routes: http.NewServeMux()}
	all := routes()
	h.document = append(document(all), '\n')
	byPath := map[string][]route{}
	for _, r := range all {
		byPath[r.path] = append(byPath[r.path], r)
	}
	for path, routes := range byPath {
		h.routes.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { h.choose(w, r, routes) })
	}
	h.routes.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusNotFound, object{{"detail", "Not Found"}})
	})
	return h
}

// ServeHTTP answers, with or without the prefix before the route.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, prefix+"/") {
		http.StripPrefix(prefix, h.routes).ServeHTTP(w, r)
		return
	}
	h.routes.ServeHTTP(w, r)
}

// choose answers by the route of the request's method.
func (h *handler) choose(w http.ResponseWriter, r *http.Request, routes []route) {
	var allowed []string
	for _, by := range routes {
		if by.method == r.Method || by.method == http.MethodGet && r.Method == http.MethodHead {
			h.serve(w, r, by)
			return
		}
		allowed = append(allowed, by.method)
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	write(w, http.StatusMethodNotAllowed, object{{"detail", "Method Not Allowed"}})
}

// call is a request that is answered.
type call struct {
	*handler
	ctx      context.Context
	registry pb.RegistryServerClient // as it was when the request came
	request  *http.Request
	values   values // of the route's parameters
	body     []byte
}

// serve answers by a route.
func (h *handler) serve(w http.ResponseWriter, r *http.Request, by route) {
	c, err := h.begin(w, r, by)
	var answer any
	if err == nil {
		answer, err = by.answer(c)
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.visits.note(c, by)
	write(w, cmp.Or(by.status, http.StatusOK), answer)
}

func (h *handler) begin(w http.ResponseWriter, r *http.Request, by route) (*call, error) {
	ctx, err := h.admitted(w, r, by)
	if err != nil {
		return nil, err
	}
	c := &call{handler: h, ctx: ctx, request: r}
	if c.values, err = by.read(r.URL.Query()); err != nil {
		return nil, err
	}
	if by.body != nil {
		if c.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, h.MaxBody)); err != nil {
			return nil, unreadable(err, h.MaxBody)
		}
	}
	c.registry, err = h.Registry.Client(c.ctx)
	return c, err
}

// write sends a JSON answer; a []byte is sent as it is.
func write(w http.ResponseWriter, status int, answer any) {
	body, ok := answer.([]byte)
	if !ok {
		body = appendJSON(nil, answer)
	}
	header := w.Header()
	if len(body) > 0 {
		header.Set("Content-Type", "application/json")
	}
	header.Set("Content-Length", strconv.Itoa(len(body)))
	if status == http.StatusServiceUnavailable {
		header.Set("Retry-After", "1")
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // a caller who went away is no error of ours
}
