package cli

import (
	"cmp"
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/answerlog"
	"github.com/asof-dev/asof/grpcapi"
	"github.com/asof-dev/asof/httpapi"
	"github.com/asof-dev/asof/materialize"
	"github.com/asof-dev/asof/ondemand"
	"github.com/asof-dev/asof/permission"
	"github.com/asof-dev/asof/proxy"
	"github.com/asof-dev/asof/push"
	"github.com/asof-dev/asof/server"
	"github.com/asof-dev/asof/serving"
	"github.com/spf13/cobra"
)

// features is what a feature server does, wired to the repository's stores. All
// of it goes through one online store, so that a cache sees what is written.
type features struct {
	guard       *permission.Guard // nil where everybody may do everything
	reader      *serving.Reader
	load        *serving.Load // of reads, whichever server they come to
	pusher      *push.Pusher
	materialize func(context.Context) (*materialize.Materializer, error)
	jobs        materialize.Jobs
	answers     *answerlog.Log // of what is served; nil: it is not logged
}

// features wires them for servers, whose callers the repository's guard admits.
func (r *repository) features(ctx context.Context) (*features, error) {
	guard, err := r.Guard(ctx)
	if err != nil {
		return nil, err
	}
	return r.wire(ctx, guard, r.answers())
}

// reader wires online reads alone, for whoever has the repository.
func (r *repository) reader(ctx context.Context) (*serving.Reader, error) {
	f, err := r.wire(ctx, nil, nil)
	if err != nil {
		return nil, err
	}
	return f.reader, nil
}

func (r *repository) wire(ctx context.Context, guard *permission.Guard, answers *answerlog.Log) (*features, error) {
	registry, err := r.Registry(ctx)
	if err != nil {
		return nil, err
	}
	online, err := r.Online(ctx)
	if err != nil {
		return nil, err
	}
	version := asof.KeyVersion(online)
	lister, _ := online.(asof.KeyLister)
	if cache := r.config.Asof.Serve.Cache; cache.Entries > 0 {
		online = proxy.Cache(online, cache.Entries, cmp.Or(cache.TTL, time.Second))
	}
	f := &features{guard: guard, answers: answers, load: serving.NewReadLoad(r.config.Asof.Serve.MaxRequests),
		pusher: &push.Pusher{Project: r.config.Project, Registry: registry, Online: online, Offline: r.Offline, Programs: &ondemand.Programs{Workers: r.workers()}, Permit: permitWrites(guard)}}
	f.materialize = func(ctx context.Context) (*materialize.Materializer, error) {
		m, err := r.materializer(ctx, nil)
		if err == nil {
			m.Online = online
		}
		return m, err
	}
	var sink func(*serving.Selected) *serving.Sink
	if answers != nil {
		sink = answers.Sink
	}
	f.reader, err = serving.New(serving.Options{Registry: registry, Sink: sink, Online: r.trace.Online(online), Keys: lister, Project: r.config.Project, KeyVersion: version,
		OnExpired: r.config.Asof.OnExpired, MaxEntities: r.config.Asof.Serve.MaxEntities, Workers: r.workers(), Permit: guard.Permit(permission.ReadOnline)})
	return f, err
}

// permitWrites asks a guard whether rows may go to objects; nil for a nil guard.
func permitWrites(guard *permission.Guard) func(context.Context, *asof.Snapshot, push.To, ...asof.Object) error {
	if guard == nil {
		return nil
	}
	actions := map[push.To]permission.Action{push.Online: permission.WriteOnline, push.Offline: permission.WriteOffline,
		push.OnlineAndOffline: permission.WriteOnline | permission.WriteOffline}
	return func(ctx context.Context, s *asof.Snapshot, to push.To, objects ...asof.Object) error {
		return guard.Check(ctx, s, actions[to], objects...)
	}
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
			"POST /push, /write-to-online-store and /materialize, GET /health, GET /ready and GET /metrics; with --all also\n" +
			"gRPC, the registry over gRPC and HTTP, the offline store and the console (see `ui`), and pipelines are run by their schedules.\n" +
			"With -k and -c all of them speak TLS.",
		Example: a.example("-c my_project serve", "-c my_project serve -h 0.0.0.0 -p 8000", "-c my_project serve --all", "-c my_project serve -t grpc --grpc-port 50052",
			"-c my_project serve --metrics-port 9100"),
		Args: a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, name := range feastServeFlags {
				if cmd.Flags().Changed(name) {
					a.noMeaning(name)
				}
			}
			if o.kind != "http" && o.kind != "grpc" {
				return usagef(cmd.CommandPath()+" --help", "--type is %q; it has to be http or grpc%s", o.kind, asof.DidYouMean(o.kind, []string{"http", "grpc"}))
			}
			o.ownMetrics = o.metrics || cmd.Flags().Changed("metrics-port")
			o.grpc = o.all || o.kind == "grpc" || cmd.Flags().Changed("grpc-port")
			security, err := loadSecurity(o.security)
			if err != nil {
				return err
			}
			return a.withRepository(cmd.Context(), func(r *repository) error { return r.serve(cmd.Context(), o, security) })
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.host, "host", "h", "127.0.0.1", "the address to listen on")
	flags.IntVarP(&o.port, "port", "p", 6566, "the port of HTTP; 0 takes a free one")
	flags.IntVar(&o.grpcPort, "grpc-port", 50051, "the port of gRPC, which is served too when it is given; 0 takes a free one")
	flags.StringVarP(&o.kind, "type", "t", "http", "http, or grpc for gRPC alone")
	flags.BoolVar(&o.all, "all", false, "everything that can be served, each on Feast's port")
	flags.IntVar(&o.registryPort, "registry-port", 6570, "the port of the registry under --all; 0 takes a free one")
	flags.IntVar(&o.offlinePort, "offline-port", 8815, "the port of the offline store under --all; 0 takes a free one")
	flags.IntVar(&o.restPort, "rest-port", 6572, "the port of the registry over HTTP under --all; 0 takes a free one")
	flags.IntVar(&o.uiPort, "ui-port", 8888, "the port of the console under --all; 0 takes a free one")
	flags.IntVar(&o.metricsPort, "metrics-port", 8000, "a port of its own for /metrics; 0 takes a free one (without it /metrics is on the port of HTTP)")
	flags.BoolVarP(&o.metrics, "metrics", "m", false, "the same as --metrics-port 8000, as in Feast")
	securityFlags(cmd, &o.security)
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
	offlinePort    int
	restPort       int
	uiPort         int
	metricsPort    int
	kind           string
	all, grpc      bool

	security server.Security

	metrics, ownMetrics bool // asked for as Feast does; on a port of their own
}

// serve answers until the context ends, over what is asked for.
func (r *repository) serve(ctx context.Context, o serveFlags, security *tls.Config) error {
	f, err := r.features(ctx)
	if err != nil {
		return err
	}
	defer f.jobs.Close() // waits for those that the end of ctx has interrupted
	metrics := r.metrics(f.answers, slog.Default())
	ownMetrics := o.ownMetrics || r.config.Metrics.Enabled
	var surfaces []surface
	if o.kind == "http" {
		own := metrics.Handler()
		if ownMetrics {
			own = nil
		}
		surfaces = append(surfaces, r.httpSurface(f, metrics, own, o.port))
	}
	if o.grpc {
		surfaces = append(surfaces, r.grpcSurface(f, metrics, o.grpcPort))
	}
	if o.all {
		registry, err := r.registryServer(ctx, f.reader.Changed)
		if err != nil {
			return err
		}
		offline, err := r.offlineSurface(ctx, o.offlinePort)
		if err != nil {
			return err
		}
		offline.flag = "--offline-port"
		defer registry.Close()
		pages, err := r.consoleSurface(ctx, o.host, "", o.uiPort, metrics)
		if err != nil {
			return err
		}
		surfaces = append(surfaces, registrySurface(registry, o.registryPort, "--registry-port"), r.restSurface(registry, o.restPort), offline, pages)
	}
	if ownMetrics {
		surfaces = append(surfaces, metricsSurface(metrics.Handler(), o.metricsPort))
	}
	if o.all {
		return r.serveAll(ctx, o.host, security, surfaces, r.work, metrics.KeepTraffic)
	}
	return r.serveAll(ctx, o.host, security, surfaces)
}

// httpSurface is the feature server over HTTP. own answers GET /metrics; nil
// where they have a port of their own.
func (r *repository) httpSurface(f *features, observer serving.Observer, own http.Handler, port int) surface {
	log, limits := slog.Default(), r.config.Asof.Serve
	stopping := make(chan struct{})
	watch := r.watch()
	handler := r.trace.Handler(httpapi.New(httpapi.Options{Reader: f.reader, Pusher: f.pusher, Materializer: f.materialize, Jobs: &f.jobs, Features: r.apiFeatures(), Timeout: limits.Timeout, Load: f.load,
		Log: log, Guard: f.guard, Observer: observer, Metrics: own, Freshness: watch.Header, Pipelines: r.pipelinesHandler(f.guard, stopping)}), tracedRoute)
	return surface{what: "project " + r.config.Project, scheme: "http", port: port, flag: "-p", serve: func(ctx context.Context, l net.Listener) error {
		stop := context.AfterFunc(ctx, func() { // for requests that wait for one, and those that follow a run
			close(stopping)
			f.jobs.Close()
		})
		defer stop()
		if r.config.Asof.Freshness.Any() {
			watching, end := context.WithCancel(ctx)
			var kept sync.WaitGroup
			kept.Go(func() { watch.Keep(watching) })
			defer kept.Wait()
			defer end()
		}
		return server.HTTP(ctx, l, handler, server.HTTPOptions{Log: log})
	}}
}

// grpcSurface is the feature server over gRPC.
func (r *repository) grpcSurface(f *features, observer serving.Observer, port int) surface {
	options := grpcapi.Options{Reader: f.reader, Pusher: f.pusher, Version: Version, Timeout: r.config.Asof.Serve.Timeout, Load: f.load, Log: slog.Default(), Guard: f.guard, Observer: observer, Calls: r.trace.Calls()}
	return surface{what: "project " + r.config.Project, scheme: "grpc", port: port, flag: "--grpc-port", serve: func(ctx context.Context, l net.Listener) error {
		return grpcapi.Serve(ctx, l, options)
	}}
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

// apiFeatures are those that GET /features/{key} answers where a request names
// none: of the environment, else of the configuration.
func (r *repository) apiFeatures() []string {
	list := os.Getenv("ASOF_API_FEATURES")
	if list == "" {
		return r.config.Asof.Serve.Features
	}
	return strings.FieldsFunc(list, func(c rune) bool { return c == ',' || c == ' ' })
}
