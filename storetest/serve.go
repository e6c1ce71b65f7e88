package storetest

import (
	"context"
	"net"
	"testing"
)

// Serve has a server answer on a free loopback port until the test ends, and
// returns the address. The test fails where it ends with an error.
func Serve(tb testing.TB, serve func(context.Context, net.Listener) error) (address string) {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, l) }()
	tb.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			tb.Error(err)
		}
	})
	return l.Addr().String()
}
