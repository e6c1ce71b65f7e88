package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastregistry"
	"github.com/asof-dev/asof/registryapi"
)

// registryFlags say how the registry is served.
type registryFlags struct {
	host       string
	port       int
	grpc, rest bool
	security   security
}

func (a *app) serveRegistryCommand() *cobra.Command {
	var o registryFlags
	var noGRPC bool
	cmd := &cobra.Command{
		Use:   "serve_registry",
		Short: "Serve the registry to Feast's SDK over gRPC",
		Long: "Serves feast.registry.RegistryServer, the registry that Feast's SDK uses where its feature_store.yaml\n" +
			"says `registry: {registry_type: remote, path: HOST:PORT}`. An apply by a client is one transaction, and\n" +
			"makes the tables of the online store.",
		Example: a.example("-c my_project serve_registry", "-c my_project serve_registry -h 127.0.0.1 -p 6571",
			"-c my_project serve_registry -k server.key -c server.crt"),
		Args: a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			help := cmd.CommandPath() + " --help"
			switch {
			case o.rest:
				return usagef(help, "the registry is served over gRPC alone as yet: leave --rest-api and --rest-port out")
			case noGRPC || !o.grpc:
				return usagef(help, "without gRPC there is nothing to serve: leave --no-grpc out")
			}
			security, err := o.security.load()
			if err != nil {
				return err
			}
			return a.withRepository(cmd.Context(), func(r *repository) error { return r.serveRegistry(cmd.Context(), o, security) })
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.host, "host", "h", "::", "the address to listen on")
	flags.IntVarP(&o.port, "port", "p", 6570, "the port of gRPC; 0 takes a free one")
	flags.BoolVar(&o.grpc, "grpc", true, "serve over gRPC, as it does")
	flags.BoolVar(&noGRPC, "no-grpc", false, "")
	flags.BoolVarP(&o.rest, "rest-api", "r", false, "")
	flags.Int("rest-port", 6572, "")
	for _, name := range []string{"no-grpc", "rest-api", "rest-port"} {
		flags.Lookup(name).Hidden = true
	}
	o.security.flags(cmd)
	flags.Bool("help", false, "help for serve_registry") // -h is the host, as in Feast
	return cmd
}

// serveRegistry answers until the context ends.
func (r *repository) serveRegistry(ctx context.Context, o registryFlags, security *tls.Config) error {
	serve, err := r.registryServer(ctx, security)
	if err != nil {
		return err
	}
	servers, err := listen(nil, registryTold(security), o.host, o.port, "-p", serve)
	if err != nil {
		return err
	}
	fmt.Fprintf(r.app.stdio.Err, "Serving %s%s\n", servers[0].what, servers[0].listener.Addr())
	return serve(ctx, servers[0].listener)
}

// registryTold is what is said of a registry that is served.
func registryTold(security *tls.Config) string {
	if security != nil {
		return "registry on grpcs://"
	}
	return "registry on grpc://"
}

// registryServer returns what serves the repository's registry.
func (r *repository) registryServer(ctx context.Context, security *tls.Config) (func(context.Context, net.Listener) error, error) {
	registry, err := r.Registry(ctx)
	if err != nil {
		return nil, err
	}
	store, ok := registry.(feastregistry.Store)
	if !ok {
		return nil, asof.Errorf(asof.CodeInvalid, "a registry of type %q can't be served: its engine does not keep Feast's messages", r.config.Registry.Type)
	}
	options := registryapi.Options{Store: store, TLS: security, Log: slog.Default(), Datasets: &registryDatasets{repository: r, registry: registry}}
	if _, err := r.Online(ctx); err != nil {
		fmt.Fprintf(r.app.stdio.Err, "%s clients' applies make no online tables: %s\n", paint(r.app.stdio.Err, yellow, "warning:"), err)
	} else {
		options.Online = r.updateOnline()
	}
	return func(ctx context.Context, l net.Listener) error { return registryapi.Serve(ctx, l, options) }, nil
}

// updateOnline returns what makes and drops the online tables of a client's
// apply. What was materialized of a view that is dropped is forgotten.
func (r *repository) updateOnline() func(context.Context, string, []*asof.FeatureView, []string) error {
	var one sync.Mutex // the ledger opens when it is first asked for
	return func(ctx context.Context, project string, keep []*asof.FeatureView, drop []string) error {
		if err := r.online.Update(ctx, project, keep, drop); err != nil || len(drop) == 0 {
			return err
		}
		one.Lock()
		defer one.Unlock()
		ledger, err := r.Ledger(ctx)
		if err != nil {
			return err
		}
		return ledger.Forget(ctx, project, drop)
	}
}

// security are the files of a server that encrypts, "" for one that does not.
type security struct{ key, certificate, clients string }

func (s *security) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&s.key, "key", "k", "", "the private key to serve with TLS")
	flags.StringVarP(&s.certificate, "cert", "c", "", "and its certificate")
	flags.StringVar(&s.clients, "client-ca", "", "take only clients with a certificate of this authority")
}

// load reads the files; nil where none are given.
func (s security) load() (*tls.Config, error) {
	switch {
	case s == security{}:
		return nil, nil
	case s.key == "" || s.certificate == "":
		return nil, usagef("", "TLS needs both files: -k KEY and -c CERTIFICATE")
	}
	pair, err := tls.LoadX509KeyPair(s.certificate, s.key)
	if err != nil {
		return nil, asof.Errorf(asof.CodeInvalid, "can't serve with certificate %s and key %s: %w", s.certificate, s.key, err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if s.clients == "" {
		return config, nil
	}
	text, err := os.ReadFile(s.clients)
	if err != nil {
		return nil, asof.Errorf(asof.CodeInvalid, "can't read --client-ca: %w", err)
	}
	config.ClientCAs, config.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if !config.ClientCAs.AppendCertsFromPEM(text) {
		return nil, asof.Errorf(asof.CodeInvalid, "--client-ca %s holds no certificate in PEM", s.clients)
	}
	return config, nil
}
