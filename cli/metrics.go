package cli

import (
	"context"
	"log/slog"
	"net"
	"net/http"

	"github.com/asof-dev/asof/httpapi"
	"github.com/asof-dev/asof/metric"
)

// metrics counts what the servers of the repository do.
func (r *repository) metrics(log *slog.Logger) *metric.Metrics {
	return metric.New(metric.Options{Project: r.config.Project, Version: Version, Registry: r.Registry, Ledger: r.Ledger,
		FeatureCountBins: r.config.Metrics.FeatureCountBins, Log: log})
}

// serveMetrics serves GET /metrics alone.
func serveMetrics(ctx context.Context, l net.Listener, metrics http.Handler, log *slog.Logger) error {
	routes := http.NewServeMux()
	routes.Handle("GET /metrics", metrics)
	return httpapi.Serve(ctx, l, routes, httpapi.ServeOptions{Log: log})
}
