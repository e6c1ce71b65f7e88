package feastconv

import (
	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/feastpb/types"
)

func decodeProject(m *core.Project) *asof.Project {
	s := m.GetSpec()
	return &asof.Project{
		Name:        s.GetName(),
		Description: s.GetDescription(),
		Tags:        s.GetTags(),
		Owner:       s.GetOwner(),
		Meta:        metaOf(m, m.GetMeta().GetCreatedTimestamp(), m.GetMeta().GetLastUpdatedTimestamp()),
	}
}

func (e *Encoder) project(p *asof.Project) (*core.Project, error) {
	m := &core.Project{}
	if err := stored(p.Meta, m); err != nil {
		return nil, err
	}
	m.Spec, m.Meta = orNew(m.Spec), orNew(m.Meta)
	m.Spec.Name = p.Name
	m.Spec.Description = p.Description
	m.Spec.Tags = p.Tags
	m.Spec.Owner = p.Owner
	m.Meta.CreatedTimestamp = timestamp(p.Meta.Created)
	m.Meta.LastUpdatedTimestamp = timestamp(p.Meta.Updated)
	return m, nil
}

func decodeEntity(m *core.Entity) *asof.Entity {
	s := m.GetSpec()
	return &asof.Entity{
		Name:        s.GetName(),
		JoinKey:     s.GetJoinKey(),
		ValueType:   asof.ValueType(s.GetValueType()),
		Description: s.GetDescription(),
		Tags:        s.GetTags(),
		Owner:       s.GetOwner(),
		Meta:        metaOf(m, m.GetMeta().GetCreatedTimestamp(), m.GetMeta().GetLastUpdatedTimestamp()),
	}
}

func (e *Encoder) entity(o *asof.Entity) (*core.Entity, error) {
	m := &core.Entity{}
	if err := stored(o.Meta, m); err != nil {
		return nil, err
	}
	m.Spec, m.Meta = orNew(m.Spec), orNew(m.Meta)
	m.Spec.Name = o.Name
	m.Spec.Project = e.Project
	m.Spec.JoinKey = o.JoinKey
	m.Spec.ValueType = types.ValueType_Enum(o.ValueType)
	m.Spec.Description = o.Description
	m.Spec.Tags = o.Tags
	m.Spec.Owner = o.Owner
	m.Meta.CreatedTimestamp = timestamp(o.Meta.Created)
	m.Meta.LastUpdatedTimestamp = timestamp(o.Meta.Updated)
	return m, nil
}

// orNew returns m, or an empty message where m is nil.
func orNew[T any](m *T) *T {
	if m == nil {
		return new(T)
	}
	return m
}
