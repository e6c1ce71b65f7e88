package definition

import (
	"slices"

	"github.com/goccy/go-yaml/ast"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/statistics"
)

// Monitor is asof.monitor: statistics of features.
type Monitor struct {
	Retention  asof.StatisticsRetention
	Thresholds statistics.Wanted // of the project; Of are those of views, and theirs of features
}

// keptStatistics are kept where asof.monitor says nothing of them.
var keptStatistics = asof.StatisticsRetention{Age: 5 * 365 * day, Spans: 120}

// monitorKeys are those of asof.monitor.
var monitorKeys = []string{"retention", "thresholds"}

func (c *Config) readMonitor(r *reading, n ast.Node) {
	if n == nil || n.Type() == ast.NullType {
		return
	}
	own, ok := n.(*ast.MappingNode)
	if !ok {
		r.problem(n, "asof.monitor holds settings as `key: value` lines")
		return
	}
	values := r.mapping(own, "asof.monitor", monitorKeys)
	kept := &c.Asof.Monitor.Retention
	r.retention(values["retention"], "asof.monitor.retention", "of how many spans statistics are kept, of each view and granularity, and for how long: `{spans: 120, age: 1825d}`",
		"spans", &kept.Spans, &kept.Age)
	c.Asof.Monitor.Thresholds = r.thresholds(values["thresholds"], "asof.monitor.thresholds", "views", "features")
}

// thresholds reads from where on features have drifted: measures by name, and
// under the first of parts those of each part.
func (r *reading) thresholds(n ast.Node, name string, parts ...string) statistics.Wanted {
	w := statistics.Wanted{}
	if n == nil || n.Type() == ast.NullType {
		return w
	}
	own, ok := n.(*ast.MappingNode)
	if !ok {
		r.problem(n, "%s says from where on features have drifted: `{psi: 0.3, ks: never}`", name)
		return w
	}
	known := statistics.ThresholdNames
	if len(parts) > 0 {
		known = append(slices.Clone(known), parts[0])
	}
	values := r.mapping(own, name, known)
	w.Own = map[string]float64{}
	for _, measure := range statistics.ThresholdNames {
		if v := values[measure]; v != nil {
			number, err := statistics.ParseThreshold(v.GetToken().Value)
			if err != nil {
				r.problem(v, "%s.%s %s", name, measure, err)
			}
			w.Own[measure] = number
		}
	}
	if len(parts) == 0 || values[parts[0]] == nil {
		return w
	}
	below, ok := values[parts[0]].(*ast.MappingNode)
	if !ok {
		r.problem(values[parts[0]], "%s.%s holds names with their thresholds: `NAME: {psi: 0.3}`", name, parts[0])
		return w
	}
	w.Of = map[string]statistics.Wanted{}
	for _, item := range below.Values {
		part := item.Key.GetToken().Value
		w.Of[part] = r.thresholds(item.Value, name+"."+parts[0]+"."+part, parts[1:]...)
	}
	return w
}
