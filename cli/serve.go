package cli

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/httpapi"
	"github.com/asof-dev/asof/serving"
)

// reader wires online reads to the repository's stores.
func (r *repository) reader(ctx context.Context) (*serving.Reader, error) {
	registry, err := r.Registry(ctx)
	if err != nil {
		return nil, err
	}
	online, err := r.Online(ctx)
	if err != nil {
		return nil, err
	}
	return serving.New(serving.Options{Registry: registry, Online: online, Project: r.config.Project,
		OnExpired: r.config.Asof.OnExpired})
}

// feastServeFlags are flags of Feast's serve that have no meaning in one
// process that uses every core; they are accepted, and said to be without one.
var feastServeFlags = []string{"workers", "worker-connections", "max-requests", "max-requests-jitter", "keep-alive-timeout", "registry_ttl_sec"}

func (a *app) serveCommand() *cobra.Command {
	var host string
	var port int
	cmd := &cobra.Command{
		Use:     "serve",
		Short:   "Serve features over HTTP",
		Long:    "Serves POST /get-online-features as Feast's server does, GET /features/{key} and GET /health.",
		Example: a.example("-c my_project serve", "-c my_project serve -h 0.0.0.0 -p 8000"),
		Args:    a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, name := range feastServeFlags {
				if cmd.Flags().Changed(name) {
					fmt.Fprintf(a.stdio.Err, "%s --%s has no meaning here: one process uses every core and sees changes at once\n",
						paint(a.stdio.Err, yellow, "note:"), name)
				}
			}
			return a.withRepository(cmd.Context(), func(r *repository) error {
				return r.serve(cmd.Context(), net.JoinHostPort(host, strconv.Itoa(port)))
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&host, "host", "h", "127.0.0.1", "the address to listen on")
	flags.IntVarP(&port, "port", "p", 6566, "the port; 0 takes a free one")
	flags.Bool("help", false, "help for serve") // -h is the host, as in Feast
	flags.IntP("workers", "w", 1, "")
	flags.Int("worker-connections", 1000, "")
	flags.Int("max-requests", 1000, "")
	flags.Int("max-requests-jitter", 50, "")
	flags.Int("keep-alive-timeout", 30, "")
	flags.IntP("registry_ttl_sec", "r", 60, "")
	flags.Bool("no-access-log", false, "")
	for _, name := range append(feastServeFlags, "no-access-log") {
		flags.Lookup(name).Hidden = true
	}
	return cmd
}

// serve answers until the context ends, then lets open requests finish.
func (r *repository) serve(ctx context.Context, address string) error {
	reader, err := r.reader(ctx)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return asof.Errorf(asof.CodeUnavailable, "can't listen on %s: %w; take another address by -h or another port by -p", address, err)
	}
	r.noteFeastTables(ctx)
	fmt.Fprintf(r.app.stdio.Err, "Serving project %s on http://%s\n", r.config.Project, listener.Addr())
	log := slog.Default()
	handler := httpapi.New(httpapi.Options{Reader: reader, Features: r.apiFeatures(), Log: log})
	return httpapi.Serve(ctx, listener, handler, httpapi.ServeOptions{Log: log})
}

// apiFeatures are those that GET /features/{key} answers where a request names
// none: of the environment, else of the configuration.
func (r *repository) apiFeatures() []string {
	list := os.Getenv("ASOF_API_FEATURES")
	if list == "" {
		return r.config.Asof.Serve.Features
	}
	return strings.FieldsFunc(list, func(c rune) bool { return c == ',' || c == ' ' })
}
