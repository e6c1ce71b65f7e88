package server

import (
	"cmp"
	"context"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"

	"github.com/asof-dev/asof"
)

// GRPC answers on the listener until ctx is done; then state says that it does
// not serve, it takes no more calls, lets open ones end within the grace time
// (0 is Grace), cuts off the others, and returns nil. It closes the listener.
func GRPC(ctx context.Context, l net.Listener, s *grpc.Server, state *health.Server, grace time.Duration) error {
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(l) }()
	select {
	case err := <-failed:
		return asof.Errorf(asof.CodeUnavailable, "cannot serve gRPC on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	state.Shutdown()
	late := time.AfterFunc(cmp.Or(grace, Grace), s.Stop)
	defer late.Stop()
	s.GracefulStop()
	<-failed // nil: the goroutine has ended
	return nil
}
