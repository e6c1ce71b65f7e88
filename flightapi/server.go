// Package flightapi serves an offline store over Arrow Flight, as Feast's
// offline server does: training data, the rows of sources, and writing to them.
//
// Feast's SDK from 0.67 on asks by DoExchange, in one call. Earlier ones send
// the rows of a question by DoPut, and fetch the answer by GetFlightInfo and
// DoGet: what they sent is held for that, within bounds and for a while.
//
// Answers stream as the store computes them. Rows that a client sends are kept
// on disk where they are more than a call may hold in memory.
package flightapi

import (
	"context"
	"log/slog"
	"math"
	"net"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/stats"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/ondemand"
	"github.com/asof-dev/asof/permission"
	"github.com/asof-dev/asof/server"
)

// Options are what a server works on. Registry, Project and Store are needed.
type Options struct {
	Registry asof.Registry
	Project  string // whose objects are meant where a call names none
	Store    asof.OfflineStore
	Workers  *ondemand.Workers // for on-demand functions that need Python; may be nil

	Dir       string         // the repository: where relative paths start
	Warehouse asof.Warehouse // keeps datasets that are stored as tables; nil where there is none

	Guard *permission.Guard // says who may ask, and for what; nil for everybody and everything

	Queries int           // that run at once, others wait; 0 is 8
	Memory  int64         // bytes of rows that a call holds before they go to the disk; 0 is 64 MiB
	Held    int           // calls of which rows are held until they are fetched; 0 is 64
	Hold    time.Duration // for how long; 0 is 5 minutes
	Grace   time.Duration // for open calls to end when the context is done; 0 is server.Grace
	Log     *slog.Logger  // gets what no caller can set right; nil for nowhere
	Calls   stats.Handler // is told of each call, for traces; nil for nobody
}

// Serve answers on the listener until ctx is done; then it takes no more calls,
// lets open ones end within the grace time, and returns nil. It closes the
// listener.
func Serve(ctx context.Context, l net.Listener, o Options) error {
	o = o.filled()
	s := newService(o)
	defer s.held.close()
	grpcServer, state := newServer(s)
	return server.GRPC(ctx, l, grpcServer, state, o.Grace)
}

func (o Options) filled() Options {
	if o.Queries == 0 {
		o.Queries = 8
	}
	if o.Memory == 0 {
		o.Memory = 64 << 20
	}
	if o.Held == 0 {
		o.Held = 64
	}
	if o.Hold == 0 {
		o.Hold = 5 * time.Minute
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// window is how many bytes of a call are under way before the other side has to
// take some.
const window = 4 << 20

func newServer(s *service) (*grpc.Server, *health.Server) {
	options := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(math.MaxInt32), // clients send a table of any size as one message
		grpc.InitialWindowSize(window),
		grpc.InitialConnWindowSize(window),
		grpc.ConnectionTimeout(5 * time.Second),
		grpc.UnaryInterceptor(s.admitCall), grpc.StreamInterceptor(s.admitStream),
	}
	if s.Calls != nil {
		options = append(options, grpc.StatsHandler(s.Calls))
	}
	grpcServer := grpc.NewServer(options...)
	flight.RegisterFlightServiceServer(grpcServer, s)
	state := health.NewServer()
	state.SetServingStatus("arrow.flight.protocol.FlightService", healthpb.HealthCheckResponse_SERVING)
	healthpb.RegisterHealthServer(grpcServer, state)
	return grpcServer, state
}

// service answers the calls.
type service struct {
	flight.BaseFlightServer // answers what Feast's server does not
	Options
	held  *held
	slots chan struct{}
}

func newService(o Options) *service {
	return &service{Options: o, held: newHeld(o.Held, o.Hold), slots: make(chan struct{}, o.Queries)}
}
