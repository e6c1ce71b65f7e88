package registryapi_test

import (
	"path/filepath"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	pb "github.com/asof-dev/asof/feastpb/registry"
	"github.com/asof-dev/asof/registryapi"
	"github.com/asof-dev/asof/registryfile"
	"github.com/asof-dev/asof/storetest"
)

// start serves until the test ends, and returns where.
func start(tb testing.TB, o registryapi.Options) string {
	tb.Helper()
	server := registryapi.New(o)
	tb.Cleanup(server.Close)
	return storetest.Serve(tb, server.Serve)
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
