package registryrest

import (
	"cmp"
	"maps"
	"slices"

	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/asof-dev/asof/feastpb/core"
	pb "github.com/asof-dev/asof/feastpb/registry"
)

// inventoryRoutes tell what there is, in numbers.
func inventoryRoutes() []route {
	return []route{
		{method: "GET", path: "/metrics/resource_counts", summary: "How many objects there are of each kind", parameters: []parameter{ofProject, cached},
			reply: refTo("Counts"), answer: counts},
		{method: "GET", path: "/metrics/popular_tags", summary: "The tags that most feature views have", reply: refTo("PopularTags"), answer: popularTags,
			parameters: []parameter{ofProject, cached, {name: "limit", kind: "integer", least: 1, fallback: "4", about: "Tags to tell."}}},
	}
}

// counted are the lists of a project that are counted, in Feast's order.
var counted = []string{"entities", "dataSources", "savedDatasets", "features", "featureViews", "featureServices"}

// tally is what there is in a project, or in all of them.
type tally struct {
	number          map[string]int
	services, views []object
}

func (t *tally) add(u tally) {
	for name, n := range u.number {
		t.number[name] += n
	}
	t.services, t.views = append(t.services, u.services...), append(t.views, u.views...)
}

func (t *tally) counts() object {
	o := object{}
	for _, name := range counted {
		o = append(o, field{name, t.number[name]})
	}
	return o
}

func (c *call) tally(project string) (tally, error) {
	t := tally{number: map[string]int{}, services: []object{}, views: []object{}}
	parts, err := c.parts(listing{project: project})
	for _, p := range parts {
		t.number[p.name] = len(p.items)
		for _, i := range p.items {
			switch m := i.message.(type) {
			case *core.FeatureService:
				t.services = append(t.services, object{{"name", i.name()}, {"project", project}})
			case *pb.AnyFeatureView:
				view := unwrapped(m)
				t.views = append(t.views, object{{"name", item{message: view}.name()}, {"project", project}, {"type", viewType(view)}, {"featureCount", len(fieldsOf(view))}})
			}
		}
	}
	return t, err
}

func counts(c *call) (any, error) {
	registry, err := c.registry.Proto(c.ctx, &emptypb.Empty{})
	if err != nil {
		return nil, err
	}
	var changed any // null where the registry does not say
	if at := registry.GetLastUpdated(); at != nil {
		changed = at
	}
	if name := c.values.text("project"); name != "" {
		t, err := c.tally(name)
		return object{{"project", name}, {"counts", t.counts()}, {"featureServices", t.services}, {"featureViews", t.views},
			{"projects", []object{{{"name", name}}}}, {"registryLastUpdated", changed}}, err
	}
	projects, err := c.projects()
	if err != nil {
		return nil, err
	}
	total, each, told := tally{number: map[string]int{}, services: []object{}, views: []object{}}, object{}, []object{}
	for _, p := range projects {
		name := p.GetSpec().GetName()
		t, err := c.tally(name)
		if err != nil {
			return nil, err
		}
		total.add(t)
		each = append(each, field{name, t.counts()})
		told = append(told, object{{"name", name}, {"description", p.GetSpec().GetDescription()}})
	}
	return object{{"total", total.counts()}, {"perProject", each}, {"featureServices", total.services}, {"featureViews", total.views},
		{"projects", told}, {"registryLastUpdated", changed}}, nil
}

// tagged are the views that have one tag.
type tagged struct {
	key, value string
	views      []object
}

func popularTags(c *call) (any, error) {
	var all []placed
	var err error
	if project := c.values.text("project"); project != "" {
		var items []item
		items, _, err = listViews(c, listing{project: project})
		for _, i := range items {
			all = append(all, placed{project, i})
		}
	} else {
		all, err = c.everywhere(views)
	}
	if err != nil {
		return nil, err
	}
	tags := tagsOf(all)
	limit := int(c.values.number("limit"))
	told := []object{}
	for _, t := range tags[:min(limit, len(tags))] {
		told = append(told, object{{"tag_key", t.key}, {"tag_value", t.value}, {"feature_views", t.views}, {"total_feature_views", len(t.views)}})
	}
	return object{{"popular_tags", told}, {"metadata", object{{"totalFeatureViews", len(all)}, {"totalTags", len(tags)}, {"limit", limit}}}}, nil
}

// tagsOf collects the tags of views, those that most have first.
func tagsOf(all []placed) []*tagged {
	byTag := map[[2]string]*tagged{}
	for _, p := range all {
		_, tags := describe(p.item.message)
		for key, value := range tags {
			at := [2]string{key, value}
			if byTag[at] == nil {
				byTag[at] = &tagged{key: key, value: value}
			}
			byTag[at].views = append(byTag[at].views, object{{"name", p.item.name()}, {"project", p.project}})
		}
	}
	return slices.SortedFunc(maps.Values(byTag), func(a, b *tagged) int {
		return cmp.Or(cmp.Compare(len(b.views), len(a.views)), cmp.Compare(b.key, a.key), cmp.Compare(a.value, b.value))
	})
}
