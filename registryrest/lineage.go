package registryrest

import (
	"google.golang.org/protobuf/proto"

	pb "github.com/asof-dev/asof/feastpb/registry"
)

// lineageRoutes answer what is made of what.
func lineageRoutes() []route {
	return []route{
		{method: "GET", path: "/lineage/registry", summary: "The relations of a project's objects",
			parameters: append([]parameter{project, objectType, objectName}, listed...), reply: refTo("Lineage"), answer: lineageOf},
		{method: "GET", path: "/lineage/registry/all", summary: "The relations of the objects of all projects",
			parameters: []parameter{cached, objectType, objectName}, reply: refTo("Lineage"), answer: lineageOfAll},
		{method: "GET", path: "/lineage/objects/{object_type}/{object_name}", summary: "The relations of one object",
			parameters: append([]parameter{project, {name: "include_indirect", kind: "boolean", fallback: "false", about: "Relations over a view too."}}, listed...),
			reply:      refTo("GetObjectRelationshipsResponse"), answer: relationsOf},
		{method: "GET", path: "/lineage/complete", summary: "All objects of a project and their relations, each list in pages of its own",
			parameters: append([]parameter{project}, listed...), reply: refTo("Complete"), answer: complete},
		{method: "GET", path: "/lineage/complete/all", summary: "All objects of all projects and their relations",
			parameters: []parameter{cached}, reply: objectOf("projects", arrayOf(refTo("Complete"))), answer: completeAll},
	}
}

func lineageOf(c *call) (any, error) {
	r, err := c.registry.GetRegistryLineage(c.ctx, &pb.GetRegistryLineageRequest{Project: c.values.text("project"),
		FilterObjectType: c.values.text(objectType.name), FilterObjectName: c.values.text(objectName.name), Pagination: c.values.page(), Sorting: c.values.order()})
	return object{{"relationships", itemsOf(r.GetRelationships())}, {"indirect_relationships", itemsOf(r.GetIndirectRelationships())},
		{"relationships_pagination", r.GetRelationshipsPagination()}, {"indirect_relationships_pagination", r.GetIndirectRelationshipsPagination()}}, err
}

func lineageOfAll(c *call) (any, error) {
	projects, err := c.projects()
	direct, indirect := []item{}, []item{}
	for _, p := range projects {
		name := p.GetSpec().GetName()
		r, err := c.registry.GetRegistryLineage(c.ctx, &pb.GetRegistryLineageRequest{Project: name,
			FilterObjectType: c.values.text(objectType.name), FilterObjectName: c.values.text(objectName.name)})
		if err != nil {
			return nil, err
		}
		direct = append(direct, of(name, itemsOf(r.GetRelationships()))...)
		indirect = append(indirect, of(name, itemsOf(r.GetIndirectRelationships()))...)
	}
	return object{{"relationships", direct}, {"indirect_relationships", indirect}}, err
}

func relationsOf(c *call) (any, error) {
	return c.registry.GetObjectRelationships(c.ctx, &pb.GetObjectRelationshipsRequest{Project: c.values.text("project"),
		ObjectType: c.request.PathValue("object_type"), ObjectName: c.request.PathValue("object_name"),
		IncludeIndirect: c.values.flag("include_indirect"), Pagination: c.values.page(), Sorting: c.values.order()})
}

// of says of items which project they are of.
func of(project string, items []item) []item {
	for n, i := range items {
		items[n] = i.add("project", project)
	}
	return items
}

// part is a list of a project's objects.
type part struct {
	name  string
	items []item
	about proto.Message
}

// parts are all objects of a project, list by list.
func (c *call) parts(l listing) ([]part, error) {
	var parts []part
	for _, k := range []struct {
		name string
		list func(*call, listing) ([]item, *pb.PaginationMetadata, error)
	}{
		{"entities", listEntities}, {"dataSources", listSources}, {"featureViews", listWrapped}, {"labelViews", listBareLabelViews},
		{"featureServices", listServices}, {"savedDatasets", listPlainDatasets},
		{"features", func(c *call, l listing) ([]item, *pb.PaginationMetadata, error) { return listFeatures(c, l, "") }},
		{"labels", labels.list},
	} {
		items, about, err := k.list(c, l)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part{k.name, items, about})
	}
	return parts, nil
}

// listWrapped lists views as the registry's calls have them: by their kind.
func listWrapped(c *call, l listing) ([]item, *pb.PaginationMetadata, error) {
	r, err := c.registry.ListAllFeatureViews(c.ctx, &pb.ListAllFeatureViewsRequest{Project: l.project, Tags: l.tags, Pagination: l.page, Sorting: l.order})
	return itemsOf(r.GetFeatureViews()), r.GetPagination(), err
}

func listBareLabelViews(c *call, l listing) ([]item, *pb.PaginationMetadata, error) {
	r, err := c.registry.ListLabelViews(c.ctx, &pb.ListLabelViewsRequest{Project: l.project, Tags: l.tags, Pagination: l.page, Sorting: l.order})
	return itemsOf(r.GetLabelViews()), r.GetPagination(), err
}

func complete(c *call) (any, error) {
	l := listing{project: c.values.text("project"), page: c.values.page(), order: c.values.order()}
	objects, pages, related, err := c.complete(l)
	if err != nil {
		return nil, err
	}
	about := append(pages, field{"relationships", related.GetRelationshipsPagination()}, field{"indirectRelationships", related.GetIndirectRelationshipsPagination()})
	return object{{"project", l.project}, {"objects", objects}, {"relationships", itemsOf(related.GetRelationships())},
		{"indirectRelationships", itemsOf(related.GetIndirectRelationships())}, {"pagination", about}}, nil
}

// complete returns the objects of a project, what is said of their pages, and
// their relations.
func (c *call) complete(l listing) (objects, pages object, related *pb.GetRegistryLineageResponse, err error) {
	if related, err = c.registry.GetRegistryLineage(c.ctx, &pb.GetRegistryLineageRequest{Project: l.project, Pagination: l.page, Sorting: l.order}); err != nil {
		return nil, nil, nil, err
	}
	parts, err := c.parts(l)
	for _, p := range parts {
		objects = append(objects, field{p.name, p.items})
		pages = append(pages, field{p.name, p.about})
	}
	return objects, pages, related, err
}

func completeAll(c *call) (any, error) {
	projects, err := c.projects()
	all := []object{}
	for _, p := range projects {
		name := p.GetSpec().GetName()
		objects, _, related, err := c.complete(listing{project: name})
		if err != nil {
			return nil, err
		}
		for _, list := range objects {
			of(name, list.value.([]item))
		}
		all = append(all, object{{"project", name}, {"objects", objects}, {"relationships", itemsOf(related.GetRelationships())},
			{"indirectRelationships", itemsOf(related.GetIndirectRelationships())}})
	}
	return object{{"projects", all}}, err
}
