package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/push"
	"github.com/asof-dev/asof/serving"
	"github.com/asof-dev/asof/value"
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

// classes are Feast's exceptions for a fault. Feast's client imports the class
// from feast.errors and raises it with our sentence.
var classes = map[serving.Fault]string{
	serving.FaultNoView:        "FeatureViewNotFoundException",
	serving.FaultNoFeature:     "FeastObjectNotFoundException",
	serving.FaultNoService:     "FeatureServiceNotFoundException",
	serving.FaultNoEntity:      "EntityNotFoundException",
	serving.FaultNoRequestData: "RequestDataNotFoundInEntityRowsException",
	serving.FaultNameCollision: "FeatureNameCollisionError",
}

// judge returns the status and the sentence of an error. What the caller can't
// set right goes to the log; of our own mistakes the caller learns that there
// was one.
func (h *handler) judge(r *http.Request, err error) (int, string) {
	if status, ok := statuses[asof.ErrorCode(err)]; ok {
		if now := time.Now().Unix(); status == http.StatusServiceUnavailable && h.logged.Swap(now) != now { // once a second says it
			h.Log.Warn("a request was not answered", "path", r.URL.Path, "error", err)
		}
		return status, err.Error()
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable, "the request took longer than " + h.Timeout.String()
	case r.Context().Err() != nil: // nobody is there to read it
		return http.StatusServiceUnavailable, "the request was cancelled"
	}
	h.Log.Error("a request failed", "path", r.URL.Path, "error", err)
	return http.StatusInternalServerError, "internal error; the server's log says more"
}

// fail answers with an error as {"detail": …}.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, sentence := h.judge(r, err)
	var f serving.Fault
	errors.As(err, &f)
	switch f {
	case serving.FaultNoSingleKey:
		sentence += "; pass ?features=view:feature,… or ?feature_service=… with features of one entity (GET /features?key=…&other=… takes several)"
	case serving.FaultNoEntity, serving.FaultNoRequestData:
		sentence += "; the other parameters are " + strings.Join(parameters, ", ")
	}
	writeDetail(w, status, sentence)
}

// failFeast answers with an error as Feast's server does: a JSON string that
// holds the JSON of an exception.
func (h *handler) failFeast(w http.ResponseWriter, r *http.Request, err error) {
	status, sentence := h.judge(r, err)
	class := "FeastError"
	if status == http.StatusForbidden {
		class = "FeastPermissionError"
	}
	var f serving.Fault
	switch {
	case errors.As(err, &f) && classes[f] != "":
		class = classes[f]
	case errors.Is(err, push.ErrNoSource):
		status, class = http.StatusUnprocessableEntity, "PushSourceNotFoundException"
	case status == http.StatusNotFound:
		class = classes[serving.FaultNoView]
	}
	inner := append([]byte(`{"module": "feast.errors", "class": "`+class+`", "message": `), value.AppendQuoted(nil, sentence, false)...)
	write(w, status, value.AppendQuoted(nil, append(inner, '}'), false))
}

func writeDetail(w http.ResponseWriter, status int, sentence string) {
	write(w, status, append(value.AppendQuoted([]byte(`{"detail":`), sentence, false), '}'))
}
