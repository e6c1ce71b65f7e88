package cli

import (
	"context"
	"log/slog"
	"net"
	"net/http"

	"github.com/asof-dev/asof/answerlog"
	"github.com/asof-dev/asof/metric"
	"github.com/asof-dev/asof/notify"
	"github.com/asof-dev/asof/server"
)

// metrics counts what the servers of the repository do.
func (r *repository) metrics(answers *answerlog.Log, log *slog.Logger) *metric.Metrics {
	var logged func() answerlog.Counts
	if answers != nil {
		logged = answers.Counts
	}
	return metric.New(metric.Options{Logged: logged, Project: r.config.Project, Version: Version, Registry: r.Registry, Ledger: r.Ledger,
		Runs: r.Runs, Statistics: r.Statistics, Told: func() []notify.Count { return r.notifier().Counts() }, Calendars: r.config.Asof.Freshness,
		FeatureCountBins: r.config.Metrics.FeatureCountBins, Log: log})
}

// metricsSurface is GET /metrics alone.
func metricsSurface(metrics http.Handler, port int) surface {
	routes := http.NewServeMux()
	routes.Handle("GET /metrics", metrics)
	return surface{what: "metrics", scheme: "http", port: port, flag: "--metrics-port", serve: func(ctx context.Context, l net.Listener) error {
		return server.HTTP(ctx, l, routes, server.HTTPOptions{Log: slog.Default()})
	}}
}
