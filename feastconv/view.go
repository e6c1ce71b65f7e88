package feastconv

import (
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/feastpb/types"
)

func decodeView(m *core.FeatureView) (*asof.FeatureView, error) {
	s := m.GetSpec()
	v := &asof.FeatureView{
		Name:        s.GetName(),
		Kind:        asof.ViewPlain,
		TTL:         decodeTTL(s.GetTtl()),
		Features:    decodeFields(s.GetFeatures()),
		Online:      s.GetOnline(),
		Offline:     s.GetOffline(),
		Enabled:     !s.GetDisabled(),
		Description: s.GetDescription(),
		Tags:        s.GetTags(),
		Owner:       s.GetOwner(),
		Org:         s.GetOrg(),
		Mode:        s.GetMode(),
		Version:     decodeVersion(s.GetVersion()),
		Validate:    s.GetEnableValidation(),
	}
	if s.GetFeatureTransformation() != nil {
		v.Kind = asof.ViewBatch
		v.Function = decodeFunction(s.GetFeatureTransformation())
	}
	for _, from := range s.GetSourceViews() {
		v.SourceViews = append(v.SourceViews, from.GetName())
	}
	v.Entities, v.EntityColumns = decodeEntities(s.GetEntities(), s.GetEntityColumns())
	decodeViewMeta(v, m.GetMeta())
	v.Meta = metaOf(m, m.GetMeta().GetCreatedTimestamp(), m.GetMeta().GetLastUpdatedTimestamp())
	return v, decodeViewSources(v, s.GetBatchSource(), s.GetStreamSource())
}

func decodeViewSources(v *asof.FeatureView, batch, stream *core.DataSource) (err error) {
	if batch != nil {
		if v.Source, err = decodeSource(batch); err != nil {
			return fmt.Errorf("feature view %q: %w", v.Name, err)
		}
	}
	if stream != nil {
		if v.Stream, err = decodeSource(stream); err != nil {
			return fmt.Errorf("feature view %q: %w", v.Name, err)
		}
	}
	return nil
}

func decodeViewMeta(v *asof.FeatureView, m *core.FeatureViewMeta) {
	v.VersionNumber = m.GetCurrentVersionNumber()
	v.VersionID = m.GetVersionId()
	v.State = asof.State(m.GetState())
	for _, i := range m.GetMaterializationIntervals() {
		v.Intervals = append(v.Intervals, asof.Interval{From: timeOf(i.GetStartTime()), To: timeOf(i.GetEndTime())})
	}
}

func encodeViewMeta(m *core.FeatureViewMeta, v *asof.FeatureView) *core.FeatureViewMeta {
	m = orNew(m)
	m.CreatedTimestamp, m.LastUpdatedTimestamp = timestamp(v.Meta.Created), timestamp(v.Meta.Updated)
	m.CurrentVersionNumber = v.VersionNumber
	m.VersionId = v.VersionID
	m.State = core.FeatureViewState(v.State)
	m.MaterializationIntervals = nil
	for _, i := range v.Intervals {
		m.MaterializationIntervals = append(m.MaterializationIntervals,
			&core.MaterializationInterval{StartTime: timestamp(i.From), EndTime: timestamp(i.To)})
	}
	return m
}

func (e *Encoder) view(v *asof.FeatureView) (*core.FeatureView, error) {
	m := &core.FeatureView{}
	if err := stored(v.Meta, m); err != nil {
		return nil, err
	}
	spec, err := e.viewSpec(v, orNew(m.Spec))
	if err != nil {
		return nil, fmt.Errorf("feature view %q: %w", v.Name, err)
	}
	spec.Project = e.Project
	m.Spec, m.Meta = spec, encodeViewMeta(m.Meta, v)
	return m, nil
}

func (e *Encoder) viewSpec(v *asof.FeatureView, s *core.FeatureViewSpec) (_ *core.FeatureViewSpec, err error) {
	s.Name = v.Name
	s.Features = encodeFields(v.Features, s.Features)
	s.Entities, s.EntityColumns = encodeEntities(v.Entities, v.EntityColumns, s.EntityColumns)
	s.Ttl = encodeTTL(v.TTL)
	s.Online, s.Offline, s.Disabled = v.Online, v.Offline, !v.Enabled
	s.Description, s.Tags, s.Owner, s.Org = v.Description, v.Tags, v.Owner, v.Org
	s.Mode, s.Version, s.EnableValidation = v.Mode, encodeVersion(v.Version), v.Validate
	s.FeatureTransformation = encodeFunction(v.Function, s.FeatureTransformation)
	if s.BatchSource, err = e.optionalSource(v.Source, outside); err != nil {
		return nil, err
	}
	if s.StreamSource, err = e.optionalSource(v.Stream, outside); err != nil {
		return nil, err
	}
	s.SourceViews, err = e.sourceViews(v, s.SourceViews)
	return s, err
}

// sourceViews writes the whole specs of the views that v is computed from;
// those of a view that is not registered any more are kept as they were.
func (e *Encoder) sourceViews(v *asof.FeatureView, old []*core.FeatureViewSpec) ([]*core.FeatureViewSpec, error) {
	var specs []*core.FeatureViewSpec
	for _, name := range v.SourceViews {
		if name == v.Name {
			return nil, asof.Errorf(asof.CodeInvalid, "it is computed from itself: give source another view")
		}
		if from, ok := e.object(asof.KindFeatureView, name).(*asof.FeatureView); ok {
			spec, err := e.viewSpec(from, &core.FeatureViewSpec{})
			if err != nil {
				return nil, err
			}
			specs = append(specs, spec)
			continue
		}
		at := slices.IndexFunc(old, func(s *core.FeatureViewSpec) bool { return s.GetName() == name })
		if at < 0 {
			return nil, asof.Errorf(asof.CodeNotFound, "it is computed from feature view %q, which is not in the project", name)
		}
		specs = append(specs, old[at])
	}
	return specs, nil
}

func (e *Encoder) object(kind asof.Kind, name string) asof.Object {
	if e.Object == nil {
		return nil
	}
	return e.Object(kind, name)
}

func decodeTTL(d *durationpb.Duration) *time.Duration {
	if d == nil {
		return nil
	}
	ttl := d.AsDuration()
	return &ttl
}

func encodeTTL(ttl *time.Duration) *durationpb.Duration {
	if ttl == nil {
		return nil
	}
	return durationpb.New(*ttl)
}

// decodeVersion and encodeVersion: the newest version is "latest" in Feast's
// definitions and messages, and in older messages "".
func decodeVersion(v string) string {
	if v == "" {
		return "latest"
	}
	return v
}

func encodeVersion(v string) string { return decodeVersion(v) }

// decodeEntities returns no entities for a view without any, where the message
// has the dummy entity.
func decodeEntities(names []string, columns []*core.FeatureSpecV2) ([]string, []asof.Field) {
	if isDummy(names) {
		return nil, nil
	}
	return names, decodeFields(columns)
}

func encodeEntities(names []string, columns []asof.Field, old []*core.FeatureSpecV2) ([]string, []*core.FeatureSpecV2) {
	if !isDummy(names) {
		return names, encodeFields(columns, old)
	}
	return []string{asof.DummyEntity},
		[]*core.FeatureSpecV2{{Name: asof.DummyJoinKey, ValueType: types.ValueType_STRING}}
}

func isDummy(names []string) bool {
	return len(names) == 0 || len(names) == 1 && names[0] == asof.DummyEntity
}
