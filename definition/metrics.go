package definition

import (
	"net"
	"slices"

	"github.com/goccy/go-yaml/ast"
)

// Metrics is feature_server.metrics, Feast's section.
type Metrics struct {
	Enabled          bool  // on a port of their own
	FeatureCountBins []int // bounds of the label feature_count; nil for Feast's
}

// metricKinds are Feast's switches for some of the series. We always count.
var metricKinds = []string{"resource", "request", "online_features", "push", "materialization", "freshness", "offline_features"}

// readServer takes what counts of feature_server, Feast's section.
func (c *Config) readServer(r *reading, server ast.Node) {
	settings, ok := server.(*ast.MappingNode)
	if !ok {
		return
	}
	var n ast.Node
	for _, item := range settings.Values {
		switch item.Key.GetToken().Value {
		case "metrics":
			n = item.Value
		case "transformation_service_endpoint":
			const name = "feature_server.transformation_service_endpoint"
			r.text(item.Value, name, &c.TransformationService)
			if _, port, err := net.SplitHostPort(c.TransformationService); c.TransformationService != "" && (err != nil || port == "") {
				r.problem(item.Value, name+" is %q; write HOST:PORT, such as localhost:6569", c.TransformationService)
			}
		case "feature_logging":
			c.readLogging(r, item.Value)
		case "offline_push_batching_enabled":
			var on bool
			if r.decode(item.Value, "feature_server.offline_push_batching_enabled", &on); on {
				r.warn(item.Value, "feature_server.offline_push_batching_enabled is ignored: what is pushed is stored before the answer")
			}
		}
	}
	metrics, ok := n.(*ast.MappingNode)
	if !ok {
		if n != nil && n.Type() != ast.NullType {
			r.problem(n, "feature_server.metrics holds settings as `key: value` lines: `enabled: true`")
		}
		return
	}
	const name = "feature_server.metrics"
	values := r.mapping(metrics, name, append([]string{"enabled", "feature_count_bins", "audit_logging"}, metricKinds...))
	if v := values["enabled"]; v != nil {
		r.decode(v, name+".enabled", &c.Metrics.Enabled)
	}
	if v := values["feature_count_bins"]; v != nil {
		r.decode(v, name+".feature_count_bins", &c.Metrics.FeatureCountBins)
		bins := c.Metrics.FeatureCountBins
		if len(bins) > 0 && bins[0] < 1 || !slices.IsSorted(bins) || len(slices.Compact(slices.Clone(bins))) != len(bins) || len(bins) > 100 {
			r.problem(v, name+".feature_count_bins: write at most 100 numbers above 0, each larger than the one before")
		}
	}
	for _, kind := range metricKinds {
		on := true
		if v := values[kind]; v != nil {
			if r.decode(v, name+"."+kind, &on); !on {
				r.warn(v, "%s.%s is ignored: everything is counted, which costs next to nothing", name, kind)
			}
		}
	}
	if v := values["audit_logging"]; v != nil {
		var on bool
		if r.decode(v, name+".audit_logging", &on); on {
			r.warn(v, name+".audit_logging is ignored: there is no audit log of reads")
		}
	}
}
