package feastconv

import (
	"fmt"
	"slices"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
)

func decodeStreamView(m *core.StreamFeatureView) (*asof.FeatureView, error) {
	s := m.GetSpec()
	v := &asof.FeatureView{
		Name:           s.GetName(),
		Kind:           asof.ViewStream,
		TTL:            decodeTTL(s.GetTtl()),
		Online:         s.GetOnline(),
		Enabled:        !s.GetDisabled(),
		Description:    s.GetDescription(),
		Tags:           s.GetTags(),
		Owner:          s.GetOwner(),
		Org:            s.GetOrg(),
		Mode:           s.GetMode(),
		Version:        decodeVersion(s.GetVersion()),
		Validate:       s.GetEnableValidation(),
		Aggregations:   decodeAggregations(s.GetAggregations()),
		TimestampField: s.GetTimestampField(),
		Tiling:         s.GetEnableTiling(),
		TilingHop:      s.GetTilingHopSize().AsDuration(),
		Function:       decodeFunction(s.GetFeatureTransformation()),
	}
	if f := s.GetUserDefinedFunction(); v.Function == nil && f != nil {
		v.Function = &asof.Function{Name: f.GetName(), Text: f.GetBodyText(), Body: f.GetBody()}
	}
	v.Entities, v.EntityColumns = decodeEntities(s.GetEntities(), s.GetEntityColumns())
	v.Features = slices.DeleteFunc(decodeFields(s.GetFeatures()), func(f asof.Field) bool {
		return f.Name == asof.DummyJoinKey || slices.Contains(v.JoinKeys(), f.Name)
	})
	decodeViewMeta(v, m.GetMeta())
	v.Meta = metaOf(m, m.GetMeta().GetCreatedTimestamp(), m.GetMeta().GetLastUpdatedTimestamp())
	return v, decodeViewSources(v, s.GetBatchSource(), s.GetStreamSource())
}

func (e *Encoder) streamView(v *asof.FeatureView) (*core.StreamFeatureView, error) {
	m := &core.StreamFeatureView{}
	if err := stored(v.Meta, m); err != nil {
		return nil, err
	}
	m.Spec = orNew(m.Spec)
	s := m.Spec
	s.Name, s.Project = v.Name, e.Project
	s.Entities, s.EntityColumns = encodeEntities(v.Entities, v.EntityColumns, s.EntityColumns)
	s.Features = withKeys(encodeFields(v.Features, s.Features), s.EntityColumns, s.Features)
	s.Ttl = encodeTTL(v.TTL)
	s.Online, s.Disabled = v.Online, !v.Enabled
	s.Description, s.Tags, s.Owner, s.Org = v.Description, v.Tags, v.Owner, v.Org
	s.Mode, s.Version, s.EnableValidation = v.Mode, encodeVersion(v.Version), v.Validate
	s.Aggregations = encodeAggregations(v.Aggregations)
	s.TimestampField = v.TimestampField
	s.EnableTiling, s.TilingHopSize = v.Tiling, duration(v.TilingHop)
	s.FeatureTransformation, s.UserDefinedFunction = encodeFunction(v.Function, s.FeatureTransformation), nil
	if f := s.FeatureTransformation.GetUserDefinedFunction(); f != nil {
		s.UserDefinedFunction = &core.UserDefinedFunction{Name: f.Name, Body: f.Body, BodyText: f.BodyText}
	}
	var err error
	if s.BatchSource, err = e.optionalSource(v.Source, outside); err != nil {
		return nil, fmt.Errorf("stream feature view %q: %w", v.Name, err)
	}
	if s.StreamSource, err = e.optionalSource(v.Stream, outside); err != nil {
		return nil, fmt.Errorf("stream feature view %q: %w", v.Name, err)
	}
	m.Meta = encodeViewMeta(m.Meta, v)
	return m, nil
}

// withKeys lists join keys among features: where they stood, else at the end.
func withKeys(features, keys, old []*core.FeatureSpecV2) []*core.FeatureSpecV2 {
	keys = slices.Clone(keys)
	for at, was := range old {
		key := slices.IndexFunc(keys, func(k *core.FeatureSpecV2) bool { return k.GetName() == was.GetName() })
		if key >= 0 {
			features = slices.Insert(features, min(at, len(features)), keys[key])
			keys = slices.Delete(keys, key, key+1)
		}
	}
	return append(features, keys...)
}

func decodeAggregations(list []*core.Aggregation) []asof.Aggregation {
	var out []asof.Aggregation
	for _, a := range list {
		out = append(out, asof.Aggregation{
			Column:   a.GetColumn(),
			Function: a.GetFunction(),
			Name:     a.GetName(),
			Window:   a.GetTimeWindow().AsDuration(),
			Slide:    a.GetSlideInterval().AsDuration(),
		})
	}
	return out
}

// encodeAggregations: a slide interval that is not given is the window.
func encodeAggregations(list []asof.Aggregation) []*core.Aggregation {
	var out []*core.Aggregation
	for _, a := range list {
		slide := a.Slide
		if slide == 0 {
			slide = a.Window
		}
		out = append(out, &core.Aggregation{
			Column:        a.Column,
			Function:      a.Function,
			Name:          a.Name,
			TimeWindow:    duration(a.Window),
			SlideInterval: duration(slide),
		})
	}
	return out
}
