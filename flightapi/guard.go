package flightapi

import (
	"cmp"
	"context"
	"strings"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/historical"
	"github.com/asof-dev/asof/permission"
)

// touching is what a call reads and writes: objects of a snapshot; and what it
// carries itself, which its caller is about to apply.
type touching struct {
	snapshot    *asof.Snapshot
	read, write []asof.Object
	apply       []asof.Object
}

// check sees, before anything is read or written, that the caller may.
func (s *service) check(ctx context.Context, t touching) error {
	if err := s.Guard.Check(ctx, t.snapshot, permission.ReadOffline, t.read...); err != nil {
		return err
	}
	for _, o := range t.apply {
		action := permission.Create
		if t.snapshot.Object(o.ObjectKind(), o.ObjectName()) != nil {
			action = permission.Update
		}
		if err := s.Guard.Check(ctx, t.snapshot, action, o); err != nil {
			return err
		}
	}
	return s.Guard.Check(ctx, t.snapshot, permission.WriteOffline, t.write...)
}

// needs adds what the features of a request are read from, whichever views the
// call names beside them. Entity rows of a SELECT may come from anywhere: they
// are for those who may read every data source.
func (q *question) needs(guard *permission.Guard, r historical.Request, sql string) error {
	if guard == nil {
		return nil
	}
	views, err := historical.Reads(r)
	if err != nil {
		return err
	}
	for _, v := range views {
		q.read = append(q.read, v)
	}
	if sql != "" {
		q.read = append(q.read, q.snapshot.Objects(asof.KindDataSource)...)
	}
	return nil
}

// carried is what a call touches that carries a data source: the registered one,
// where it is that, else one that its caller is about to apply.
func carried(snapshot *asof.Snapshot, source *asof.DataSource) touching {
	registered, owner, err := sourceOf(snapshot, cmp.Or(source.Name, source.Path, source.Table))
	if err == nil && registered.Kind == source.Kind && registered.Path == source.Path && registered.Table == source.Table && registered.Query == source.Query {
		return touching{snapshot: snapshot, read: []asof.Object{owner}}
	}
	return touching{snapshot: snapshot, apply: []asof.Object{source}}
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
