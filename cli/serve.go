package cli

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/grpcapi"
	"github.com/asof-dev/asof/httpapi"
	"github.com/asof-dev/asof/proxy"
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
	if cache := r.config.Asof.Serve.Cache; cache.Entries > 0 {
		online = proxy.Cache(online, cache.Entries, cmp.Or(cache.TTL, time.Second))
	}
	return serving.New(serving.Options{Registry: registry, Online: r.trace.Online(online), Project: r.config.Project, KeyVersion: asof.KeyVersion(online),
		OnExpired: r.config.Asof.OnExpired, MaxEntities: r.config.Asof.Serve.MaxEntities, Workers: r.workers()})
}

// feastServeFlags are flags of Feast's serve that have no meaning in one
// process that uses every core; they are accepted, and said to be without one.
var feastServeFlags = []string{"workers", "worker-connections", "max-requests", "max-requests-jitter", "keep-alive-timeout", "registry_ttl_sec"}

func (a *app) serveCommand() *cobra.Command {
	var o serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve features over HTTP and gRPC",
		Long: "Serves POST /get-online-features as Feast's server does, GET /features and GET /features/{key},\n" +
			"GET /health, GET /ready and GET /metrics; with --all also Feast's ServingService and the registry over gRPC.",
		Example: a.example("-c my_project serve", "-c my_project serve -h 0.0.0.0 -p 8000", "-c my_project serve --all", "-c my_project serve -t grpc --grpc-port 50052",
			"-c my_project serve --metrics-port 9100"),
		Args: a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, name := range feastServeFlags {
				if cmd.Flags().Changed(name) {
					fmt.Fprintf(a.stdio.Err, "%s --%s has no meaning here: one process uses every core and sees changes at once\n",
						paint(a.stdio.Err, yellow, "note:"), name)
				}
			}
			if o.kind != "http" && o.kind != "grpc" {
				return usagef(cmd.CommandPath()+" --help", "--type is %q; it has to be http or grpc%s", o.kind, asof.DidYouMean(o.kind, []string{"http", "grpc"}))
			}
			o.ownMetrics = o.metrics || cmd.Flags().Changed("metrics-port")
			o.grpc = o.all || o.kind == "grpc" || cmd.Flags().Changed("grpc-port")
			return a.withRepository(cmd.Context(), func(r *repository) error { return r.serve(cmd.Context(), o) })
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.host, "host", "h", "127.0.0.1", "the address to listen on")
	flags.IntVarP(&o.port, "port", "p", 6566, "the port of HTTP; 0 takes a free one")
	flags.IntVar(&o.grpcPort, "grpc-port", 50051, "the port of gRPC, which is served too when it is given; 0 takes a free one")
	flags.StringVarP(&o.kind, "type", "t", "http", "http, or grpc for gRPC alone")
	flags.BoolVar(&o.all, "all", false, "everything that can be served, each on Feast's port")
	flags.IntVar(&o.registryPort, "registry-port", 6570, "the port of the registry under --all; 0 takes a free one")
	flags.IntVar(&o.metricsPort, "metrics-port", 8000, "a port of its own for /metrics; 0 takes a free one (without it /metrics is on the port of HTTP)")
	flags.BoolVarP(&o.metrics, "metrics", "m", false, "the same as --metrics-port 8000, as in Feast")
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

// serveFlags say what is served, and where.
type serveFlags struct {
	host           string
	port, grpcPort int
	registryPort   int
	metricsPort    int
	kind           string
	all, grpc      bool

	metrics, ownMetrics bool // asked for as Feast does; on a port of their own
}

// server is one surface, ready to be served.
type server struct {
	what     string // is served, as far as the address: "project shop on http://"
	listener net.Listener
	serve    func(context.Context, net.Listener) error
}

// serve answers until the context ends, then lets open requests finish. It
// listens everywhere before it serves anywhere.
func (r *repository) serve(ctx context.Context, o serveFlags) error {
	reader, err := r.reader(ctx)
	if err != nil {
		return err
	}
	servers, err := r.listen(ctx, o, reader)
	defer func() {
		for _, s := range servers {
			_ = s.listener.Close() // closed already where it was served
		}
	}()
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { r.noteFeastTables(ctx); return nil }) // beside: a store that is away holds up no server
	for _, s := range servers {
		fmt.Fprintf(r.app.stdio.Err, "Serving %s%s\n", s.what, s.listener.Addr())
		group.Go(func() error { return s.serve(ctx, s.listener) })
	}
	forgetStart()
	return group.Wait()
}

// listen returns the servers that are asked for, those that listen already
// where one of them cannot.
func (r *repository) listen(ctx context.Context, o serveFlags, reader *serving.Reader) (servers []server, err error) {
	log, limits, project := slog.Default(), r.config.Asof.Serve, "project "+r.config.Project+" on "
	metrics := r.metrics(log)
	ownMetrics := o.ownMetrics || r.config.Metrics.Enabled
	if o.kind == "http" {
		options := httpapi.Options{Reader: reader, Features: r.apiFeatures(), Timeout: limits.Timeout, MaxRequests: limits.MaxRequests, Log: log, Observer: metrics}
		if !ownMetrics {
			options.Metrics = metrics.Handler()
		}
		handler := r.trace.Handler(httpapi.New(options), tracedRoute)
		servers, err = listen(servers, project+"http://", o.host, o.port, "-p", func(ctx context.Context, l net.Listener) error {
			return httpapi.Serve(ctx, l, handler, httpapi.ServeOptions{Log: log})
		})
	}
	if err == nil && o.grpc {
		options := grpcapi.Options{Reader: reader, Version: Version, Timeout: limits.Timeout, Log: log, Observer: metrics, Calls: r.trace.Calls()}
		servers, err = listen(servers, project+"grpc://", o.host, o.grpcPort, "--grpc-port", func(ctx context.Context, l net.Listener) error {
			return grpcapi.Serve(ctx, l, options)
		})
	}
	if err == nil && o.all {
		var serve func(context.Context, net.Listener) error
		if serve, err = r.registryServer(ctx, nil); err == nil {
			servers, err = listen(servers, registryTold(nil), o.host, o.registryPort, "--registry-port", serve)
		}
	}
	if err == nil && ownMetrics {
		servers, err = listen(servers, "metrics on http://", o.host, o.metricsPort, "--metrics-port", func(ctx context.Context, l net.Listener) error {
			return serveMetrics(ctx, l, metrics.Handler(), log)
		})
	}
	return servers, err
}

// tracedRoute is the route of a request that is traced: what supervisors and
// Prometheus ask all the time is not.
func tracedRoute(r *http.Request) string {
	switch route := httpapi.Route(r); route {
	case "/health", "/ready", "/metrics":
		return ""
	default:
		return route
	}
}

// listen adds a server that listens. flag is the one that takes another port.
func listen(servers []server, what, host string, port int, flag string, serve func(context.Context, net.Listener) error) ([]server, error) {
	address := net.JoinHostPort(host, strconv.Itoa(port))
	l, err := net.Listen("tcp", address)
	if err != nil {
		return servers, asof.Errorf(asof.CodeUnavailable, "can't listen on %s: %w; take another address by -h or another port by %s", address, err, flag)
	}
	return append(servers, server{what, l, serve}), nil
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
