package cli

import (
	"context"
	"log/slog"
	"net"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof/flightapi"
	"github.com/asof-dev/asof/server"
)

func (a *app) serveOfflineCommand() *cobra.Command {
	var host string
	var port int
	var security server.Security
	cmd := &cobra.Command{
		Use:   "serve_offline",
		Short: "Serve the offline store to Feast's SDK over Arrow Flight",
		Long: "Answers what Feast's SDK asks where its feature_store.yaml says\n" +
			"`offline_store: {type: remote, host: HOST, port: 8815}`: training data, rows of sources, and\n" +
			"writing to the offline store: rows of a view, saved datasets, feature logs.",
		Example: a.example("-c my_project serve_offline", "-c my_project serve_offline -h 0.0.0.0 -p 8816",
			"-c my_project serve_offline -k server.key -c server.crt"),
		Args: a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := loadSecurity(security)
			if err != nil {
				return err
			}
			return a.withRepository(cmd.Context(), func(r *repository) error {
				offline, err := r.offlineSurface(cmd.Context(), port)
				if err != nil {
					return err
				}
				return r.serveAll(cmd.Context(), host, config, []surface{offline})
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&host, "host", "h", "127.0.0.1", "the address to listen on")
	flags.IntVarP(&port, "port", "p", 8815, "the port of Arrow Flight; 0 takes a free one")
	securityFlags(cmd, &security)
	flags.Bool("help", false, "help for serve_offline") // -h is the host, as in Feast
	return cmd
}

// offlineSurface is the offline store over Arrow Flight.
func (r *repository) offlineSurface(ctx context.Context, port int) (surface, error) {
	registry, err := r.Registry(ctx)
	if err != nil {
		return surface{}, err
	}
	store, err := r.Offline(ctx)
	if err != nil {
		return surface{}, err
	}
	warehouse, err := r.Warehouse(ctx)
	if err != nil {
		return surface{}, err
	}
	guard, err := r.Guard(ctx)
	if err != nil {
		return surface{}, err
	}
	options := flightapi.Options{Registry: registry, Project: r.config.Project, Store: store, Workers: r.workers(), Dir: r.config.Dir,
		Warehouse: warehouse, Guard: guard, Log: slog.Default(), Calls: r.trace.Calls()}
	return surface{what: "offline store", scheme: "grpc", port: port, flag: "-p", serve: func(ctx context.Context, l net.Listener) error {
		return flightapi.Serve(ctx, l, options)
	}}, nil
}
