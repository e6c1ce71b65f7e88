package registryrest

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof/feastpb/core"
	pb "github.com/asof-dev/asof/feastpb/registry"
	"github.com/asof-dev/asof/registryapi"
)

// listRoute answers the objects of a kind in one project.
func (k kind) listRoute() route {
	parameters := append([]parameter{project, relationships}, listed...)
	if k.tagged {
		parameters = append(parameters, tags)
	}
	return route{method: "GET", path: "/" + k.path, summary: "The " + k.noun + " of a project", parameters: append(parameters, k.parameters...),
		reply: listOf(k.plural, k.one), answer: func(c *call) (any, error) {
			l := listing{project: c.values.text("project"), tags: c.values.tags(), page: c.values.page(), order: c.values.order()}
			items, about, err := k.list(c, l)
			if err != nil {
				return nil, err
			}
			answer := object{{k.plural, items}, {"pagination", about}}
			if c.values.flag("include_relationships") {
				related, err := c.relationships(l.project, items)
				return append(answer, field{"relationships", related}), err
			}
			return answer, nil
		}}
}

// allRoute answers the objects of a kind in all projects.
func (k kind) allRoute() route {
	parameters := append([]parameter{relationships}, listedAll...)
	if k.path == datasets.path {
		parameters = append(parameters, k.parameters...)
	}
	return route{method: "GET", path: "/" + k.path + "/all", summary: "The " + k.noun + " of all projects", parameters: parameters,
		reply: listOf(k.plural, k.one), answer: func(c *call) (any, error) {
			all, err := c.everywhere(k)
			if err != nil {
				return nil, err
			}
			items, about := cut(sorted(all, c.values.order()), c.values.page())
			answer := object{{k.plural, told(items)}, {"pagination", about}}
			if c.values.flag("include_relationships") {
				related, err := c.relationshipsOf(items)
				return append(answer, field{"relationships", related}), err
			}
			return answer, nil
		}}
}

// cut cuts a page out of what the server itself has put together.
func cut[T any](all []T, page *pb.PaginationParams) ([]T, *pb.PaginationMetadata) {
	if len(all) == 0 {
		return all, &pb.PaginationMetadata{Page: page.GetPage(), Limit: page.GetLimit()}
	}
	return registryapi.Page(all, page)
}

// placed is an item and where it stands.
type placed struct {
	project string
	item    item
}

// everywhere returns the objects of a kind in every project.
func (c *call) everywhere(k kind) ([]placed, error) {
	projects, err := c.projects()
	if err != nil {
		return nil, err
	}
	var all []placed
	for _, p := range projects {
		items, _, err := k.list(c, listing{project: p.GetSpec().GetName()})
		if err != nil {
			return nil, err
		}
		for _, i := range items {
			all = append(all, placed{p.GetSpec().GetName(), i})
		}
	}
	return all, nil
}

// projects returns those that the caller may see.
func (c *call) projects() ([]*core.Project, error) {
	r, err := c.registry.ListProjects(c.ctx, &pb.ListProjectsRequest{})
	return r.GetProjects(), err
}

// sorted sorts by an attribute of the objects, or by their project.
func sorted(all []placed, order *pb.SortingParams) []placed {
	if order.GetSortBy() != "project" {
		return registryapi.Sort(all, func(p placed) proto.Message { return p.item.message }, order)
	}
	slices.SortStableFunc(all, func(a, b placed) int {
		if order.GetSortOrder() == "desc" {
			a, b = b, a
		}
		return strings.Compare(strings.ToLower(a.project), strings.ToLower(b.project))
	})
	return all
}

// told says of objects which project they are of.
func told(all []placed) []item {
	items := make([]item, len(all))
	for i, p := range all {
		items[i] = p.item.add("project", p.project)
	}
	return items
}

// relationshipsOf returns those of objects in several projects, by name. Objects
// of one name share theirs.
func (c *call) relationshipsOf(all []placed) (object, error) {
	byProject := map[string][]item{}
	var order []string
	for _, p := range all {
		if byProject[p.project] == nil {
			order = append(order, p.project)
		}
		byProject[p.project] = append(byProject[p.project], p.item)
	}
	merged := object{}
	at := map[string]int{}
	for _, project := range order {
		related, err := c.relationships(project, byProject[project])
		if err != nil {
			return nil, err
		}
		for _, f := range related {
			n, known := at[f.name]
			if !known {
				at[f.name] = len(merged)
				merged = append(merged, f)
				continue
			}
			merged[n].value = append(merged[n].value.([]item), f.value.([]item)...)
		}
	}
	return merged, nil
}
