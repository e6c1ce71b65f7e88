package console

import "context"

// route is a page: its path, its template page/NAME.html, and what gathers its
// data. Its title is the text "NAME.title".
type route struct {
	path   string // a pattern of http.ServeMux
	name   string
	menu   string // the entry of the menu that it belongs to
	gather func(context.Context, *Console, *request) (any, error)
}

// routes are the pages.
var routes = []route{
	{"/catalog", "catalog", "catalog", catalog},
	{"/catalog/{kind}/{name}", "object", "catalog", object},
	{"/lineage", "lineage", "lineage", lineage},
	{"/actions", "actions", "", listActions},
}

// actions are what can be changed.
var actions = []action{
	{path: "/runs/{id}/cancel", name: "cancel", menu: "actions", may: updateProject, ask: askCancel, do: doCancel},
	{path: "/runs/{id}/resume", name: "resume", menu: "actions", may: updateProject, ask: askResume, do: doResume},
}

// menu are the pages that every page links to, in their order.
var menu = []string{"catalog", "lineage"}
