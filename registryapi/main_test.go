package registryapi_test

import (
	"context"
	"net"
	"path/filepath"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	pb "github.com/asof-dev/asof/feastpb/registry"
	"github.com/asof-dev/asof/registryapi"
	"github.com/asof-dev/asof/registryfile"
)

// start serves until the test ends, and returns where.
func start(tb testing.TB, o registryapi.Options) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	server := registryapi.New(o)
	go func() { ended <- server.Serve(ctx, l) }()
	tb.Cleanup(func() {
		stop()
		defer server.Close()
		if err := <-ended; err != nil {
			tb.Error(err)
		}
	})
	return l.Addr().String()
}

// startFile serves a new registry file.
func startFile(tb testing.TB) (address string, registry *registryfile.Registry) {
	tb.Helper()
	registry = registryfile.Open(filepath.Join(tb.TempDir(), "registry.db"), nil)
	return start(tb, registryapi.Options{Store: registry}), registry
}

// dial connects a client of its own.
func dial(tb testing.TB, address string) (pb.RegistryServerClient, *grpc.ClientConn) {
	tb.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { conn.Close() })
	return pb.NewRegistryServerClient(conn), conn
}
