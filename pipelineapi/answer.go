package pipelineapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/asof-dev/asof"
)

// statuses are the HTTP statuses of our codes; another code is a 500.
var statuses = map[asof.Code]int{
	asof.CodeInvalid:         http.StatusBadRequest,
	asof.CodeUnauthenticated: http.StatusUnauthorized,
	asof.CodeForbidden:       http.StatusForbidden,
	asof.CodeNotFound:        http.StatusNotFound,
	asof.CodeConflict:        http.StatusConflict,
	asof.CodeUnavailable:     http.StatusServiceUnavailable,
}

// fail answers with an error as {"detail": …}. What the caller can't set right
// goes to the log.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	var large *http.MaxBytesError
	status, sentence := statuses[asof.ErrorCode(err)], err.Error()
	switch {
	case errors.As(err, &large):
		status, sentence = http.StatusRequestEntityTooLarge, "the request is larger than 1 MiB"
	case status != 0 && status != http.StatusServiceUnavailable:
	case status == 0 && errors.Is(err, context.DeadlineExceeded):
		status, sentence = http.StatusServiceUnavailable, "the request took longer than it may"
	case status == 0 && r.Context().Err() != nil: // nobody is there to read it
		status, sentence = http.StatusServiceUnavailable, "the request was cancelled"
	case status == 0:
		h.Log.Error("a request failed", "path", r.URL.Path, "error", err)
		status, sentence = http.StatusInternalServerError, "internal error; the server's log says more"
	default:
		h.Log.Warn("a request was not answered", "path", r.URL.Path, "error", err)
	}
	writeDetail(w, status, sentence)
}

func writeDetail(w http.ResponseWriter, status int, sentence string) {
	writeJSON(w, status, map[string]string{"detail": sentence})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil { // of a report that is no JSON, which no store keeps
		status, text = http.StatusInternalServerError, []byte(`{"detail":"internal error"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text) // a caller who has gone misses nothing
}
