// Package registryapi serves a registry over gRPC as Feast's registry server
// does: feast.registry.RegistryServer, with health and reflection beside it.
//
// Reads are answered from one index of the registry in memory, which is made
// again when the registry has changed, whoever changed it.
//
// Writes with commit=false belong to the connection that they came by. They are
// seen by that connection alone, until Commit, or a write with commit=true,
// puts all of them into the registry as one transaction, on top of what others
// have changed meanwhile. Refresh and the end of the connection drop them, and
// so does a commit that fails.
//
// With a Guard, every call needs a token, and may see and change what the
// permissions of the project that it names grant. What it must not know of is
// left out of lists.
//
// An error's text is the JSON by which Feast's SDK raises the class that it
// names.
package registryapi

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"

	"github.com/asof-dev/asof"
	pb "github.com/asof-dev/asof/feastpb/registry"
	"github.com/asof-dev/asof/feastregistry"
	"github.com/asof-dev/asof/permission"
	"github.com/asof-dev/asof/server"
)

// Options are what a server works on. Only Store is needed.
type Options struct {
	Store feastregistry.Store

	// Online makes the online store ready for the views of keep, has them
	// registered by change, and then removes those of drop; nil where no online
	// store goes with the registry.
	Online func(ctx context.Context, project string, keep []*asof.FeatureView, drop []string, change func() error) error

	// Changed is called when a client has changed a project, with what it has put
	// into it, before the client is answered; may be nil.
	Changed func(ctx context.Context, project string, put []asof.Object)

	Guard    *permission.Guard // says who calls; nil for everybody, who then may do everything
	Datasets Datasets          // nil where no offline store goes with the registry

	MaxBody int           // bytes of a request; 0 is 64 MiB
	Grace   time.Duration // for open applies, and then requests, to end when the context is done; 0 is server.Grace
	Log     *slog.Logger  // gets what no caller can set right; nil for nowhere
}

// Server answers the calls of a registry's clients.
type Server struct{ service *service }

// New makes a server, which is to be closed.
func New(o Options) *Server { return &Server{newService(o.filled())} }

// Guard says who may call; nil for everybody.
func (s *Server) Guard() *permission.Guard { return s.service.Guard }

// Close ends the jobs that the server has begun.
func (s *Server) Close() { s.service.jobs.stop() }

// Serve answers over gRPC on the listener until ctx is done; then it lets clients
// commit what they have begun, takes no more calls, lets open ones end, each
// within the grace time, and returns nil. It closes the listener.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	o, connections := s.service.Options, &connections{sessions: map[*session]bool{}}
	grpcServer, state := newServer(s.service, o, connections)
	settled, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	defer context.AfterFunc(ctx, func() {
		connections.settle(cmp.Or(o.Grace, server.Grace))
		end()
	})()
	return server.GRPC(settled, l, grpcServer, state, o.Grace)
}

func (o Options) filled() Options {
	if o.MaxBody == 0 {
		o.MaxBody = 64 << 20
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

func newServer(s *service, o Options, connections *connections) (*grpc.Server, *health.Server) {
	options := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(o.MaxBody),
		grpc.ConnectionTimeout(5 * time.Second),
		grpc.StatsHandler(connections),
		grpc.UnaryInterceptor(s.intercept),
	}
	server := grpc.NewServer(options...)
	pb.RegisterRegistryServerServer(server, s)
	state := health.NewServer()
	state.SetServingStatus(pb.RegistryServer_ServiceDesc.ServiceName, healthpb.HealthCheckResponse_SERVING)
	healthpb.RegisterHealthServer(server, state)
	reflection.Register(server)
	return server, state
}

// service answers the calls.
type service struct {
	pb.UnimplementedRegistryServerServer // every method has one of ours
	Options
	jobs *jobs

	mu    sync.Mutex
	index *feastregistry.Index // of the registry as it was read last

	rights atomic.Pointer[rights] // of an index, nil before they are first asked for
}

func newService(o Options) *service { return &service{Options: o, jobs: newJobs()} }

// current returns the index of the registry as it is now, or as the call's
// connection is to see it.
func (s *service) current(ctx context.Context) (*feastregistry.Index, error) {
	if session, ok := ctx.Value(sessionKey{}).(*session); ok && session.pinned != nil {
		return session.pinned, nil
	}
	message, err := s.Store.Message(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.index == nil || s.index.Registry != message {
		s.index = feastregistry.NewIndex(message)
	}
	return s.index, nil
}
