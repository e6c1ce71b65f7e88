package registryrest

import (
	"cmp"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	pb "github.com/asof-dev/asof/feastpb/registry"
)

// How well an object matches, in Feast's numbers. What matches only by the
// letters that it has counts from fuzzy on.
const (
	inName        = 100.0
	inDescription = 80.0
	inTags        = 60.0
	fuzzy         = 0.75
)

// found is an object that may match a search.
type found struct {
	kind, name, description, project string
	view                             field // of a feature or a label
	tags, matched                    map[string]string
	score                            float64
}

func searchRoute() route {
	return route{method: "GET", path: "/search", summary: "Objects by name, description and tags", reply: refTo("Found"),
		parameters: []parameter{
			{name: "query", required: true, about: "What to search for; all objects where it is empty."},
			{name: "projects", kind: "array", about: "The projects to search; all of them without it."},
			cached, tags,
			{name: "sort_by", among: []string{"match_score", "name", "type"}, fallback: "match_score", refused: 400, about: "What to sort by."},
			{name: "sort_order", among: []string{"asc", "desc"}, fallback: "desc", refused: 400, about: "The order of sort_by."},
			{name: "page", kind: "integer", least: 1, fallback: "1", refused: 400, about: "The page, from 1."},
			{name: "limit", kind: "integer", least: 1, most: 100, fallback: "50", refused: 400, about: "Objects on a page."},
		}, answer: search}
}

func search(c *call) (any, error) {
	projects, mistakes, err := c.searched()
	if err != nil {
		return nil, err
	}
	var all []found
	for _, project := range projects {
		parts, err := c.parts(listing{project: project, tags: c.values.tags()})
		if err != nil {
			return nil, err
		}
		for _, p := range parts {
			all = append(all, findable(project, p, c.values.tags())...)
		}
	}
	query := strings.ToLower(c.values.text("query"))
	for i := range all {
		all[i].match(query)
	}
	if query != "" {
		all = slices.DeleteFunc(all, func(f found) bool { return f.score == 0 })
	}
	sortFound(all, c.values.text("sort_by"), c.values.text("sort_order") == "desc")
	shown, about := cut(all, c.values.page())
	results := make([]object, len(shown))
	for i, f := range shown {
		results[i] = f.told(query != "")
	}
	answer := object{{"query", c.values.text("query")}, {"projects_searched", projects}, {"results", results}}
	if len(projects) == 0 {
		about = &pb.PaginationMetadata{}
	}
	return append(answer, field{"pagination", about}, field{"errors", mistakes}), nil
}

// searched returns the projects to search, and what is wrong with those that
// are asked for.
func (c *call) searched() (names, mistakes []string, err error) {
	projects, err := c.projects()
	names, mistakes = []string{}, []string{}
	for _, p := range projects {
		names = append(names, p.GetSpec().GetName())
	}
	asked := slices.DeleteFunc(slices.Clone(c.values["projects"]), func(name string) bool { return strings.TrimSpace(name) == "" })
	switch {
	case err != nil:
	case len(names) == 0:
		mistakes = append(mistakes, "No projects found")
	case len(asked) > 0:
		var missing []string
		known := names
		names = []string{}
		for _, name := range asked {
			switch {
			case !slices.Contains(known, name):
				missing = append(missing, name)
			case !slices.Contains(names, name):
				names = append(names, name)
			}
		}
		if len(missing) > 0 {
			mistakes = append(mistakes, "Following projects do not exist: "+strings.Join(missing, ", "))
		}
	}
	return names, mistakes, err
}

// searchTypes are what a search calls the objects of a part.
var searchTypes = map[string]string{"entities": "entity", "dataSources": "dataSource", "featureViews": "featureView", "labelViews": "labelView",
	"featureServices": "featureService", "savedDatasets": "savedDataset", "features": "feature", "labels": "label"}

func findable(project string, p part, tags map[string]string) []found {
	all := make([]found, 0, len(p.items))
	for _, i := range p.items {
		m := i.message
		if view, ok := m.(*pb.AnyFeatureView); ok {
			m = unwrapped(view)
		}
		f := found{kind: searchTypes[p.name], project: project, name: item{message: m}.name()}
		f.description, f.tags = describe(m)
		if feature, ok := m.(*pb.Feature); ok {
			f.view = field{"featureView", feature.GetFeatureView()}
			if p.name == "labels" {
				f.view.name = "labelView"
			}
			if !hasTags(f.tags, tags) { // the registry's call takes none
				continue
			}
		}
		all = append(all, f)
	}
	return all
}

func hasTags(has, tags map[string]string) bool {
	for name, want := range tags {
		if got, ok := has[name]; !ok || got != want {
			return false
		}
	}
	return true
}

// describe returns the description and the tags of an object's message.
func describe(m proto.Message) (description string, tags map[string]string) {
	at := m.ProtoReflect()
	if spec := at.Descriptor().Fields().ByName("spec"); spec != nil {
		at = at.Get(spec).Message()
	}
	fields := at.Descriptor().Fields()
	if f := fields.ByName("description"); f != nil {
		description = at.Get(f).String()
	}
	if f := fields.ByName("tags"); f != nil && at.Has(f) {
		tags = map[string]string{}
		at.Get(f).Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
			tags[k.String()] = v.String()
			return true
		})
	}
	return description, tags
}

// match scores the object: 0 where it does not match.
func (f *found) match(query string) {
	if query == "" {
		f.matched = f.tags
		return
	}
	exact, alike := false, 0.0
	for name, value := range f.tags {
		text := strings.ToLower(name + "=" + value)
		score := likeness(query, text)
		switch {
		case strings.Contains(text, query):
			exact = true
		case score >= fuzzy:
			alike = max(alike, score)
		default:
			continue
		}
		if f.matched == nil {
			f.matched = map[string]string{}
		}
		f.matched[name] = value
	}
	name := strings.ToLower(f.name)
	switch {
	case strings.Contains(name, query):
		f.score = inName
	case strings.Contains(strings.ToLower(f.description), query):
		f.score = inDescription
	case exact:
		f.score = inTags
	case alike > 0:
		f.score = alike * 100
	default:
		if score := likeness(query, name); score >= fuzzy {
			f.score = score * 100
		}
	}
}

// likeness is the share of letters that two texts have both, of those that
// either has.
func likeness(a, b string) float64 {
	if a == "" || b == "" {
		return 0
	}
	in := map[rune]int{}
	for _, r := range a {
		in[r] |= 1
	}
	for _, r := range b {
		in[r] |= 2
	}
	both := 0
	for _, of := range in {
		if of == 3 {
			both++
		}
	}
	return float64(both) / float64(len(in))
}

func sortFound(all []found, by string, descending bool) {
	slices.SortStableFunc(all, func(a, b found) int {
		if descending {
			a, b = b, a
		}
		switch by {
		case "name":
			return cmp.Compare(a.name, b.name)
		case "type":
			return cmp.Compare(a.kind, b.kind)
		}
		return cmp.Compare(a.score, b.score)
	})
}

func (f found) told(scored bool) object {
	o := object{{"type", f.kind}, {"name", f.name}, {"description", f.description}, {"project", f.project}}
	if f.view.name != "" {
		o = append(o, f.view)
	}
	o = append(o, field{"matched_tags", f.matched})
	if scored {
		o = append(o, field{"match_score", f.score})
	}
	return o
}
