package definition

import (
	"github.com/goccy/go-yaml/ast"

	"github.com/asof-dev/asof"
)

// Monitor is asof.monitor: statistics of features.
type Monitor struct {
	Retention asof.StatisticsRetention
}

// keptStatistics are kept where asof.monitor says nothing of them.
var keptStatistics = asof.StatisticsRetention{Age: 5 * 365 * day, Spans: 120}

// monitorKeys are those of asof.monitor.
var monitorKeys = []string{"retention"}

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
}
