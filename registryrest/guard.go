package registryrest

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"google.golang.org/grpc/metadata"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/permission"
)

// admitted returns the context of a request with its caller, whose token goes on
// to the registry's calls: they ask what the caller may do.
func (h *handler) admitted(w http.ResponseWriter, r *http.Request, by route) (context.Context, error) {
	guard := h.Registry.Guard()
	if guard == nil || by.open {
		return r.Context(), nil
	}
	token := r.Header.Get("Authorization")
	ctx, err := guard.Admit(r.Context(), token)
	switch {
	case err == nil:
		return metadata.AppendToOutgoingContext(ctx, "authorization", token), nil
	case asof.ErrorCode(err) != asof.CodeUnauthenticated:
		return nil, refused(http.StatusServiceUnavailable, "%s", err)
	case errors.Is(err, permission.ErrNoToken):
		w.Header().Set("WWW-Authenticate", "Bearer")
		return nil, refused(http.StatusUnauthorized, "Missing authentication token")
	}
	w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token", error_description="`+quotable.Replace(err.Error())+`"`)
	return nil, refused(http.StatusUnauthorized, "Invalid or expired access token")
}

// quotable makes a sentence part of a header.
var quotable = strings.NewReplacer("\\", "'", `"`, "'", "\r", " ", "\n", " ")
