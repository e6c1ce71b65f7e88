package flightapi

import (
	"context"
	"strings"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/permission"
)

// touching is what a call reads and writes: objects of a snapshot, or one that
// the call itself carries.
type touching struct {
	snapshot    *asof.Snapshot
	read, write []asof.Object
}

// check sees, before anything is read or written, that the caller may.
func (s *service) check(ctx context.Context, t touching) error {
	if err := s.Guard.Check(ctx, t.snapshot, permission.ReadOffline, t.read...); err != nil {
		return err
	}
	return s.Guard.Check(ctx, t.snapshot, permission.WriteOffline, t.write...)
}

// admitted returns the context of a call with its caller. Whether the server is
// healthy everybody may ask.
func (s *service) admitted(ctx context.Context, method string) (context.Context, error) {
	if strings.HasPrefix(method, "/"+healthpb.Health_ServiceDesc.ServiceName+"/") {
		return ctx, nil
	}
	known, err := s.Guard.AdmitCall(ctx)
	if err != nil {
		return nil, s.status(ctx, method, nil, err)
	}
	return known, nil
}

func (s *service) admitCall(ctx context.Context, request any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	ctx, err := s.admitted(ctx, info.FullMethod)
	if err != nil {
		return nil, err
	}
	return next(ctx, request)
}

func (s *service) admitStream(server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	ctx, err := s.admitted(stream.Context(), info.FullMethod)
	if err != nil {
		return err
	}
	return next(server, &admittedStream{stream, ctx})
}

// admittedStream is a stream whose caller is known.
type admittedStream struct {
	grpc.ServerStream
	ctx context.Context
}

// Context returns the stream's context, with its caller.
func (s *admittedStream) Context() context.Context { return s.ctx }
