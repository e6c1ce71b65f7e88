package console

import (
	"slices"

	"github.com/asof-dev/asof"
)

// network is what reads what: objects of the lineage, sources first, and their
// readers.
type network struct {
	nodes   []link
	reads   map[link][]link
	readBy  map[link][]link
	columns map[link][]column // that a node has or takes
	keys    map[link][]link   // entities of views, and views of entities
}

// column is a column of a node; of names the features that it is in the end.
type column struct {
	Name string `json:"name"`
	Of   link   `json:"feature"`
}

func connect(s *asof.Snapshot) *network {
	n := &network{reads: map[link][]link{}, readBy: map[link][]link{}, columns: map[link][]column{}, keys: map[link][]link{}}
	for _, kind := range kinds[1:] {
		for _, o := range s.Objects(kind) {
			n.nodes = append(n.nodes, linkTo(o))
		}
	}
	for _, source := range s.Sources() {
		n.source(linkTo(source), source.Batch)
	}
	for _, v := range s.Views() {
		to := linkTo(v)
		for _, source := range []*asof.DataSource{v.Source, v.Stream} {
			n.source(to, source)
		}
		for _, name := range v.SourceViews {
			n.edge(link{"view", name}, to)
		}
		n.entities(to, v.Entities)
		for _, f := range v.Features {
			feature := featureLink(v.Name, f.Name)
			n.column(to, f.Name, feature)
			if v.Source != nil {
				n.column(linkTo(v.Source), sourceColumn(v.Source, f.Name), feature)
			}
		}
	}
	for _, v := range s.OnDemandViews() {
		to := linkTo(v)
		for _, input := range v.Sources {
			n.source(to, input.Request)
			if input.View != nil {
				n.projection(s, to, input.View)
			}
		}
		n.entities(to, v.Entities)
		for _, f := range v.Features {
			n.column(to, f.Name, featureLink(v.Name, f.Name))
		}
	}
	for _, service := range s.Services() {
		for i := range service.Projections {
			n.projection(s, linkTo(service), &service.Projections[i])
		}
	}
	return n
}

// sourceColumn returns the column that a source has for a feature.
func sourceColumn(source *asof.DataSource, feature string) string {
	for column, name := range source.FieldMapping {
		if name == feature {
			return column
		}
	}
	return feature
}

func (n *network) source(to link, source *asof.DataSource) {
	if source != nil && source.Name != "" {
		n.edge(linkTo(source), to)
	}
}

// projection joins a view to what takes features of it; a service lists them as
// its columns.
func (n *network) projection(s *asof.Snapshot, to link, p *asof.Projection) {
	from := link{"view", p.View}
	if s.Object(asof.KindFeatureView, p.View) == nil {
		from.Kind = "on-demand-view"
	}
	n.edge(from, to)
	for _, f := range p.Features {
		feature := featureLink(p.View, f.Name)
		if to.Kind == "service" {
			n.column(to, f.Name, feature)
		}
		n.readBy[feature] = append(n.readBy[feature], to)
	}
}

func (n *network) edge(from, to link) {
	if from != to && !slices.Contains(n.reads[to], from) {
		n.reads[to] = append(n.reads[to], from)
		n.readBy[from] = append(n.readBy[from], to)
	}
}

func (n *network) entities(view link, names []string) {
	for _, name := range names {
		if name != asof.DummyEntity {
			entity := link{"entity", name}
			n.keys[view], n.keys[entity] = append(n.keys[view], entity), append(n.keys[entity], view)
		}
	}
}

func (n *network) column(of link, name string, feature link) {
	n.columns[of] = append(n.columns[of], column{name, feature})
}

// around returns what a node reads and what reads it, directly or not, itself
// among them. Of a feature these are its view, what that reads, and who takes
// the feature.
func (n *network) around(focus link) map[link]bool {
	seen := map[link]bool{}
	var follow func(link, map[link][]link)
	follow = func(at link, next map[link][]link) {
		for _, other := range next[at] {
			if !seen[other] {
				seen[other] = true
				follow(other, next)
			}
		}
	}
	start := focus
	if focus.Kind == featureKind {
		r, err := asof.ParseReference(focus.Name)
		start = link{"view", r.View}
		if _, ok := n.columns[start]; err != nil || !ok {
			start.Kind = "on-demand-view"
		}
	}
	follow(start, n.reads)
	seen[start] = true
	follow(focus, n.readBy)
	return seen
}
