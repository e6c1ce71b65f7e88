package feastconv

import (
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
)

// substrait is the mode of a function that is a query plan; its Body is the
// message SubstraitTransformationV2.
const substrait = "substrait"

func decodeFunction(t *core.FeatureTransformationV2) *asof.Function {
	if f := t.GetUserDefinedFunction(); f != nil {
		return &asof.Function{Name: f.GetName(), Text: f.GetBodyText(), Imports: importsOf(f.GetBody()), Body: f.GetBody(), Mode: f.GetMode()}
	}
	if plan := t.GetSubstraitTransformation(); plan != nil {
		return &asof.Function{Mode: substrait, Body: marshal(plan)}
	}
	return nil
}

// encodeFunction writes f in the place of old; a transformation of a kind that
// the noun does not know stays.
func encodeFunction(f *asof.Function, old *core.FeatureTransformationV2) *core.FeatureTransformationV2 {
	if f == nil {
		if old.GetTransformation() != nil {
			return nil
		}
		return old
	}
	if f.Mode == substrait {
		var plan core.SubstraitTransformationV2
		if proto.Unmarshal(f.Body, &plan) == nil {
			return &core.FeatureTransformationV2{Transformation: &core.FeatureTransformationV2_SubstraitTransformation{
				SubstraitTransformation: &plan}}
		}
	}
	body := f.Body
	if len(body) == 0 && f.Text != "" {
		body = pickle(f)
	}
	return &core.FeatureTransformationV2{Transformation: &core.FeatureTransformationV2_UserDefinedFunction{
		UserDefinedFunction: &core.UserDefinedFunctionV2{Name: f.Name, Body: body, BodyText: f.Text, Mode: f.Mode}}}
}

func decodeOnDemandView(m *core.OnDemandFeatureView) (*asof.OnDemandFeatureView, error) {
	s := m.GetSpec()
	v := &asof.OnDemandFeatureView{
		Name:          s.GetName(),
		Features:      decodeFields(s.GetFeatures()),
		Function:      onDemandFunction(s),
		Mode:          s.GetMode(),
		Singleton:     s.GetSingleton(),
		WriteToOnline: s.GetWriteToOnlineStore(),
		Aggregations:  decodeAggregations(s.GetAggregations()),
		Description:   s.GetDescription(),
		Tags:          s.GetTags(),
		Owner:         s.GetOwner(),
		Org:           s.GetOrg(),
		Version:       decodeVersion(s.GetVersion()),
		Enabled:       !s.GetDisabled(),
		VersionNumber: m.GetMeta().GetCurrentVersionNumber(),
		VersionID:     m.GetMeta().GetVersionId(),
		State:         asof.State(m.GetMeta().GetState()),
		Meta:          metaOf(m, m.GetMeta().GetCreatedTimestamp(), m.GetMeta().GetLastUpdatedTimestamp()),
	}
	if v.Mode == "" {
		v.Mode = "pandas"
	}
	v.Entities, v.EntityColumns = decodeEntities(s.GetEntities(), s.GetEntityColumns())
	for _, name := range slices.Sorted(maps.Keys(s.GetSources())) {
		source, err := decodeOnDemandSource(name, s.GetSources()[name])
		if err != nil {
			return nil, fmt.Errorf("on demand feature view %q: %w", v.Name, err)
		}
		v.Sources = append(v.Sources, source)
	}
	return v, nil
}

// onDemandFunction falls back on the field in which older versions of Feast
// kept the function.
func onDemandFunction(s *core.OnDemandFeatureViewSpec) *asof.Function {
	if f := decodeFunction(s.GetFeatureTransformation()); f != nil {
		return f
	}
	if f := s.GetUserDefinedFunction(); f != nil {
		return &asof.Function{Name: f.GetName(), Text: f.GetBodyText(), Body: f.GetBody(), Mode: "pandas"}
	}
	return nil
}

func decodeOnDemandSource(name string, m *core.OnDemandSource) (asof.OnDemandSource, error) {
	source := asof.OnDemandSource{Name: name}
	switch m := m.GetSource().(type) {
	case *core.OnDemandSource_FeatureViewProjection:
		source.View = decodeProjection(m.FeatureViewProjection)
	case *core.OnDemandSource_FeatureView: // as older versions of Feast wrote it
		spec := m.FeatureView.GetSpec()
		source.View = &asof.Projection{View: spec.GetName(), Features: decodeFields(spec.GetFeatures())}
	case *core.OnDemandSource_RequestDataSource:
		request, err := decodeSource(m.RequestDataSource)
		source.Request = request
		return source, err
	default:
		return source, fmt.Errorf("source %q is neither a view nor a request", name)
	}
	return source, nil
}

func (e *Encoder) onDemandView(v *asof.OnDemandFeatureView) (*core.OnDemandFeatureView, error) {
	m := &core.OnDemandFeatureView{}
	if err := stored(v.Meta, m); err != nil {
		return nil, err
	}
	m.Spec, m.Meta = orNew(m.Spec), orNew(m.Meta)
	s := m.Spec
	s.Name, s.Project = v.Name, e.Project
	s.Features = encodeFields(v.Features, s.Features)
	s.Entities, s.EntityColumns = encodeEntities(v.Entities, v.EntityColumns, s.EntityColumns)
	s.FeatureTransformation, s.UserDefinedFunction = encodeFunction(v.Function, s.FeatureTransformation), nil
	s.Mode, s.Singleton, s.WriteToOnlineStore = v.Mode, v.Singleton, v.WriteToOnline
	s.Aggregations = encodeAggregations(v.Aggregations)
	s.Description, s.Tags, s.Owner, s.Org = v.Description, v.Tags, v.Owner, v.Org
	s.Version, s.Disabled = encodeVersion(v.Version), !v.Enabled
	sources, err := e.onDemandSources(v.Sources, s.Sources)
	if err != nil {
		return nil, fmt.Errorf("on demand feature view %q: %w", v.Name, err)
	}
	s.Sources = sources
	m.Meta.CreatedTimestamp, m.Meta.LastUpdatedTimestamp = timestamp(v.Meta.Created), timestamp(v.Meta.Updated)
	m.Meta.CurrentVersionNumber, m.Meta.VersionId = v.VersionNumber, v.VersionID
	m.Meta.State = core.FeatureViewState(v.State)
	return m, nil
}

func (e *Encoder) onDemandSources(list []asof.OnDemandSource, old map[string]*core.OnDemandSource) (map[string]*core.OnDemandSource, error) {
	sources := make(map[string]*core.OnDemandSource, len(list))
	for _, s := range list {
		m := orNew(old[s.Name])
		if s.Request != nil {
			request, err := e.source(s.Request, within)
			if err != nil {
				return nil, err
			}
			m.Source = &core.OnDemandSource_RequestDataSource{RequestDataSource: request}
			sources[s.Name] = m
			continue
		}
		projection, err := e.projection(s.View, m.GetFeatureViewProjection())
		if err != nil {
			return nil, err
		}
		m.Source = &core.OnDemandSource_FeatureViewProjection{FeatureViewProjection: projection}
		sources[s.Name] = m
	}
	return sources, nil
}
