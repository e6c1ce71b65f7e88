package feastconv

import (
	"fmt"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
)

func decodeService(m *core.FeatureService) (*asof.FeatureService, error) {
	s := m.GetSpec()
	service := &asof.FeatureService{
		Name:        s.GetName(),
		Description: s.GetDescription(),
		Tags:        s.GetTags(),
		Owner:       s.GetOwner(),
		Precompute:  s.GetPrecomputeOnline(),
		Meta:        metaOf(m, m.GetMeta().GetCreatedTimestamp(), m.GetMeta().GetLastUpdatedTimestamp()),
	}
	if s.GetLoggingConfig() != nil {
		service.Logging = marshal(s.GetLoggingConfig())
	}
	for _, p := range s.GetFeatures() {
		service.Projections = append(service.Projections, *decodeProjection(p))
	}
	return service, nil
}

func (e *Encoder) service(o *asof.FeatureService) (*core.FeatureService, error) {
	m := &core.FeatureService{}
	if err := stored(o.Meta, m); err != nil {
		return nil, err
	}
	m.Spec, m.Meta = orNew(m.Spec), orNew(m.Meta)
	s := m.Spec
	s.Name, s.Project = o.Name, e.Project
	s.Description, s.Tags, s.Owner = o.Description, o.Tags, o.Owner
	s.PrecomputeOnline = o.Precompute
	s.LoggingConfig = nil
	if len(o.Logging) > 0 {
		s.LoggingConfig = &core.LoggingConfig{}
		if err := stored(asof.Meta{Stored: o.Logging}, s.LoggingConfig); err != nil {
			return nil, fmt.Errorf("feature service %q: %w", o.Name, err)
		}
	}
	projections, err := e.projections(o.Projections, s.Features)
	if err != nil {
		return nil, fmt.Errorf("feature service %q: %w", o.Name, err)
	}
	s.Features = projections
	m.Meta.CreatedTimestamp, m.Meta.LastUpdatedTimestamp = timestamp(o.Meta.Created), timestamp(o.Meta.Updated)
	return m, nil
}

// projections writes list over what was stored for the same view and alias.
func (e *Encoder) projections(list []asof.Projection, old []*core.FeatureViewProjection) ([]*core.FeatureViewProjection, error) {
	type key struct{ view, alias string }
	byKey := make(map[key]*core.FeatureViewProjection, len(old))
	for _, m := range old {
		byKey[key{m.GetFeatureViewName(), m.GetFeatureViewNameAlias()}] = m
	}
	var out []*core.FeatureViewProjection
	for i := range list {
		k := key{list[i].View, list[i].Alias}
		m, err := e.projection(&list[i], byKey[k])
		if err != nil {
			return nil, err
		}
		delete(byKey, k) // a view may be there twice
		out = append(out, m)
	}
	return out, nil
}

func decodeProjection(m *core.FeatureViewProjection) *asof.Projection {
	return &asof.Projection{
		View:       m.GetFeatureViewName(),
		Alias:      m.GetFeatureViewNameAlias(),
		Features:   decodeFields(m.GetFeatureColumns()),
		JoinKeyMap: m.GetJoinKeyMap(),
		VersionTag: m.VersionTag,
	}
}

// projection writes p over m, which may be nil. Feast repeats the view's source
// in its projections, with the created timestamp's column as that of the event
// timestamp; its clients read neither, and ours are the same.
func (e *Encoder) projection(p *asof.Projection, m *core.FeatureViewProjection) (_ *core.FeatureViewProjection, err error) {
	m = orNew(m)
	m.FeatureViewName, m.FeatureViewNameAlias = p.View, p.Alias
	m.FeatureColumns = encodeFields(p.Features, m.FeatureColumns)
	m.JoinKeyMap = p.JoinKeyMap
	m.VersionTag = p.VersionTag
	if m.ViewType == "" {
		m.ViewType = "featureView"
		if e.object(asof.KindLabelView, p.View) != nil {
			m.ViewType = "labelView"
		}
	}
	source, known, err := e.batchSource(p.View)
	if err != nil || !known {
		return m, err
	}
	m.TimestampField, m.CreatedTimestampColumn, m.DatePartitionColumn = "", "", ""
	m.BatchSource, err = e.optionalSource(source, within)
	if source != nil {
		m.TimestampField, m.CreatedTimestampColumn = source.CreatedField, source.CreatedField
		m.DatePartitionColumn = source.DatePartition
	}
	return m, err
}

// batchSource returns the batch source of the view of that name, nil where it
// has none, and whether the view is known at all.
func (e *Encoder) batchSource(view string) (source *asof.DataSource, known bool, err error) {
	if v, ok := e.object(asof.KindFeatureView, view).(*asof.FeatureView); ok {
		return v.Source, true, nil
	}
	if e.object(asof.KindOnDemandView, view) != nil {
		return nil, true, nil
	}
	if o, ok := e.object(asof.KindLabelView, view).(*asof.Opaque); ok {
		var m core.LabelView
		if err := stored(o.Meta, &m); err != nil || m.GetSpec().GetSource().GetBatchSource() == nil {
			return nil, true, err
		}
		stampSource(m.Spec.Source, o.Meta)
		source, err = decodeSource(m.Spec.Source.BatchSource)
		return source, true, err
	}
	return nil, false, nil
}
