package cli

import (
	"context"
	"log/slog"
	"net"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof/console"
	"github.com/asof-dev/asof/metric"
	"github.com/asof-dev/asof/server"
)

func (a *app) uiCommand() *cobra.Command {
	var host, root string
	var port int
	var files server.Security
	cmd := &cobra.Command{
		Use:   "ui",
		Short: "Serve the console: what is defined, what reads what, and values, as web pages",
		Long: "Serves the console: whether everything is all right and what needs somebody, a catalog of what is defined,\n" +
			"with columns, users, materializations and the code to read each, the lineage of sources, views and\n" +
			"services, values by key, online and offline, training sets, and pipelines with their runs, as they go on.\n" +
			"In English and French; every page is also JSON. Runs that are entered here wait for a worker, as `serve --all`\n" +
			"has one. It listens on this machine alone unless -h says otherwise.",
		Example: a.example("-c my_project ui", "-c my_project ui -h 0.0.0.0 -p 8080 --root_path /asof", "-c my_project ui -k server.key -c server.crt"),
		Args:    a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("cors-allowed-origins") {
				return usagef(cmd.CommandPath()+" --help", "--cors-allowed-origins: pages of other sites can't read the console; leave it out")
			}
			security, err := loadSecurity(files)
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			return a.withRepository(ctx, func(r *repository) error {
				served, err := r.consoleSurface(ctx, host, root, port, nil)
				if err != nil {
					return err
				}
				served.flag = "-p"
				return r.serveAll(ctx, host, security, []surface{served})
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&host, "host", "h", "127.0.0.1", "the address to listen on")
	flags.IntVarP(&port, "port", "p", 8888, "the port; 0 takes a free one")
	flags.StringVar(&root, "root_path", "", "the path below which a proxy shows the console")
	securityFlags(cmd, &files)
	flags.Bool("help", false, "help for ui") // -h is the host, as in Feast
	flags.String("cors-allowed-origins", "", "")
	flags.Lookup("cors-allowed-origins").Hidden = true
	return cmd
}

// consoleSurface is the console over HTTP. metrics are those of the servers in
// this process; nil where there are none.
func (r *repository) consoleSurface(ctx context.Context, host, root string, port int, metrics *metric.Metrics) (surface, error) {
	registry, err := r.Registry(ctx)
	if err != nil {
		return surface{}, err
	}
	guard, err := r.Guard(ctx)
	if err != nil {
		return surface{}, err
	}
	log := slog.Default()
	ip := net.ParseIP(host)
	options := console.Options{Project: r.config.Project, Registry: registry, Ledger: r.Ledger, Runs: r.Runs, Pipelines: r.consolePipelines(metrics != nil), User: localUser(), Statistics: r.Statistics, Calendars: r.config.Asof.Freshness, Places: (&places{config: r.config}).find, History: r.History, Lookup: r.lookup(guard), Guard: guard,
		RootPath: root, Local: host == "localhost" || ip != nil && ip.IsLoopback(), Log: log}
	sets, stopping := r.trainingSets(guard), make(chan struct{})
	options.Training, options.Stopping = sets, stopping
	options.Login, options.URL = r.login(guard), r.config.Asof.Serve.ConsoleURL
	if metrics != nil {
		options.Traffic = metrics.Traffic
	}
	pages, err := console.New(options)
	if err != nil {
		return surface{}, err
	}
	return surface{what: "console", scheme: "http", port: port, flag: "--ui-port", serve: func(ctx context.Context, l net.Listener) error {
		stop := context.AfterFunc(ctx, func() { close(stopping) })
		defer stop()
		defer sets.Jobs.Close() // before the stores that its jobs read
		return server.HTTP(ctx, l, pages, server.HTTPOptions{Log: log})
	}}, nil
}
