package cli

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"sync"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/apply"
	"github.com/asof-dev/asof/feastregistry"
	"github.com/asof-dev/asof/ondemand"
	"github.com/asof-dev/asof/permission"
	"github.com/asof-dev/asof/registryapi"
	"github.com/asof-dev/asof/registryrest"
	"github.com/asof-dev/asof/server"
)

// registryFlags say how the registry is served.
type registryFlags struct {
	host           string
	port, restPort int
	grpc, rest     bool
	security       server.Security
}

func (a *app) serveRegistryCommand() *cobra.Command {
	var o registryFlags
	var noGRPC bool
	cmd := &cobra.Command{
		Use:   "serve_registry",
		Short: "Serve the registry to Feast's SDK over gRPC, and over HTTP",
		Long: "Serves feast.registry.RegistryServer, the registry that Feast's SDK uses where its feature_store.yaml\n" +
			"says `registry: {registry_type: remote, path: HOST:PORT}`. An apply by a client is one transaction, and\n" +
			"makes the tables of the online store. With --rest-api also the routes of Feast's REST registry.",
		Example: a.example("-c my_project serve_registry", "-c my_project serve_registry -h 127.0.0.1 -p 6571",
			"-c my_project serve_registry --rest-api --rest-port 6572", "-c my_project serve_registry -k server.key -c server.crt"),
		Args: a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.grpc = o.grpc && !noGRPC
			if !o.grpc && !o.rest {
				return usagef(cmd.CommandPath()+" --help", "without gRPC there is nothing to serve: leave --no-grpc out, or add --rest-api")
			}
			security, err := loadSecurity(o.security)
			if err != nil {
				return err
			}
			return a.withRepository(cmd.Context(), func(r *repository) error { return r.serveRegistry(cmd.Context(), o, security) })
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.host, "host", "h", "::", "the address to listen on")
	flags.IntVarP(&o.port, "port", "p", 6570, "the port of gRPC; 0 takes a free one")
	flags.BoolVar(&o.grpc, "grpc", true, "serve over gRPC")
	flags.BoolVar(&noGRPC, "no-grpc", false, "serve over HTTP alone")
	flags.BoolVarP(&o.rest, "rest-api", "r", false, "serve over HTTP too")
	flags.IntVar(&o.restPort, "rest-port", 6572, "the port of HTTP; 0 takes a free one")
	securityFlags(cmd, &o.security)
	flags.Bool("help", false, "help for serve_registry") // -h is the host, as in Feast
	return cmd
}

// serveRegistry answers until the context ends.
func (r *repository) serveRegistry(ctx context.Context, o registryFlags, security *tls.Config) error {
	registry, err := r.registryServer(ctx, nil)
	if err != nil {
		return err
	}
	defer registry.Close()
	var surfaces []surface
	if o.grpc {
		surfaces = append(surfaces, registrySurface(registry, o.port, "-p"))
	}
	if o.rest {
		surfaces = append(surfaces, r.restSurface(registry, o.restPort))
	}
	return r.serveAll(ctx, o.host, security, surfaces)
}

// registrySurface is the registry over gRPC.
func registrySurface(registry *registryapi.Server, port int, flag string) surface {
	return surface{what: "registry", scheme: "grpc", port: port, flag: flag, serve: registry.Serve}
}

// restSurface is the registry over HTTP.
func (r *repository) restSurface(registry *registryapi.Server, port int) surface {
	log := slog.Default()
	handler := registryrest.New(registryrest.Options{Registry: registry, Project: r.config.Project, FeastVersion: feastVersion, Log: log})
	return surface{what: "REST registry", scheme: "http", port: port, flag: "--rest-port", serve: func(ctx context.Context, l net.Listener) error {
		return server.HTTP(ctx, l, handler, server.HTTPOptions{Log: log})
	}}
}

// registryServer answers the calls of the registry's clients, and calls changed,
// if there is one, when one of them has changed it. It is to be closed.
func (r *repository) registryServer(ctx context.Context, changed func()) (*registryapi.Server, error) {
	registry, err := r.Registry(ctx)
	if err != nil {
		return nil, err
	}
	store, ok := registry.(feastregistry.Store)
	if !ok {
		return nil, asof.Errorf(asof.CodeInvalid, "a registry of type %q can't be served: its engine does not keep Feast's messages", r.config.Registry.Type)
	}
	guard, err := r.Guard(ctx)
	if err != nil {
		return nil, err
	}
	note, applied := r.noteClients(ctx), r.clientApplied(registry, changed)
	told := func(ctx context.Context, project string, put []asof.Object) {
		applied(ctx, project, put)
		note(ctx, project)
	}
	options := registryapi.Options{Store: store, Changed: told, Guard: guard, Log: slog.Default(), Datasets: &registryDatasets{repository: r, registry: registry}}
	if online, err := r.Online(ctx); err != nil {
		fmt.Fprintf(r.app.stdio.Err, "%s clients' applies make no online tables: %s\n", paint(r.app.stdio.Err, yellow, "warning:"), err)
	} else {
		options.Online = r.changeOnline(registry, online)
	}
	return registryapi.New(options), nil
}

// clientApplied returns what follows a client's apply: changed, and a warning in
// the log for each on-demand view that cannot be run, which `asof apply` would
// have told.
func (r *repository) clientApplied(registry asof.Registry, changed func()) func(context.Context, string, []asof.Object) {
	return func(ctx context.Context, project string, put []asof.Object) {
		if changed != nil {
			changed()
		}
		var views []*asof.OnDemandFeatureView
		for _, o := range put {
			if v, ok := o.(*asof.OnDemandFeatureView); ok {
				views = append(views, v)
			}
		}
		if len(views) == 0 {
			return
		}
		snapshot, err := registry.Snapshot(ctx, project)
		if err != nil {
			return // the next call tells
		}
		for _, v := range views {
			if sentence, runs := ondemand.Summary(v, ondemand.Options{Keys: ondemand.KeysIn(snapshot, v), Workers: r.workers()}); !runs {
				slog.WarnContext(ctx, "a client has applied a function that cannot be run here", "project", project, "reason", sentence)
			}
		}
	}
}

// noteClients returns what enters a client's change into the log of definitions,
// with the caller where tokens are asked for. What others have changed by now is
// entered before.
func (r *repository) noteClients(ctx context.Context) func(ctx context.Context, project string) {
	var mu sync.Mutex
	versions := map[string]string{} // by project: a client that changes nothing has not done what another did
	enter := func(ctx context.Context, project, cause string) {
		mu.Lock()
		defer mu.Unlock()
		who := ""
		if caller := permission.Caller(ctx); caller != nil {
			who = caller.Name
		}
		version, err := r.noteBy(ctx, project, cause, who, versions[project])
		if err != nil {
			slog.WarnContext(ctx, "the history of definitions lacks a change", "project", project, "error", err)
		}
		versions[project] = version
	}
	enter(ctx, r.config.Project, "")
	return func(ctx context.Context, project string) { enter(ctx, project, apply.CauseClient) }
}

// changeOnline returns what carries the online store and the ledger through a
// client's apply.
func (r *repository) changeOnline(registry asof.Registry, online asof.OnlineStore) func(context.Context, string, []*asof.FeatureView, []string, func() error) error {
	return func(ctx context.Context, project string, keep []*asof.FeatureView, drop []string, change func() error) error {
		ledger, err := r.Ledger(ctx)
		if err != nil {
			return err
		}
		return apply.Stores{Registry: registry, Online: online, Ledger: ledger}.Change(ctx, project, keep, drop, change)
	}
}
