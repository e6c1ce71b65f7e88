package registryrest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof/feastpb/core"
	pb "github.com/asof-dev/asof/feastpb/registry"
)

// engineRoutes tell by what views are materialized, and what was.
func engineRoutes() []route {
	return []route{
		{method: "GET", path: "/compute_engines", summary: "What materializes the views of a project", parameters: []parameter{project, cached}, reply: refTo("Engine"), answer: engine},
		{method: "GET", path: "/compute_engines/all", summary: "What materializes the views of all projects", parameters: []parameter{cached, firstPage, fiftyOnPage}, reply: refTo("Engines"), answer: engines},
		{method: "GET", path: "/materialization_jobs", summary: "The spans that are in the online store, the newest first", reply: refTo("Jobs"), answer: jobs,
			parameters: []parameter{project, {name: "status", about: "Of this status; all that are told are SUCCEEDED."}, viewOf, cached, page, limit}},
	}
}

// engineOf describes the engine of a project: this process, whatever engine of
// Feast's a configuration names.
func engineOf(project string, views int) object {
	return object{{"engineType", "local"}, {"engineClass", "LocalComputeEngine"}, {"config", object{{"type", "local"}}},
		{"featureViewCount", views}, {"project", project}}
}

// materialized returns the views of a project that are materialized.
func (c *call) materialized(project string) (plain []*core.FeatureView, stream []*core.StreamFeatureView, err error) {
	views, err := c.registry.ListFeatureViews(c.ctx, &pb.ListFeatureViewsRequest{Project: project})
	if err != nil {
		return nil, nil, err
	}
	streams, err := c.registry.ListStreamFeatureViews(c.ctx, &pb.ListStreamFeatureViewsRequest{Project: project})
	return views.GetFeatureViews(), streams.GetStreamFeatureViews(), err
}

func engine(c *call) (any, error) {
	project := c.values.text("project")
	plain, streams, err := c.materialized(project)
	told := []object{}
	for _, v := range plain {
		told = append(told, viewOfEngine("Batch", v, v.GetSpec().GetOnline(), v.GetMeta().GetMaterializationIntervals()))
	}
	for _, v := range streams {
		told = append(told, viewOfEngine("Stream", v, v.GetSpec().GetOnline(), v.GetMeta().GetMaterializationIntervals()))
	}
	return object{{"engine", engineOf(project, len(told))}, {"featureViews", told}}, err
}

// viewOfEngine tells of a view. Feast's registry does not hold a view's own
// engine, so that no view is told to have one.
func viewOfEngine(kind string, view proto.Message, online bool, spans []*core.MaterializationInterval) object {
	var last any
	if len(spans) > 0 && spans[len(spans)-1].GetEndTime() != nil {
		last = spans[len(spans)-1].GetEndTime()
	}
	return object{{"name", item{message: view}.name()}, {"type", kind}, {"online", online}, {"lastMaterialized", last},
		{"hasOverride", false}, {"overrides", nil}, {"materializationIntervals", itemsOf(spans)}}
}

func engines(c *call) (any, error) {
	projects, err := c.projects()
	all := []object{}
	for _, p := range projects {
		plain, _, err := c.materialized(p.GetSpec().GetName())
		if err != nil {
			return nil, err
		}
		all = append(all, engineOf(p.GetSpec().GetName(), len(plain)))
	}
	shown, _ := cut(all, c.values.page())
	return object{{"engines", shown}, {"pagination", c.totalOf(len(all))}}, err
}

// totalOf says of a list what its page is, as these routes do.
func (c *call) totalOf(total int) object {
	return object{{"page", int(c.values.number("page"))}, {"limit", int(c.values.number("limit"))}, {"total", total}}
}

// job is a span of a view that was materialized.
type job struct {
	view string
	n    int
	span *core.MaterializationInterval
}

// jobs answers the spans of a project's views. Without a page it is all of them.
func jobs(c *call) (any, error) {
	plain, _, err := c.materialized(c.values.text("project"))
	if err != nil {
		return nil, err
	}
	var all []job
	for _, v := range plain {
		for n, span := range v.GetMeta().GetMaterializationIntervals() {
			all = append(all, job{v.GetSpec().GetName(), n, span})
		}
	}
	status, view := c.values.text("status"), c.values.text("feature_view")
	all = slices.DeleteFunc(all, func(j job) bool {
		return status != "" && !strings.EqualFold(status, succeeded) || view != "" && j.view != view
	})
	slices.SortStableFunc(all, func(a, b job) int {
		return cmp.Compare(b.span.GetStartTime().AsTime().UnixNano(), a.span.GetStartTime().AsTime().UnixNano())
	})
	shown, _ := cut(all, c.values.page())
	told := []object{}
	for _, j := range shown {
		told = append(told, object{{"id", fmt.Sprintf("%s-%d", j.view, j.n)}, {"featureView", j.view}, {"status", succeeded},
			{"startTime", j.span.GetStartTime()}, {"endTime", j.span.GetEndTime()}})
	}
	return object{{"jobs", told}, {"pagination", c.totalOf(len(all))}}, nil
}

// succeeded is the status of every span that the registry knows.
const succeeded = "SUCCEEDED"
