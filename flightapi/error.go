package flightapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/historical"
)

// feastError is an error that Feast's SDK raises as a class of feast.errors.
type feastError struct {
	class   string
	message string
}

// Error returns the message.
func (e *feastError) Error() string { return e.message }

func raise(class, format string, args ...any) error {
	return &feastError{class, fmt.Sprintf(format, args...)}
}

// called gives an error of a name that is not there its class.
func called(class string, err error) error {
	if asof.ErrorCode(err) == asof.CodeNotFound {
		return &feastError{class, err.Error()}
	}
	return err
}

// causes are the classes of errors that say more than their codes.
var causes = []struct {
	is    error
	class string
}{
	{historical.ErrNameCollision, "FeatureNameCollisionError"},
	{historical.ErrMissingKey, "FeastEntityDFMissingColumnsError"},
	{historical.ErrRequestData, "RequestDataNotFoundInEntityDfException"},
	{historical.ErrNoTimestamp, "EntityTimestampInferenceException"},
}

var classes = map[asof.Code]string{
	asof.CodeNotFound: "FeastObjectNotFoundException", asof.CodeForbidden: "FeastPermissionError",
	asof.CodeConflict: "ConcurrentVersionConflict",
}

// status is what the client is told: the code that Feast's server gives, and the
// text by which the SDK raises the class of the error. What the caller can't set
// right goes to the log.
func (s *service) status(ctx context.Context, method string, c *command, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := status.FromError(err); ok { // of gRPC: the client is gone
		return err
	}
	if ctx.Err() != nil {
		return status.FromContextError(ctx.Err()).Err()
	}
	api := ""
	if c != nil {
		api = c.API
	}
	switch code := asof.ErrorCode(err); {
	case code == asof.CodeUnauthenticated:
		return status.Error(codes.Unauthenticated, err.Error())
	case code == asof.CodeUnavailable, code == asof.CodeForbidden:
		s.Log.Warn("a call of the offline store was not answered", "method", method, "api", api, "error", err)
	case code == asof.CodeInternal && !errors.As(err, new(*feastError)):
		s.Log.Error("a call of the offline store failed", "method", method, "api", api, "error", err)
		err = errors.New("internal error; the server's log says more")
	}
	return status.Error(codes.Unknown, "Flight error: "+detail(classOf(err), err.Error()))
}

func classOf(err error) string {
	if known := (*feastError)(nil); errors.As(err, &known) {
		return known.class
	}
	for _, c := range causes {
		if errors.Is(err, c.is) {
			return c.class
		}
	}
	if class, ok := classes[asof.ErrorCode(err)]; ok {
		return class
	}
	return "FeastError"
}

// detail is the JSON that the SDK looks for in an error's text.
func detail(class, message string) string {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(struct { // of text, which is always JSON
		Module  string `json:"module"`
		Class   string `json:"class"`
		Message string `json:"message"`
	}{"feast.errors", class, message})
	return strings.TrimSpace(text.String())
}
