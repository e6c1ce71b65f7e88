package httpapi

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/materialize"
	"github.com/asof-dev/asof/permission"
)

// open are the routes that need no token.
var open = [...]string{"/health", "/ready", "/openapi.json"}

// admitted returns the request with its caller, nil where it was answered
// because nobody is known by its token.
func (h *handler) admitted(w http.ResponseWriter, r *http.Request, path string) *http.Request {
	if h.Guard == nil || slices.Contains(open[:], path) {
		return r
	}
	ctx, err := h.Guard.Admit(r.Context(), r.Header.Get("Authorization"))
	if err != nil {
		h.refuse(w, r, err)
		return nil
	}
	return r.WithContext(ctx)
}

// refuse answers a caller who is not admitted: in the body as Feast does, with
// what is wrong about the token in the header.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if asof.ErrorCode(err) != asof.CodeUnauthenticated {
		h.fail(w, r, err)
		return
	}
	if errors.Is(err, permission.ErrNoToken) {
		w.Header().Set("WWW-Authenticate", "Bearer")
		writeDetail(w, http.StatusUnauthorized, "Missing authentication token")
		return
	}
	w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token", error_description="`+quotable.Replace(err.Error())+`"`)
	writeDetail(w, http.StatusUnauthorized, "Invalid or expired access token")
}

// quotable makes a sentence part of a header.
var quotable = strings.NewReplacer("\\", "'", `"`, "'", "\r", " ", "\n", " ")

// mayFill returns why the caller may not materialize the views. Those that are
// not registered any more are nobody's.
func (h *handler) mayFill(ctx context.Context, m *materialize.Materializer, views []string) error {
	if h.Guard == nil {
		return nil
	}
	snapshot, err := m.Registry.Snapshot(ctx, m.Project)
	if err != nil {
		return err
	}
	for _, name := range views {
		o := snapshot.Object(asof.KindFeatureView, name)
		if o == nil {
			o = snapshot.Object(asof.KindOnDemandView, name)
		}
		if o == nil {
			continue
		}
		if err := h.Guard.Check(ctx, snapshot, permission.WriteOnline, o); err != nil {
			return err
		}
	}
	return nil
}

// mayKnow returns why the caller may not know of a job: who may start one may.
func (h *handler) mayKnow(r *http.Request, job *materialize.Job) error {
	if h.Guard == nil {
		return nil
	}
	m, err := h.Materializer(r.Context())
	if err != nil {
		return err
	}
	return h.mayFill(r.Context(), m, job.Views)
}
