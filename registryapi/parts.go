package registryapi

import (
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/feastregistry"
)

// nameOf returns the name of an object's message.
func nameOf(m proto.Message) string { return feastregistry.Name(m) }

// typeName is what Feast calls the kind of a view.
func (k kind) typeName() string {
	switch k {
	case streamViews:
		return "StreamFeatureView"
	case onDemandViews:
		return "OnDemandFeatureView"
	case labelViews:
		return "LabelView"
	}
	return "FeatureView"
}

// parts are what the messages of views have in common.
type parts struct {
	entities         []string
	features         []*core.FeatureSpecV2
	columns          []*core.FeatureSpecV2 // of the entities
	sources          []*core.DataSource    // those that have a name, the batch source last
	owner            string
	created, updated *timestamppb.Timestamp
}

func partsOf(m proto.Message) parts {
	var p parts
	switch m := m.(type) {
	case *core.FeatureView:
		s := m.GetSpec()
		p = parts{s.GetEntities(), s.GetFeatures(), s.GetEntityColumns(), []*core.DataSource{s.GetStreamSource(), s.GetBatchSource()},
			s.GetOwner(), m.GetMeta().GetCreatedTimestamp(), m.GetMeta().GetLastUpdatedTimestamp()}
	case *core.StreamFeatureView:
		s := m.GetSpec()
		p = parts{s.GetEntities(), s.GetFeatures(), s.GetEntityColumns(), []*core.DataSource{s.GetStreamSource(), s.GetBatchSource()},
			s.GetOwner(), m.GetMeta().GetCreatedTimestamp(), m.GetMeta().GetLastUpdatedTimestamp()}
	case *core.OnDemandFeatureView:
		s := m.GetSpec()
		p = parts{entities: s.GetEntities(), features: s.GetFeatures(), columns: s.GetEntityColumns(), owner: s.GetOwner(),
			created: m.GetMeta().GetCreatedTimestamp(), updated: m.GetMeta().GetLastUpdatedTimestamp()}
		for _, name := range slices.Sorted(maps.Keys(s.GetSources())) {
			p.sources = append(p.sources, s.GetSources()[name].GetRequestDataSource())
		}
	case *core.LabelView:
		s := m.GetSpec()
		p = parts{s.GetEntities(), s.GetFeatures(), s.GetEntityColumns(), []*core.DataSource{s.GetSource(), s.GetSource().GetBatchSource()},
			s.GetOwner(), m.GetMeta().GetCreatedTimestamp(), m.GetMeta().GetLastUpdatedTimestamp()}
	}
	p.sources = slices.DeleteFunc(p.sources, func(s *core.DataSource) bool { return s.GetName() == "" })
	return p
}
