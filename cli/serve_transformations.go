package cli

import (
	"context"
	"log/slog"
	"net"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof/grpcapi"
	"github.com/asof-dev/asof/ondemand"
	"github.com/asof-dev/asof/permission"
	"github.com/asof-dev/asof/server"
)

func (a *app) serveTransformationsCommand() *cobra.Command {
	var host string
	var port int
	var security server.Security
	cmd := &cobra.Command{
		Use:   "serve_transformations",
		Short: "Compute on-demand features for other servers over gRPC",
		Long: "Serves feast.serving.TransformationService: a server that cannot run the functions of on-demand views\n" +
			"sends their inputs as Arrow, and gets their features.",
		Example: a.example("-c my_project serve_transformations", "-c my_project serve_transformations -p 6600"),
		Args:    a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := loadSecurity(security)
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			return a.withRepository(ctx, func(r *repository) error {
				served, err := r.transformationSurface(ctx, port)
				if err != nil {
					return err
				}
				return r.serveAll(ctx, host, config, []surface{served})
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&host, "host", "h", "::", "the address to listen on")
	flags.IntVarP(&port, "port", "p", 6569, "the port; 0 takes a free one")
	securityFlags(cmd, &security)
	flags.Bool("help", false, "help for serve_transformations") // -h is the host, as of the other servers
	return cmd
}

// transformationSurface computes on-demand features of what it is sent.
func (r *repository) transformationSurface(ctx context.Context, port int) (surface, error) {
	guard, err := r.Guard(ctx)
	if err != nil {
		return surface{}, err
	}
	registry, err := r.Registry(ctx)
	if err != nil {
		return surface{}, err
	}
	// A transformation service is not asked: it may be this one.
	options := grpcapi.Options{Version: Version, Guard: guard, Log: slog.Default(), Calls: r.trace.Calls(), MaxBody: 64 << 20,
		Transformations: &grpcapi.Transformations{Registry: registry, Project: r.config.Project, Programs: &ondemand.Programs{Workers: r.processes()},
			Permit: guard.Permit(permission.ReadOnline)}}
	return surface{what: "transformations", scheme: "grpc", port: port, flag: "-p", serve: func(ctx context.Context, l net.Listener) error {
		return grpcapi.Serve(ctx, l, options)
	}}, nil
}
