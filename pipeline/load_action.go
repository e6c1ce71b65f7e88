package pipeline

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/asof-dev/asof"
)

// An http step that says nothing about it is tried so often, so long.
const (
	httpRetries = 3
	httpTimeout = time.Minute
)

var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

func (f *fileReader) materialize(_ ast.Node, values map[string]ast.Node) *Step {
	step := &MaterializeStep{Views: f.texts(values["materialize"], "materialize")}
	if len(step.Views) == 1 && step.Views[0] == "all" {
		step.Views = nil
	}
	return &Step{Name: "materialize", Materialize: step}
}

func (f *fileReader) monitor(_ ast.Node, values map[string]ast.Node) *Step {
	step := &MonitorStep{Views: f.texts(values["monitor"], "monitor"), Granularity: asof.Monthly, FailOn: cmp.Or(among(f, values["fail_on"], "fail_on", monitorFails), FailOnNothing)}
	if len(step.Views) == 1 && step.Views[0] == "all" {
		step.Views = nil
	}
	if n := values["granularity"]; n != nil {
		step.Granularity = among(f, n, "granularity", asof.Granularities)
	}
	return &Step{Name: "monitor", Monitor: step}
}

func (f *fileReader) trainingSet(n ast.Node, values map[string]ast.Node) *Step {
	t := &TrainingSetStep{File: f.template(values["training_set"], "training_set"), Features: f.references(values["features"]),
		Service: f.text(values["service"], "service"), Entities: f.sql(values["entities"], "entities"),
		EntityFile: f.template(values["entity_file"], "entity_file"), Label: f.text(values["label"], "label")}
	if ends := filepath.Ext(t.File); !slices.Contains([]string{".csv", ".parquet", ".arrow"}, ends) {
		f.problem(values["training_set"], "the name of the file ends with .csv, .parquet or .arrow, and not with %q", ends)
	}
	if (values["features"] == nil) == (values["service"] == nil) {
		f.problem(n, "a training_set step needs either `features`, a list, or `service`")
	}
	if (values["entities"] == nil) == (values["entity_file"] == nil) {
		f.problem(n, "a training_set step needs either `entities`, a SELECT, or `entity_file`")
	}
	for _, feature := range t.Features {
		if _, err := asof.ParseReference(feature); err != nil {
			f.problem(values["features"], "%s", err)
		}
	}
	return &Step{Name: "training_set", TrainingSet: t}
}

// references reads features, each view:feature. In brackets and without quotes
// one looks like a mapping to the parser.
func (f *fileReader) references(n ast.Node) (list []string) {
	for _, item := range f.listed(n) {
		if isMapping(item) {
			for _, e := range f.entries(item, "features") {
				list = append(list, e.name+":"+f.text(e.value, "a feature"))
			}
			continue
		}
		list = append(list, f.text(item, "a feature"))
	}
	return list
}

func (f *fileReader) command(n ast.Node, values map[string]ast.Node) *Step {
	c := &CommandStep{Shell: f.boolean(values["shell"], "shell"), Dir: f.template(values["dir"], "dir"), Env: f.templates(values["env"], "env")}
	_, list := values["command"].(*ast.SequenceNode)
	switch {
	case values["command"] == nil:
		return nil
	case list && c.Shell:
		f.problem(values["command"], "a command of the shell is one text, and not a list")
	case !list && !c.Shell:
		f.problem(values["command"], "write the program and its arguments as a list, [python, train.py], or add `shell: true`")
	case list:
		for _, item := range f.items(values["command"], "command") {
			c.Args = append(c.Args, f.template(item, "command"))
		}
	default:
		c.Args = []string{f.template(values["command"], "command")}
	}
	if len(c.Args) == 0 || c.Args[0] == "" {
		f.problem(n, "a command step needs a program to run")
		return nil
	}
	program, _, _ := strings.Cut(c.Args[0], " ")
	return &Step{Name: "command " + filepath.Base(program), Command: c}
}

func (f *fileReader) http(n ast.Node, values map[string]ast.Node) *Step {
	h := &HTTPStep{URL: f.template(values["http"], "http"), Method: f.text(values["method"], "method"), Headers: f.templates(values["headers"], "headers"),
		Body: f.template(values["body"], "body")}
	if values["json"] != nil {
		h.Body, h.JSON = f.json(values["json"]), true
		if h.Headers["Content-Type"] == "" {
			h.Headers["Content-Type"] = "application/json"
		}
	}
	if values["json"] != nil && values["body"] != nil {
		f.problem(n, "an http step has either a `body` or `json`")
	}
	known := []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
	switch {
	case h.Method == "" && h.Body != "":
		h.Method = http.MethodPost
	case h.Method == "":
		h.Method = http.MethodGet
	case !slices.Contains(known, h.Method):
		f.problem(values["method"], "the method %q is not known%s", h.Method, orKnown(h.Method, known))
	}
	for name := range h.Headers {
		if !headerName.MatchString(name) {
			f.problem(values["headers"], "%q cannot be the name of a header", name)
		}
	}
	for _, item := range f.listed(values["expect"]) {
		h.Expect = append(h.Expect, f.whole(item, "expect", 100, 599))
	}
	name := "http"
	if !strings.HasPrefix(h.URL, "${") {
		u, err := url.Parse(h.URL)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			f.problem(values["http"], "the address begins with http:// or https:// and a host")
		} else if !strings.ContainsAny(u.Host, "${") {
			name += " " + u.Host
		}
	}
	return &Step{Name: name, HTTP: h, Timeout: httpTimeout, Retries: usualRetries(httpRetries)}
}

func (f *fileReader) notify(_ ast.Node, values map[string]ast.Node) *Step {
	return &Step{Name: "notify", Notify: &NotifyStep{Text: f.template(values["notify"], "notify"), To: f.texts(values["to"], "to")}}
}

// templates reads texts by name that may hold parameters.
func (f *fileReader) templates(n ast.Node, what string) map[string]string {
	texts := map[string]string{}
	if n == nil {
		return texts
	}
	for _, e := range f.entries(n, what) {
		texts[e.name] = f.template(e.value, what+"."+e.name)
	}
	return texts
}

// json returns a value as JSON. The texts in it may hold parameters, which are
// filled in when it is sent.
func (f *fileReader) json(n ast.Node) string {
	var value any
	if err := yaml.NodeToValue(n, &value); err != nil {
		f.problem(n, "json cannot be read: %s", err)
		return ""
	}
	text, err := json.Marshal(value)
	if err != nil {
		f.problem(n, "json cannot be written: %s", err)
	}
	f.filled(n, string(text), "json")
	return string(text)
}

// listed returns the nodes of a list, or one node as a list of it.
func (f *fileReader) listed(n ast.Node) []ast.Node {
	if sequence, ok := n.(*ast.SequenceNode); ok {
		return sequence.Values
	}
	if n == nil {
		return nil
	}
	return []ast.Node{n}
}
