package registryrest

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof/feastpb/core"
	pb "github.com/asof-dev/asof/feastpb/registry"
)

// lineageType is what an object is in the registry's lineage, "" for what is
// not in it.
func lineageType(m proto.Message) string {
	switch m.(type) {
	case *core.Entity:
		return "entity"
	case *core.DataSource:
		return "dataSource"
	case *core.FeatureView, *core.StreamFeatureView, *core.OnDemandFeatureView:
		return "featureView"
	case *core.LabelView:
		return "labelView"
	case *core.FeatureService:
		return "featureService"
	case *core.SavedDataset:
		return "savedDataset"
	case *pb.Feature:
		return "feature"
	}
	return ""
}

// end is one end of a relation.
type end struct{ kind, name string }

// relations are those of one project, direct ones first, by either end.
type relations map[end][]*pb.EntityRelation

// relations returns those of a project, none where the caller may not know of
// the project.
func (c *call) relations(project string) (relations, error) {
	r, err := c.registry.GetRegistryLineage(c.ctx, &pb.GetRegistryLineageRequest{Project: project})
	if err != nil && status.Code(err) != codes.PermissionDenied {
		return nil, err
	}
	all := relations{}
	for _, list := range [][]*pb.EntityRelation{r.GetRelationships(), r.GetIndirectRelationships()} {
		for _, r := range list {
			source, target := end{r.GetSource().GetType(), r.GetSource().GetName()}, end{r.GetTarget().GetType(), r.GetTarget().GetName()}
			all[source] = append(all[source], r)
			if target != source {
				all[target] = append(all[target], r)
			}
		}
	}
	return all, nil
}

// of returns the relations of an object.
func (r relations) of(i item) []item {
	return itemsOf(r[end{lineageType(i.message), i.name()}])
}

// relationships returns those of the items of one project, by name. Items of
// one name share theirs.
func (c *call) relationships(project string, items []item) (object, error) {
	all, err := c.relations(project)
	if err != nil {
		return nil, err
	}
	told := object{}
	seen := map[string]bool{}
	for _, i := range items {
		if name := i.name(); !seen[name] {
			seen[name] = true
			told = append(told, field{name, all.of(i)})
		}
	}
	return told, nil
}
