package definition

import (
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/asof-dev/asof"
)

// Notify is an entry of asof.notify: a webhook that is told what becomes of
// runs. Everything but Name, States and Pipelines may be secret.
type Notify struct {
	Name      string
	URL       string
	Format    string            // "json" or "slack"
	States    []asof.RunState   // nil: those in which a run ends
	Drift     bool              // it is told of views that have drifted
	Pipelines []string          // nil: all
	Headers   map[string]string // sent along
	Secret    string            // signs; "" for none
}

// Lineage is openlineage, Feast's section: where events about runs go.
type Lineage struct {
	Enabled   bool   // also where the section is left out: the environment decides then
	Type      string // transport_type: "http", "file", or "" where the environment decides
	URL       string // of the transport http: transport_url with transport_endpoint
	File      string // of the transport file
	APIKey    string
	Namespace string // of jobs, as Feast makes it of the section's and the project
}

var (
	notifyKeys    = []string{"name", "url", "format", "on", "pipelines", "headers", "secret"}
	notifyFormats = []string{"json", "slack"}
	notifyStates  = []string{string(asof.RunRunning), string(asof.RunRetrying), string(asof.RunCompleted), string(asof.RunFailed),
		string(asof.RunCrashed), string(asof.RunCancelled)}
)

const notifyForm = "asof.notify lists webhooks: `- {url: ${SLACK_WEBHOOK}, format: slack, on: [failed, crashed]}`"

func (c *Config) readNotify(r *reading, n ast.Node) {
	if n == nil || n.Type() == ast.NullType {
		return
	}
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		r.problem(n, "%s", notifyForm)
		return
	}
	names := map[string]bool{}
	for _, entry := range list.Values {
		section, ok := entry.(*ast.MappingNode)
		if !ok {
			r.problem(entry, "%s", notifyForm)
			continue
		}
		before := len(r.problems)
		target, set := r.notify(section)
		if len(r.problems) > before {
			continue
		}
		if names[target.Name] {
			r.problem(section, "asof.notify has two of the name %q: give them a `name`", target.Name)
		}
		names[target.Name] = true
		if set {
			c.Asof.Notify = append(c.Asof.Notify, target)
		}
	}
}

// notify reads one webhook. It is not set where it names an environment
// variable that is not there: a laptop need not have the secrets of a server.
func (r *reading) notify(section *ast.MappingNode) (t Notify, set bool) {
	const name = "asof.notify"
	values := r.mapping(section, name, notifyKeys)
	t.Format = "json"
	r.text(values["name"], name+".name", &t.Name)
	r.text(values["url"], name+".url", &t.URL)
	r.text(values["format"], name+".format", &t.Format)
	r.text(values["secret"], name+".secret", &t.Secret)
	if v := values["headers"]; v != nil {
		r.decode(v, name+".headers", &t.Headers)
	}
	if v := values["pipelines"]; v != nil {
		r.decode(v, name+".pipelines", &t.Pipelines)
	}
	t.Drift = t.Pipelines == nil
	if v := values["on"]; v != nil {
		t.States, t.Drift = r.states(v)
	}
	if !slices.Contains(notifyFormats, t.Format) {
		r.problem(values["format"], "asof.notify.format is %q; write json or slack%s", t.Format, asof.DidYouMean(t.Format, notifyFormats))
	}
	set = !r.lacks(append(slices.Collect(maps.Values(t.Headers)), t.URL, t.Secret))
	host, ok := webAddress(t.URL)
	if t.Name == "" {
		t.Name = host
	}
	switch {
	case values["url"] == nil:
		r.problem(section, "asof.notify needs `url`: where it tells of runs")
	case set && !ok: // not said: it may be half a secret
		r.problem(values["url"], "asof.notify.url is no address: write https://HOST/PATH")
	}
	return t, set
}

// lacks reports whether one of the texts names an environment variable that is
// not set.
func (r *reading) lacks(texts []string) bool {
	return slices.ContainsFunc(texts, func(text string) bool {
		return slices.ContainsFunc(variable.FindAllString(text, -1), func(match string) bool { return r.unset[strings.Trim(match, "${}")] })
	})
}

// states reads the states of runs, and whether views that have drifted are told of.
func (r *reading) states(n ast.Node) (states []asof.RunState, drift bool) {
	words := []string{}
	states = []asof.RunState{}
	r.decode(n, "asof.notify.on", &words)
	for _, word := range words {
		if word == string(asof.VerdictDrifted) {
			drift = true
			continue
		}
		if !slices.Contains(notifyStates, word) {
			r.problem(n, "asof.notify.on: there is no state %q; write some of %s, drifted", word, strings.Join(notifyStates, ", "))
		}
		states = append(states, asof.RunState(word))
	}
	return states, drift
}

// webAddress returns the host of a URL, and whether it is one that can be asked.
func webAddress(text string) (host string, ok bool) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", false
	}
	return u.Host, true
}

// lineageKeys are Feast's. What Feast sends at an apply has no counterpart, and
// so have the settings of its own collector.
var lineageKeys = []string{"enabled", "transport_type", "transport_url", "transport_endpoint", "api_key", "namespace", "producer",
	"emit_on_apply", "emit_on_materialize", "consumer"}

func (c *Config) readLineage(r *reading, n ast.Node) {
	l := &c.Lineage
	l.Enabled, l.Namespace = true, c.Project
	section, ok := n.(*ast.MappingNode)
	if !ok {
		if n != nil && n.Type() != ast.NullType {
			r.problem(n, "openlineage holds settings as `key: value` lines: `enabled: true`")
		}
		return
	}
	l.Enabled = false // Feast's default
	const name = "openlineage"
	values := r.mapping(section, name, lineageKeys)
	var address, namespace string
	endpoint := "api/v1/lineage"
	if v := values["enabled"]; v != nil {
		r.decode(v, name+".enabled", &l.Enabled)
	}
	r.text(values["transport_type"], name+".transport_type", &l.Type)
	r.text(values["transport_url"], name+".transport_url", &address)
	r.text(values["transport_endpoint"], name+".transport_endpoint", &endpoint)
	r.text(values["api_key"], name+".api_key", &l.APIKey)
	r.text(values["namespace"], name+".namespace", &namespace)
	l.Namespace = lineageNamespace(namespace, c.Project)
	if !l.Enabled {
		return
	}
	switch l.Type {
	case "":
	case "http":
		if _, ok := webAddress(address); !ok {
			r.problem(section, "openlineage.transport_url is no address: write http://HOST:PORT")
		}
		l.URL = strings.TrimSuffix(address, "/") + "/" + strings.TrimPrefix(endpoint, "/")
	case "file":
		l.File = address
		if l.File == "" {
			l.File = "openlineage_events.json" // Feast's
		}
		if !filepath.IsAbs(l.File) {
			l.File = filepath.Join(c.Dir, l.File)
		}
	default:
		r.warn(values["transport_type"], "openlineage.transport_type is %q, and only http and file are sent to: no events are sent", l.Type)
		l.Enabled = false
	}
}

// lineageNamespace returns the namespace of a project's jobs, as Feast has it.
func lineageNamespace(configured, project string) string {
	switch {
	case configured == "" || configured == "feast":
		return project
	case configured == project || strings.HasSuffix(configured, "/"+project):
		return configured
	}
	return configured + "/" + project
}
