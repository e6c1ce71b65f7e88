package definition

import (
	"time"

	"github.com/goccy/go-yaml/ast"
)

// Answers says which answers of the servers are logged: asof.answers, and
// Feast's feature_server.feature_logging. A zero takes the log's default.
type Answers struct {
	Services bool    // those to feature services, as their logging_config says
	Sample   float64 // the share of all others, from 0 to 1; 0: none
	Folder   string  // where these go, from the repository's folder on
	Keyless  bool    // these have no join keys
	MaxBytes int64   // of the files of one folder
	Flush    time.Duration
}

// readAnswers reads asof.answers.
func (c *Config) readAnswers(r *reading, n ast.Node) {
	if n == nil || n.Type() == ast.NullType {
		return
	}
	settings, ok := n.(*ast.MappingNode)
	if !ok {
		r.problem(n, "asof.answers holds settings as `key: value` lines: `sample: 0.01`")
		return
	}
	a := &c.Asof.Answers
	a.Services = true
	values := r.mapping(settings, "asof.answers", []string{"sample", "folder", "keys", "max_mib", "flush"})
	if v := values["sample"]; v != nil {
		if r.decode(v, "asof.answers.sample", &a.Sample); !(a.Sample >= 0 && a.Sample <= 1) { // NaN is neither
			r.problem(v, "asof.answers.sample is %g; write the share of answers that is logged, from 0 to 1, such as 0.01", a.Sample)
		}
	}
	if r.text(values["folder"], "asof.answers.folder", &a.Folder); a.Folder == "" {
		r.problem(values["folder"], "asof.answers.folder is empty; name a folder, or leave it out for data/answers")
	}
	keys := true
	if v := values["keys"]; v != nil {
		r.decode(v, "asof.answers.keys", &keys)
	}
	a.Keyless = !keys
	var mib int
	r.count(values["max_mib"], "asof.answers.max_mib", &mib)
	if a.MaxBytes = int64(mib) << 20; mib > 1<<40 {
		r.problem(values["max_mib"], "asof.answers.max_mib is %d; write mebibytes, such as 256", mib)
	}
	r.duration(values["flush"], "asof.answers.flush", &a.Flush)
}

// mostFlush is after how many seconds rows are written at the latest: a day.
const mostFlush = 86_400

// readLogging reads feature_server.feature_logging, Feast's section: whether
// feature services log what they answer, and how often it is written.
func (c *Config) readLogging(r *reading, n ast.Node) {
	const name = "feature_server.feature_logging"
	settings, ok := n.(*ast.MappingNode)
	if !ok {
		if n != nil && n.Type() != ast.NullType {
			r.problem(n, name+" holds settings as `key: value` lines: `enabled: true`")
		}
		return
	}
	const interval = "write_to_disk_interval_secs"
	ignored := []string{"flush_interval_secs", "queue_capacity", "emit_timeout_micro_secs"}
	values := r.mapping(settings, name, append([]string{"enabled", interval}, ignored...))
	if v := values["enabled"]; v != nil {
		r.decode(v, name+".enabled", &c.Asof.Answers.Services)
	}
	var seconds int
	if r.count(values[interval], name+"."+interval, &seconds); c.Asof.Answers.Services {
		c.Asof.Answers.Flush = time.Duration(min(seconds, mostFlush)) * time.Second
	}
	for _, key := range ignored {
		if v := values[key]; v != nil {
			r.warn(v, "%s.%s is ignored: the queue is bounded by its bytes and never waited for, and files are where they belong once they are written", name, key)
		}
	}
}
