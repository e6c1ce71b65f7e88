package feastconv

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
)

// opaqueMessage is the message of an opaque object: what the noun says of it,
// and the fields that hold that. Fields that a message does not have are nil.
type opaqueMessage struct {
	message          proto.Message
	kind             asof.Kind
	name, project    *string
	created, updated **timestamppb.Timestamp
	source           *core.DataSource
}

func opaqueOf(m proto.Message) (opaqueMessage, bool) {
	switch m := m.(type) {
	case *core.LabelView:
		m.Spec, m.Meta = orNew(m.Spec), orNew(m.Meta)
		return opaqueMessage{m, asof.KindLabelView, &m.Spec.Name, &m.Spec.Project,
			&m.Meta.CreatedTimestamp, &m.Meta.LastUpdatedTimestamp, m.Spec.Source}, true
	case *core.Permission:
		m.Spec, m.Meta = orNew(m.Spec), orNew(m.Meta)
		return opaqueMessage{m, asof.KindPermission, &m.Spec.Name, &m.Spec.Project,
			&m.Meta.CreatedTimestamp, &m.Meta.LastUpdatedTimestamp, nil}, true
	case *core.SavedDataset:
		m.Spec, m.Meta = orNew(m.Spec), orNew(m.Meta)
		return opaqueMessage{m, asof.KindSavedDataset, &m.Spec.Name, &m.Spec.Project,
			&m.Meta.CreatedTimestamp, &m.Meta.LastUpdatedTimestamp, nil}, true
	case *core.ValidationReference:
		return opaqueMessage{m, asof.KindValidationRef, &m.Name, &m.Project, nil, nil, nil}, true
	}
	return opaqueMessage{}, false
}

// newOpaque returns an empty message of a kind, nil for a kind that has a noun.
func newOpaque(kind asof.Kind) proto.Message {
	switch kind {
	case asof.KindLabelView:
		return &core.LabelView{}
	case asof.KindPermission:
		return &core.Permission{}
	case asof.KindSavedDataset:
		return &core.SavedDataset{}
	case asof.KindValidationRef:
		return &core.ValidationReference{}
	}
	return nil
}

// decodeOpaque keeps the message without what a registry adds to a definition,
// the project and times; a meta is there, and empty. So equal definitions have
// equal bytes, registered or not.
func decodeOpaque(m proto.Message) *asof.Opaque {
	o, _ := opaqueOf(proto.Clone(m))
	noun := &asof.Opaque{Kind: o.kind, Name: *o.name}
	*o.project = ""
	if o.created != nil {
		noun.Meta.Created, noun.Meta.Updated = timeOf(*o.created), timeOf(*o.updated)
		*o.created, *o.updated = nil, nil
	}
	stampSource(o.source, asof.Meta{})
	noun.Meta.Stored = marshal(o.message)
	return noun
}

// opaque writes the kept message with the project, name and times of the noun.
func (e *Encoder) opaque(noun *asof.Opaque) (proto.Message, error) {
	m := newOpaque(noun.Kind)
	if m == nil {
		return nil, asof.Errorf(asof.CodeInvalid, "a %s has no opaque message", noun.Kind)
	}
	if err := stored(noun.Meta, m); err != nil {
		return nil, err
	}
	o, _ := opaqueOf(m)
	*o.name, *o.project = noun.Name, e.Project
	if o.created != nil {
		*o.created, *o.updated = timestamp(noun.Meta.Created), timestamp(noun.Meta.Updated)
	}
	stampSource(o.source, noun.Meta)
	return m, nil
}

// stampSource sets the times of a source within a label view, and of its own
// batch source; zero times remove them.
func stampSource(s *core.DataSource, meta asof.Meta) {
	for ; s != nil; s = s.BatchSource {
		s.Meta = orNew(s.Meta)
		s.Meta.CreatedTimestamp, s.Meta.LastUpdatedTimestamp = timestamp(meta.Created), timestamp(meta.Updated)
	}
}
