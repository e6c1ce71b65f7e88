// Package feastconv turns the nouns of the feature store into the messages of
// Feast's registry, and back.
//
// Both directions keep everything. Reading puts the message itself in the
// noun's Meta.Stored; writing starts from that message and sets what the noun
// says, so fields that the nouns do not know, of this version of Feast or of a
// later one, come out as they went in.
//
// Three things differ between a noun and its message, and are put right in
// both directions: a view without entities has Feast's dummy entity in its
// message and none in its noun; a stream view's message lists its join keys
// among the features too; and the nested schemas of structs and collections
// travel in tags.
package feastconv

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
)

// Decode returns the noun of a registry message: core.Project, Entity,
// DataSource, FeatureView, StreamFeatureView, OnDemandFeatureView,
// FeatureService; LabelView, Permission, SavedDataset and ValidationReference
// become *asof.Opaque.
func Decode(m proto.Message) (asof.Object, error) {
	switch m := m.(type) {
	case *core.Project:
		return decodeProject(m), nil
	case *core.Entity:
		return decodeEntity(m), nil
	case *core.DataSource:
		return decodeSource(m)
	case *core.FeatureView:
		return decodeView(m)
	case *core.StreamFeatureView:
		return decodeStreamView(m)
	case *core.OnDemandFeatureView:
		return decodeOnDemandView(m)
	case *core.FeatureService:
		return decodeService(m)
	case *core.LabelView, *core.Permission, *core.SavedDataset, *core.ValidationReference:
		return decodeOpaque(m), nil
	}
	return nil, fmt.Errorf("no noun for a %s", m.ProtoReflect().Descriptor().FullName())
}

// Encoder turns the nouns of one project into messages.
type Encoder struct {
	// Project is written into every message.
	Project string
	// Object returns another object of the project, nil where there is none:
	// projections and chained views carry parts of the views that they name.
	Object func(kind asof.Kind, name string) asof.Object
}

// Encode returns the registry message of a noun, of the type that Decode reads.
// Times, versions, state and intervals are the noun's own.
func (e *Encoder) Encode(o asof.Object) (proto.Message, error) {
	switch o := o.(type) {
	case *asof.Project:
		return e.project(o)
	case *asof.Entity:
		return e.entity(o)
	case *asof.DataSource:
		return e.registeredSource(o)
	case *asof.FeatureView:
		if o.Kind == asof.ViewStream {
			return e.streamView(o)
		}
		return e.view(o)
	case *asof.OnDemandFeatureView:
		return e.onDemandView(o)
	case *asof.FeatureService:
		return e.service(o)
	case *asof.Opaque:
		return e.opaque(o)
	}
	return nil, fmt.Errorf("no message for a %T", o)
}

// stored fills m with the message that the noun was read from, if it was.
func stored(meta asof.Meta, m proto.Message) error {
	if len(meta.Stored) == 0 {
		return nil
	}
	if err := proto.Unmarshal(meta.Stored, m); err != nil {
		return fmt.Errorf("read the stored %s: %w", m.ProtoReflect().Descriptor().FullName(), err)
	}
	return nil
}

// metaOf makes the Meta of a noun that was read from m.
func metaOf(m proto.Message, created, updated *timestamppb.Timestamp) asof.Meta {
	return asof.Meta{Created: timeOf(created), Updated: timeOf(updated), Stored: marshal(m)}
}

// marshal returns m's bytes, the same for equal messages. Messages that came
// from bytes, or from nouns, always have bytes: strings aside, nothing can be
// wrong with them, and Go's protobuf refuses only strings that are not UTF-8.
func marshal(m proto.Message) []byte {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("marshal a %s: %v", m.ProtoReflect().Descriptor().FullName(), err))
	}
	return b
}

func timeOf(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

func timestamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

// duration is nil for 0, which Feast writes as an absent message.
func duration(d time.Duration) *durationpb.Duration {
	if d == 0 {
		return nil
	}
	return durationpb.New(d)
}
