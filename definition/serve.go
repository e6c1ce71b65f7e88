package definition

import (
	"net/url"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// Serve is asof.serve: what the servers answer where a request does not say,
// and what a request may cost. A zero takes the servers' default.
type Serve struct {
	Features    []string // of GET /features: names, or view:feature
	MaxEntities int      // entity rows of one request
	MaxRequests int      // requests that are worked on at once
	Timeout     time.Duration
	Cache       Cache
	ConsoleURL  string // of the console as browsers see it; "": where they send their requests
}

// Cache is asof.serve.cache: rows of the online store kept in the process.
type Cache struct {
	Entries int           // rows of one view and key; 0 is no cache
	TTL     time.Duration // how long a write by another process may go unseen
}

func (c *Config) readServe(r *reading, n ast.Node) {
	serve, ok := n.(*ast.MappingNode)
	if !ok {
		if n != nil && n.Type() != ast.NullType {
			r.problem(n, "asof.serve holds settings as `key: value` lines")
		}
		return
	}
	values := r.mapping(serve, "asof.serve", []string{"features", "max_entities", "max_requests", "timeout", "cache", "console_url"})
	s := &c.Asof.Serve
	if v := values["features"]; v != nil {
		r.decode(v, "asof.serve.features", &s.Features)
	}
	r.text(values["console_url"], "asof.serve.console_url", &s.ConsoleURL)
	if at, err := url.Parse(s.ConsoleURL); s.ConsoleURL != "" && (err != nil || at.Host == "" || at.Scheme != "https" && at.Scheme != "http") {
		r.problem(values["console_url"], "asof.serve.console_url is %q; write the address at which browsers see the console: https://HOST/…", s.ConsoleURL)
	}
	r.count(values["max_entities"], "asof.serve.max_entities", &s.MaxEntities)
	r.count(values["max_requests"], "asof.serve.max_requests", &s.MaxRequests)
	r.duration(values["timeout"], "asof.serve.timeout", &s.Timeout)
	if cache, ok := values["cache"].(*ast.MappingNode); ok {
		values := r.mapping(cache, "asof.serve.cache", []string{"entries", "ttl"})
		r.count(values["entries"], "asof.serve.cache.entries", &s.Cache.Entries)
		r.duration(values["ttl"], "asof.serve.cache.ttl", &s.Cache.TTL)
	} else if v := values["cache"]; v != nil && v.Type() != ast.NullType {
		r.problem(v, "asof.serve.cache holds settings as `key: value` lines: `entries: 100000`")
	}
}

// count reads a whole number above zero, where there is one.
func (r *reading) count(n ast.Node, name string, into *int) {
	if n == nil {
		return
	}
	before := len(r.problems)
	r.decode(n, name, into)
	if len(r.problems) == before && *into < 1 {
		r.problem(n, "%s is %d; write a number above 0", name, *into)
	}
}

// duration reads a time as Go writes it, where there is one.
func (r *reading) duration(n ast.Node, name string, into *time.Duration) {
	if n == nil {
		return
	}
	var err error
	text := n.GetToken().Value
	if *into, err = time.ParseDuration(text); err != nil || *into <= 0 {
		r.problem(n, "%s is %q; write a time above 0 with its unit, such as 500ms or 2s", name, text)
	}
}
