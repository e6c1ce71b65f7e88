package definition

import (
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/asof-dev/asof"
)

// keptRuns are the runs of pipelines that are kept where asof.pipelines says
// nothing of them.
var keptRuns = asof.RunRetention{Age: 365 * day, Runs: 1000}

const day = 24 * time.Hour

// mostDays bounds an age: a time.Duration holds no more than 292 years.
const mostDays = 36500

// readPipelines reads asof.pipelines: which runs are kept.
func (c *Config) readPipelines(r *reading, n ast.Node) {
	if n == nil || n.Type() == ast.NullType {
		return
	}
	own, ok := n.(*ast.MappingNode)
	if !ok {
		r.problem(n, "asof.pipelines holds settings as `key: value` lines")
		return
	}
	kept := r.mapping(own, "asof.pipelines", []string{"retention"})["retention"]
	r.retention(kept, "asof.pipelines.retention", "how many runs of each pipeline are kept, and for how long: `{runs: 1000, age: 365d}`",
		"runs", &c.Asof.Retention.Runs, &c.Asof.Retention.Age)
}

// retention reads how many of something, and for how long, are kept.
func (r *reading) retention(n ast.Node, name, says, counted string, count *int, age *time.Duration) {
	if n == nil || n.Type() == ast.NullType {
		return
	}
	bounds, ok := n.(*ast.MappingNode)
	if !ok {
		r.problem(n, "%s says %s", name, says)
		return
	}
	values := r.mapping(bounds, name, []string{counted, "age"})
	r.count(values[counted], name+"."+counted, count)
	r.age(values["age"], name+".age", age)
}

// age reads a time of days, where there is one.
func (r *reading) age(n ast.Node, name string, into *time.Duration) {
	if n == nil || n.Type() == ast.NullType {
		return
	}
	text := n.GetToken().Value
	number, found := strings.CutSuffix(text, "d")
	days, err := strconv.Atoi(number)
	if err != nil || !found || days < 1 || days > mostDays {
		r.problem(n, "%s is %q; write a number of days from 1 to %d, such as 365d", name, text, mostDays)
		return
	}
	*into = time.Duration(days) * day
}
