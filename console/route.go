package console

import (
	"context"
	"net/http"
	"time"
)

// route is a page: its path, its template page/NAME.html, and what gathers its
// data. Its title is the text "NAME.title".
type route struct {
	path   string // a pattern of http.ServeMux
	name   string
	menu   string // the entry of the menu that it belongs to
	gather func(context.Context, *Console, *request) (any, error)
	always bool // it is shown too where nothing is registered, or the registry cannot be read: request.unread
}

// routes are the pages.
var routes = []route{
	{path: "/{$}", name: "home", menu: "home", gather: home, always: true},
	{path: "/catalog", name: "catalog", menu: "catalog", gather: catalog},
	{path: "/catalog/{kind}/{name}", name: "object", menu: "catalog", gather: object},
	{path: "/lineage", name: "lineage", menu: "lineage", gather: lineage},
	{path: "/lookup", name: "lookup", menu: "lookup", gather: lookup},
	{path: "/training", name: "training", menu: "training", gather: training},
	{path: "/training/set/{id}", name: "set", menu: "training", gather: set},
	{path: "/training/job/{id}", name: "job", menu: "training", gather: trainingJob},
	{path: "/actions", name: "actions", gather: listActions},
}

// actions are what can be changed.
var actions = []action{
	{path: "/runs/{id}/cancel", name: "cancel", menu: "actions", may: updateProject, ask: askCancel, do: doCancel},
	{path: "/runs/{id}/resume", name: "resume", menu: "actions", may: updateProject, ask: askResume, do: doResume},
	{path: "/training/new", name: "make-set", menu: "training", most: uploadBytes + mostForm, within: 2 * time.Minute, may: mayMake, ask: askMake, do: doMake},
	{path: "/training/set/{id}/reproduce", name: "reproduce-set", menu: "training", may: mayMake, ask: askReproduce, do: doReproduce},
	{path: "/training/job/{id}/cancel", name: "cancel-set", menu: "training", may: mayMake, ask: askCancelJob, do: doCancelJob},
}

// stream is an answer that is no page and goes on for as long as it is read. An
// error is answered with its page where nothing is written yet.
type stream struct {
	path   string
	answer func(*Console, http.ResponseWriter, *request) error
}

// streams are those there are.
var streams = []stream{
	{"/training/set/{id}/download", download},
	{"/training/job/{id}/events", jobEvents},
}

// menu are the pages that every page links to, in their order.
var menu = []string{"home", "catalog", "lineage", "lookup", "training"}

// menuPath is the path of a page of the menu.
func menuPath(name string) string {
	if name == "home" {
		return "/"
	}
	return "/" + name
}
