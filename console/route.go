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
	live   []string      // templates of parts that change by themselves, which stand in elements of these ids
	every  time.Duration // how often they are looked at; 0: lookEvery
	always bool          // it is shown too where nothing is registered, or the registry cannot be read: request.unread
}

// routes are the pages.
var routes = []route{
	{path: "/{$}", name: "home", menu: "home", gather: home, always: true, live: []string{"needs", "checks", "runs", "traffic"}, every: 5 * time.Second},
	{path: "/catalog", name: "catalog", menu: "catalog", gather: catalog},
	{path: "/catalog/{kind}/{name}", name: "object", menu: "catalog", gather: object},
	{path: "/lineage", name: "lineage", menu: "lineage", gather: lineage},
	{path: "/lookup", name: "lookup", menu: "lookup", gather: lookup},
	{path: "/training", name: "training", menu: "training", gather: training},
	{path: "/training/set/{id}", name: "set", menu: "training", gather: set},
	{path: "/training/job/{id}", name: "job", menu: "training", gather: trainingJob, live: []string{"job"}},
	{path: "/pipelines", name: "pipelines", menu: "pipelines", gather: listPipelines, always: true, live: []string{"pipelines"}},
	{path: "/pipelines/{name}", name: "pipeline", menu: "pipelines", gather: showPipeline, always: true, live: []string{"runs"}},
	{path: "/runs", name: "runs", menu: "pipelines", gather: listRuns, always: true, live: []string{"runs"}},
	{path: "/runs/{id}", name: "run", menu: "pipelines", gather: showRun, always: true, live: []string{"summary", "steps", "found"}},
	{path: "/runs/{id}/log", name: "log", menu: "pipelines", gather: showLog, always: true},
	{path: "/runs/{id}/aside/{table}", name: "aside", menu: "pipelines", gather: showAside, always: true},
	{path: "/actions", name: "actions", gather: listActions, always: true},
}

// actions are what can be changed.
var actions = []action{
	{path: "/training/new", name: "make-set", menu: "training", most: uploadBytes + mostForm, within: 2 * time.Minute, may: mayMake, ask: askMake, do: doMake},
	{path: "/training/set/{id}/reproduce", name: "reproduce-set", menu: "training", may: mayMake, ask: askReproduce, do: doReproduce},
	{path: "/training/job/{id}/cancel", name: "cancel-set", menu: "training", may: mayMake, ask: askCancelJob, do: doCancelJob},
	{path: "/pipelines/{name}/run", name: "run", menu: "pipelines", may: updateProject, ask: askRunPipeline, do: doRunPipeline, always: true},
	{path: "/pipelines/{name}/backfill", name: "backfill", menu: "pipelines", within: time.Minute, may: updateProject, ask: askBackfill, do: doBackfill, always: true},
	{path: "/pipelines/{name}/pause", name: "pause", menu: "pipelines", may: updateProject, ask: askPause("pause"), do: doPause(true), always: true},
	{path: "/pipelines/{name}/unpause", name: "unpause", menu: "pipelines", may: updateProject, ask: askPause("unpause"), do: doPause(false), always: true},
	{path: "/runs/{id}/cancel", name: "cancel", menu: "pipelines", may: updateProject, ask: askCancel, do: doCancel, always: true},
	{path: "/runs/{id}/resume", name: "resume", menu: "pipelines", may: updateProject, ask: askResume, do: doResume, always: true},
	{path: "/runs/{id}/dismiss", name: dismissed, menu: "pipelines", may: updateProject, ask: askDismiss, do: doDismiss, always: true},
	{path: "/runs/{id}/rollback", name: "rollback", menu: "pipelines", within: undoWithin, may: updateProject, ask: askRollback, do: doRollback, always: true},
	{path: "/runs/{id}/replay/{table}", name: "replay", menu: "pipelines", most: 2 * mostCorrected, within: time.Minute, may: updateProject, ask: askReplay, do: doReplay, always: true},
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
}

// menu are the pages that every page links to, in their order.
var menu = []string{"home", "catalog", "lineage", "lookup", "training", "pipelines"}

// menuPath is the path of a page of the menu.
func menuPath(name string) string {
	if name == "home" {
		return "/"
	}
	return "/" + name
}
