// Package grpcapi serves features over gRPC, as Feast's feature servers do:
// feast.serving.ServingService, GrpcFeatureServer, which takes rows as well, and
// TransformationService, with health and reflection beside them.
//
// A caller's mistake is INVALID_ARGUMENT or NOT_FOUND with a sentence; what the
// store or the registry is short of is UNAVAILABLE. Answers are appended from
// the bytes that the online store holds.
package grpcapi

import (
	"context"
	"log/slog"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/experimental"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/stats"

	"github.com/asof-dev/asof/permission"
	"github.com/asof-dev/asof/push"
	"github.com/asof-dev/asof/server"
	"github.com/asof-dev/asof/serving"
)

// Options are what a server works on. Only Reader is needed, or Transformations.
type Options struct {
	Reader  *serving.Reader // nil: no features are served
	Version string          // that GetFeastServingInfo tells
	Timeout time.Duration   // of one request's read; 0 is 5 s
	Load    *serving.Load   // of reads; nil is serving.NewReadLoad(0)

	Pusher       *push.Pusher  // takes rows; nil: none are taken
	WriteTimeout time.Duration // of one request's rows; 0 is 30 s

	Transformations *Transformations // computes on-demand features of what it is sent; nil: none are

	MaxBody int           // bytes of a request; 0 is 8 MiB
	Grace   time.Duration // for open requests to end when the context is done; 0 is server.Grace
	Log     *slog.Logger  // gets what no caller can set right; nil for nowhere

	Guard    *permission.Guard // says who may ask; nil for everybody
	Observer serving.Observer  // is told what became of each request; nil for nobody
	Calls    stats.Handler     // is told of each call, for traces; nil for nobody
}

// Serve answers on the listener until ctx is done; then it takes no more calls,
// lets open ones end within the grace time, and returns nil. It closes the
// listener.
func Serve(ctx context.Context, l net.Listener, o Options) error {
	grpcServer, state := newServer(o.filled())
	return server.GRPC(ctx, l, grpcServer, state, o.Grace)
}

func (o Options) filled() Options {
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	if o.WriteTimeout == 0 {
		o.WriteTimeout = 30 * time.Second
	}
	if o.Load == nil {
		o.Load = serving.NewReadLoad(0)
	}
	if o.MaxBody == 0 {
		o.MaxBody = 8 << 20
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// workers answer one call after the other: a goroutine of its own for each
// call has to grow its stack first.
const workers = 64

func newServer(o Options) (*grpc.Server, *health.Server) {
	options := []grpc.ServerOption{
		grpc.ForceServerCodecV2(codec{}),
		experimental.BufferPool(pool),
		grpc.MaxRecvMsgSize(o.MaxBody),
		grpc.ConnectionTimeout(5 * time.Second),
		grpc.NumStreamWorkers(workers),
	}
	if o.Calls != nil {
		options = append(options, grpc.StatsHandler(o.Calls))
	}
	server := grpc.NewServer(options...)
	state, h := health.NewServer(), &handler{Options: o}
	var services []*grpc.ServiceDesc
	if o.Reader != nil {
		services = append(services, &service, &ingestion)
	}
	if o.Transformations != nil {
		services = append(services, &transformation)
	}
	for _, service := range services {
		server.RegisterService(guarded(service, o.Guard), h)
		state.SetServingStatus(service.ServiceName, healthpb.HealthCheckResponse_SERVING)
	}
	healthpb.RegisterHealthServer(server, state)
	reflection.Register(server)
	return server, state
}
