package cli

import (
	"context"
	"fmt"
	"log/slog"
	"net"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastregistry"
	"github.com/asof-dev/asof/registryapi"
	"github.com/asof-dev/asof/server"
)

// registryFlags say how the registry is served.
type registryFlags struct {
	host       string
	port       int
	grpc, rest bool
	security   server.Security
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
			security, err := loadSecurity(o.security)
			if err != nil {
				return err
			}
			return a.withRepository(cmd.Context(), func(r *repository) error {
				registry, err := r.registrySurface(cmd.Context(), o.port)
				if err != nil {
					return err
				}
				return r.serveAll(cmd.Context(), o.host, security, []surface{registry})
			})
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
	securityFlags(cmd, &o.security)
	flags.Bool("help", false, "help for serve_registry") // -h is the host, as in Feast
	return cmd
}

// registrySurface is the registry over gRPC.
func (r *repository) registrySurface(ctx context.Context, port int) (surface, error) {
	registry, err := r.Registry(ctx)
	if err != nil {
		return surface{}, err
	}
	store, ok := registry.(feastregistry.Store)
	if !ok {
		return surface{}, asof.Errorf(asof.CodeInvalid, "a registry of type %q can't be served: its engine does not keep Feast's messages", r.config.Registry.Type)
	}
	guard, err := r.Guard(ctx)
	if err != nil {
		return surface{}, err
	}
	options := registryapi.Options{Store: store, Guard: guard, Log: slog.Default(), Datasets: &registryDatasets{repository: r, registry: registry}}
	if online, err := r.Online(ctx); err != nil {
		fmt.Fprintf(r.app.stdio.Err, "%s clients' applies make no online tables: %s\n", paint(r.app.stdio.Err, yellow, "warning:"), err)
	} else {
		options.Online = r.updateOnline(online)
	}
	return surface{what: "registry", scheme: "grpc", port: port, flag: "-p", serve: func(ctx context.Context, l net.Listener) error {
		return registryapi.Serve(ctx, l, options)
	}}, nil
}

// updateOnline returns what makes and drops the online tables of a client's
// apply. What was materialized of a view that is dropped is forgotten.
func (r *repository) updateOnline(online asof.OnlineStore) func(context.Context, string, []*asof.FeatureView, []string) error {
	return func(ctx context.Context, project string, keep []*asof.FeatureView, drop []string) error {
		if err := online.Update(ctx, project, keep, drop); err != nil || len(drop) == 0 {
			return err
		}
		ledger, err := r.Ledger(ctx)
		if err != nil {
			return err
		}
		return ledger.Forget(ctx, project, drop)
	}
}
