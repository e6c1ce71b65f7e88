package registryrest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// failure is an error as Feast's server tells it.
type failure struct {
	status int
	detail string
	class  string // error_type
}

func (f *failure) Error() string { return f.detail }

// The classes of errors in Feast's words.
const (
	classHTTP       = "HTTPException"
	classNotFound   = "FeastObjectNotFoundException"
	classForbidden  = "FeastPermissionError"
	classValidation = "RequestValidationError"
	classValue      = "ValueError"
	classInternal   = "InternalServerError"
)

// malformed is a request that is not of the form that the document says.
func malformed(format string, args ...any) error {
	return &failure{http.StatusUnprocessableEntity, fmt.Sprintf(format, args...), classValidation}
}

// refused is a request that can't be carried out.
func refused(status int, format string, args ...any) error {
	return &failure{status, fmt.Sprintf(format, args...), classHTTP}
}

// unreadable is a body that could not be read to its end.
func unreadable(err error, most int64) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return refused(http.StatusRequestEntityTooLarge, "the body has more than %d bytes", most)
	}
	return refused(http.StatusBadRequest, "the body could not be read: %s", err)
}

// answers are what the codes of the registry's calls become.
var answers = map[codes.Code]struct {
	status int
	class  string
}{
	codes.NotFound:           {http.StatusNotFound, classNotFound},
	codes.PermissionDenied:   {http.StatusForbidden, classForbidden},
	codes.Unauthenticated:    {http.StatusUnauthorized, classHTTP},
	codes.InvalidArgument:    {http.StatusUnprocessableEntity, classValue},
	codes.FailedPrecondition: {http.StatusConflict, classHTTP},
	codes.Aborted:            {http.StatusConflict, classHTTP},
	codes.AlreadyExists:      {http.StatusConflict, classHTTP},
	codes.Unavailable:        {http.StatusServiceUnavailable, classHTTP},
	codes.DeadlineExceeded:   {http.StatusServiceUnavailable, classHTTP},
	codes.Canceled:           {http.StatusServiceUnavailable, classHTTP},
}

// fail answers with an error. What the registry's calls could not tell a caller
// is in the log already.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	var f *failure
	if !errors.As(err, &f) {
		f = h.judge(r, err)
	}
	write(w, f.status, object{{"status_code", f.status}, {"detail", f.detail}, {"error_type", f.class}})
}

func (h *handler) judge(r *http.Request, err error) *failure {
	s, ok := status.FromError(err)
	if !ok {
		h.Log.Error("a request failed", "path", r.URL.Path, "error", err)
		return &failure{http.StatusInternalServerError, "internal error; the server's log says more", classInternal}
	}
	if a, ok := answers[s.Code()]; ok {
		return &failure{a.status, sentence(s), a.class}
	}
	return &failure{http.StatusInternalServerError, sentence(s), classInternal}
}

// sentence is the message of a status, which is the JSON of an exception mostly.
func sentence(s *status.Status) string {
	var exception struct{ Message string }
	if json.Unmarshal([]byte(s.Message()), &exception) == nil && exception.Message != "" {
		return exception.Message
	}
	return s.Message()
}
