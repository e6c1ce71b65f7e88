package registryrest

import (
	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof/feastpb/core"
	pb "github.com/asof-dev/asof/feastpb/registry"
)

func getEntity(c *call, project, name string) (proto.Message, error) {
	return c.registry.GetEntity(c.ctx, &pb.GetEntityRequest{Project: project, Name: name})
}

func getSource(c *call, project, name string) (proto.Message, error) {
	return c.registry.GetDataSource(c.ctx, &pb.GetDataSourceRequest{Project: project, Name: name})
}

func getView(c *call, project, name string) (proto.Message, error) {
	r, err := c.registry.GetAnyFeatureView(c.ctx, &pb.GetAnyFeatureViewRequest{Project: project, Name: name})
	return unwrapped(r.GetAnyFeatureView()), err
}

func getLabelView(c *call, project, name string) (proto.Message, error) {
	return c.registry.GetLabelView(c.ctx, &pb.GetLabelViewRequest{Project: project, Name: name})
}

func getService(c *call, project, name string) (proto.Message, error) {
	return c.registry.GetFeatureService(c.ctx, &pb.GetFeatureServiceRequest{Project: project, Name: name})
}

func getDataset(c *call, project, name string) (proto.Message, error) {
	return c.registry.GetSavedDataset(c.ctx, &pb.GetSavedDatasetRequest{Project: project, Name: name})
}

func getPermission(c *call, project, name string) (proto.Message, error) {
	return c.registry.GetPermission(c.ctx, &pb.GetPermissionRequest{Project: project, Name: name})
}

// getRoute answers one object.
func (k kind) getRoute() route {
	r := route{method: "GET", path: "/" + k.path + "/{name}", summary: "One of the " + k.noun,
		parameters: []parameter{project, relationships, cached}, reply: refTo(k.one), answer: func(c *call) (any, error) {
			project := c.values.text("project")
			m, err := k.get(c, project, c.request.PathValue("name"))
			if err != nil {
				return nil, err
			}
			return c.described(project, m)
		}}
	if k.remembered {
		r.visited = k.path
	}
	return r
}

// described is an object alone: with its definition in Python, and with what is
// told of its kind.
func (c *call) described(project string, m proto.Message) (i item, err error) {
	switch m := m.(type) {
	case *core.FeatureView, *core.StreamFeatureView, *core.OnDemandFeatureView, *core.LabelView:
		i = viewItem(m)
	case *core.Entity:
		i, err = c.withSources(project, m)
	case *core.SavedDataset:
		i, err = c.withOrigin(project, item{message: m})
	default:
		i = item{message: m}
	}
	if err != nil {
		return i, err
	}
	if text := definition(m); text != "" {
		i = i.add("featureDefinition", text)
	}
	if c.values.flag("include_relationships") {
		related, err := c.relations(project)
		return i.add("relationships", related.of(i)), err
	}
	return i, nil
}

// withSources adds to an entity the data sources of the views that have it.
func (c *call) withSources(project string, m *core.Entity) (item, error) {
	i := item{message: m}
	related, err := c.relations(project)
	if err != nil {
		return i, err
	}
	r, err := c.registry.ListDataSources(c.ctx, &pb.ListDataSourcesRequest{Project: project})
	if err != nil {
		return i, err
	}
	byName := map[string]*core.DataSource{}
	for _, s := range r.GetDataSources() {
		byName[s.GetName()] = s
	}
	sources := []item{}
	for _, r := range related[end{"entity", i.name()}] {
		if s := byName[r.GetTarget().GetName()]; s != nil && r.GetTarget().GetType() == "dataSource" {
			sources = append(sources, item{message: s})
			delete(byName, s.GetName()) // each once
		}
	}
	return i.add("dataSources", sources), nil
}

// featureRoute answers one feature of one view.
func featureRoute() route {
	return route{method: "GET", path: "/features/{feature_view}/{name}", summary: "One feature of one view", parameters: []parameter{project, relationships, cached},
		reply: refTo("Feature"), answer: func(c *call) (any, error) {
			m, err := c.registry.GetFeature(c.ctx, &pb.GetFeatureRequest{Project: c.values.text("project"),
				FeatureView: c.request.PathValue("feature_view"), Name: c.request.PathValue("name")})
			if err != nil {
				return nil, err
			}
			return c.described(c.values.text("project"), m)
		}}
}

// projectRoutes answer the projects.
func projectRoutes() []route {
	return []route{
		{method: "GET", path: "/projects", summary: "The projects", parameters: listed, reply: listOf("projects", "Project"), answer: func(c *call) (any, error) {
			r, err := c.registry.ListProjects(c.ctx, &pb.ListProjectsRequest{Pagination: c.values.page(), Sorting: c.values.order()})
			return object{{"projects", itemsOf(r.GetProjects())}, {"pagination", r.GetPagination()}}, err
		}},
		{method: "GET", path: "/projects/{name}", summary: "One project", parameters: []parameter{cached}, reply: refTo("Project"), answer: func(c *call) (any, error) {
			return c.registry.GetProject(c.ctx, &pb.GetProjectRequest{Name: c.request.PathValue("name")})
		}},
	}
}
