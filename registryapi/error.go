package registryapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastregistry"
)

// feastError is a status that Feast's SDK raises as a class of feast.errors.
func feastError(code codes.Code, class, format string, args ...any) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	detail := struct {
		Module  string `json:"module"`
		Class   string `json:"class"`
		Message string `json:"message"`
	}{"feast.errors", class, fmt.Sprintf(format, args...)}
	if err := encoder.Encode(detail); err != nil {
		return status.Error(code, detail.Message)
	}
	return status.Error(code, strings.TrimSpace(text.String()))
}

// invalid is the status of a caller's mistake that Feast has no class for.
func invalid(format string, args ...any) error {
	return feastError(codes.InvalidArgument, "FeastError", format, args...)
}

var withoutProject = invalid("the request names no project")

// answers are the codes of gRPC and the classes of Feast that our codes become.
var answers = map[asof.Code]struct {
	code  codes.Code
	class string
}{
	asof.CodeInvalid:         {codes.InvalidArgument, "FeastError"},
	asof.CodeUnauthenticated: {codes.Unauthenticated, "FeastError"},
	asof.CodeForbidden:       {codes.PermissionDenied, "FeastPermissionError"},
	asof.CodeNotFound:        {codes.NotFound, "FeastObjectNotFoundException"},
	asof.CodeConflict:        {codes.Aborted, "ConcurrentVersionConflict"},
	asof.CodeUnavailable:     {codes.Unavailable, "FeastError"},
}

// intercept counts the calls of a connection and makes statuses of errors.
func (s *service) intercept(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	sessionOf(ctx).calls.Add(1)
	known, err := s.admitted(ctx, info.FullMethod)
	var answer any
	if err == nil {
		answer, err = handler(known, request)
	}
	if err == nil {
		return answer, nil
	}
	return nil, s.statusOf(ctx, info.FullMethod[strings.LastIndexByte(info.FullMethod, '/')+1:], err)
}

// statusOf returns the status of an error, which may be one already. What the
// caller can't set right goes to the log; of our own mistakes the caller learns
// that there was one.
func (s *service) statusOf(ctx context.Context, method string, err error) error {
	if _, ok := status.FromError(err); ok {
		return err
	}
	if a, ok := answers[asof.ErrorCode(err)]; ok {
		if a.code == codes.Unavailable || a.code == codes.PermissionDenied {
			s.Log.Warn("a call of the registry was not answered", "method", method, "error", err)
		}
		class := a.class
		if errors.Is(err, feastregistry.ErrPinConflict) {
			class = "FeatureViewPinConflict"
		}
		return feastError(a.code, class, "%s", err)
	}
	if ctx.Err() != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return status.Error(codes.DeadlineExceeded, "the call took longer than its deadline")
		}
		return status.Error(codes.Canceled, "the call was cancelled")
	}
	s.Log.Error("a call of the registry failed", "method", method, "error", err)
	return feastError(codes.Internal, "FeastError", "internal error; the server's log says more")
}
