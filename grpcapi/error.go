package grpcapi

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/asof-dev/asof"
)

// statuses are gRPC's codes of ours; another one is INTERNAL.
var statuses = map[asof.Code]codes.Code{
	asof.CodeInvalid:         codes.InvalidArgument,
	asof.CodeUnauthenticated: codes.Unauthenticated,
	asof.CodeForbidden:       codes.PermissionDenied,
	asof.CodeNotFound:        codes.NotFound,
	asof.CodeConflict:        codes.Aborted,
	asof.CodeUnavailable:     codes.Unavailable,
}

// judge makes a status of an error. What the caller can't set right goes to
// the log; of our own mistakes the caller learns that there was one.
func (h *handler) judge(ctx context.Context, method string, err error) error {
	if code, ok := statuses[asof.ErrorCode(err)]; ok {
		if now := time.Now().Unix(); code == codes.Unavailable && h.logged.Swap(now) != now { // once a second says it
			h.Log.Warn("a request was not answered", "method", method, "error", err)
		}
		return status.Error(code, err.Error())
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return status.Error(codes.DeadlineExceeded, "the request took too long")
	case ctx.Err() != nil:
		return status.Error(codes.Canceled, "the request was cancelled")
	}
	h.Log.Error("a request failed", "method", method, "error", err)
	return status.Error(codes.Internal, "internal error; the server's log says more")
}
