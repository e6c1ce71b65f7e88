package cli

import (
	"fmt"
	"log/slog"
	"net"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof/server"
)

func (a *app) listenCommand() *cobra.Command {
	var address string
	var security server.Security
	cmd := &cobra.Command{
		Use:   "listen",
		Short: "Take and serve features over gRPC",
		Long: "Serves Feast's GrpcFeatureServer, which takes rows (Push, WriteToOnlineStore) and answers GetOnlineFeatures,\n" +
			"and feast.serving.ServingService. It is what `serve -t grpc` serves.",
		Example: a.example("-c my_project listen", "-c my_project listen -a 0.0.0.0:50051"),
		Args:    a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			host, port, err := net.SplitHostPort(address)
			number, wrong := strconv.ParseUint(port, 10, 16)
			if err != nil || wrong != nil {
				return usagef(cmd.CommandPath()+" --help", "--address is %q; write HOST:PORT", address)
			}
			for _, name := range []string{"max_workers", "registry_ttl_sec"} {
				if cmd.Flags().Changed(name) {
					a.noMeaning(name)
				}
			}
			config, err := loadSecurity(security)
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			return a.withRepository(ctx, func(r *repository) error {
				f, err := r.features(ctx)
				if err != nil {
					return err
				}
				served := r.grpcSurface(f, r.metrics(f.answers, slog.Default()), int(number))
				served.flag = "-a"
				return r.serveAll(ctx, host, config, []surface{served})
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&address, "address", "a", "localhost:50051", "the address to listen on; port 0 takes a free one")
	securityFlags(cmd, &security)
	flags.IntP("max_workers", "w", 10, "")
	flags.IntP("registry_ttl_sec", "r", 5, "")
	for _, name := range []string{"max_workers", "registry_ttl_sec"} {
		flags.Lookup(name).Hidden = true
	}
	return cmd
}

// noMeaning says so of a flag of Feast's servers.
func (a *app) noMeaning(flag string) {
	fmt.Fprintf(a.stdio.Err, "%s --%s has no meaning here: one process uses every core and sees changes at once\n",
		paint(a.stdio.Err, yellow, "note:"), flag)
}
