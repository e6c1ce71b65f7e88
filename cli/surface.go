package cli

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/server"
)

// surface is one server of a repository: what a protocol's clients call.
type surface struct {
	what   string // that is served: "registry"
	scheme string // of its address: "http" or "grpc"; an s is added under TLS
	port   int    // 0 takes a free one
	flag   string // by which the user takes another port
	serve  func(context.Context, net.Listener) error
}

// protocols of ALPN by scheme.
var protocols = map[string][]string{"http": {"h2", "http/1.1"}, "grpc": {"h2"}}

// serveAll answers over the surfaces until the context ends, then lets open
// requests finish. It listens everywhere before it serves anywhere; security is
// nil for servers in the clear. What else a server does goes on beside.
func (r *repository) serveAll(ctx context.Context, host string, security *tls.Config, surfaces []surface, beside ...func(context.Context) error) error {
	listeners := make([]net.Listener, 0, len(surfaces))
	defer func() {
		for _, l := range listeners {
			_ = l.Close() // closed already where it was served
		}
	}()
	for _, s := range surfaces {
		l, err := s.listen(host)
		if err != nil {
			return err
		}
		listeners = append(listeners, server.Secure(l, security, protocols[s.scheme]...))
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { r.noteFeastTables(ctx); return nil }) // beside: a store that is away holds up no server
	for i, s := range surfaces {
		scheme := s.scheme
		if security != nil {
			scheme += "s"
		}
		fmt.Fprintf(r.app.stdio.Err, "Serving %s on %s://%s\n", s.what, scheme, listeners[i].Addr())
		group.Go(func() error { return s.serve(ctx, listeners[i]) })
	}
	for _, do := range beside {
		group.Go(func() error { return do(ctx) })
	}
	forgetStart()
	return group.Wait()
}

func (s surface) listen(host string) (net.Listener, error) {
	address := net.JoinHostPort(host, strconv.Itoa(s.port))
	l, err := net.Listen("tcp", address)
	if err != nil {
		other := "address by -h or another port by " + s.flag
		if s.flag == "-a" {
			other = "address by -a"
		}
		return nil, asof.Errorf(asof.CodeUnavailable, "can't listen on %s: %w; take another %s", address, err, other)
	}
	return l, nil
}

// securityFlags are Feast's flags of TLS, and the one of mutual TLS.
func securityFlags(cmd *cobra.Command, s *server.Security) {
	flags := cmd.Flags()
	flags.StringVarP(&s.Key, "key", "k", "", "the private key to serve with TLS")
	flags.StringVarP(&s.Certificate, "cert", "c", "", "and its certificate")
	flags.StringVar(&s.Clients, "client-ca", "", "take only clients with a certificate of this authority")
}

// loadSecurity reads the files that the flags name; nil where they name none.
func loadSecurity(s server.Security) (*tls.Config, error) {
	if s != (server.Security{}) && (s.Key == "" || s.Certificate == "") {
		return nil, usagef("", "TLS needs both files: -k KEY and -c CERTIFICATE")
	}
	return s.Load()
}
