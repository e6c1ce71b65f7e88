// Package permission says who calls a server, and what they may do there.
//
// Who: the bearer of a token that an OpenID Connect issuer has signed. What:
// Feast's permissions, as the project that is asked has registered them. One
// that grants is enough; what no permission covers is denied; a project without
// permissions is open to everybody who has a token.
//
// A server asks its [Guard] twice: [Guard.Admit] with a request's token, and
// with the context that it gives [Guard.Check] before anything is done. A nil
// Guard admits everybody and allows everything.
package permission

import (
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
)

// Action is something that can be done to an object, or several of them at
// once: Describe|Update.
type Action uint16

// The actions, in the order of Feast's numbers.
const (
	Create Action = 1 << iota
	Describe
	Update
	Delete
	ReadOnline
	ReadOffline
	WriteOnline
	WriteOffline
)

// String returns the actions in Feast's words, apart by commas.
func (a Action) String() string {
	var names []string
	for number := range len(core.PermissionSpec_AuthzedAction_name) {
		if a&(1<<number) != 0 {
			names = append(names, core.PermissionSpec_AuthzedAction(number).String())
		}
	}
	return strings.Join(names, ", ")
}

// Resource is an object as permissions see it.
type Resource struct {
	Kind asof.Kind
	Name string
	Tags map[string]string

	types typeSet
}

// typeSet are Feast's classes that an object belongs to, a bit for each number
// of core.PermissionSpec_Type.
type typeSet uint32

func typesOf(list ...core.PermissionSpec_Type) (s typeSet) {
	for _, t := range list {
		s |= 1 << t
	}
	return s
}

// classes are Feast's, for the kinds that have one alone.
var classes = map[asof.Kind]typeSet{
	asof.KindProject:       typesOf(core.PermissionSpec_PROJECT),
	asof.KindEntity:        typesOf(core.PermissionSpec_ENTITY),
	asof.KindDataSource:    typesOf(core.PermissionSpec_DATA_SOURCE),
	asof.KindFeatureView:   typesOf(core.PermissionSpec_FEATURE_VIEW),
	asof.KindOnDemandView:  typesOf(core.PermissionSpec_ON_DEMAND_FEATURE_VIEW),
	asof.KindService:       typesOf(core.PermissionSpec_FEATURE_SERVICE),
	asof.KindPermission:    typesOf(core.PermissionSpec_PERMISSION),
	asof.KindSavedDataset:  typesOf(core.PermissionSpec_SAVED_DATASET),
	asof.KindLabelView:     typesOf(core.PermissionSpec_LABEL_VIEW),
	asof.KindValidationRef: typesOf(core.PermissionSpec_VALIDATION_REFERENCE),
}

// Of returns an object as a resource. Batch and stream feature views are
// feature views too.
func Of(o asof.Object) Resource {
	r := Resource{Kind: o.ObjectKind(), Name: o.ObjectName(), Tags: asof.TagsOf(o), types: classes[o.ObjectKind()]}
	switch o := o.(type) {
	case *asof.FeatureView:
		switch o.Kind {
		case asof.ViewBatch:
			r.types |= typesOf(core.PermissionSpec_BATCH_FEATURE_VIEW)
		case asof.ViewStream:
			r.types |= typesOf(core.PermissionSpec_STREAM_FEATURE_VIEW)
		}
	case *asof.Opaque:
		if m := opaqueMessage(o.Kind); m != nil && proto.Unmarshal(o.Meta.Stored, m) == nil {
			r.Tags = OfMessage(m).Tags
		}
	}
	return r
}

func opaqueMessage(kind asof.Kind) proto.Message {
	switch kind {
	case asof.KindPermission:
		return &core.Permission{}
	case asof.KindSavedDataset:
		return &core.SavedDataset{}
	case asof.KindLabelView:
		return &core.LabelView{}
	case asof.KindValidationRef:
		return &core.ValidationReference{}
	}
	return nil
}

// OfMessage returns the message of a registered object as a resource; of
// another message, one that no permission covers.
func OfMessage(m proto.Message) Resource {
	resource := func(kind asof.Kind, spec interface {
		GetName() string
		GetTags() map[string]string
	}) Resource {
		return Resource{kind, spec.GetName(), spec.GetTags(), classes[kind]}
	}
	switch m := m.(type) {
	case *core.Project:
		return resource(asof.KindProject, m.GetSpec())
	case *core.Entity:
		return resource(asof.KindEntity, m.GetSpec())
	case *core.DataSource:
		return resource(asof.KindDataSource, m)
	case *core.FeatureView:
		r := resource(asof.KindFeatureView, m.GetSpec())
		if m.GetSpec().GetFeatureTransformation() != nil { // by which Feast knows it, too
			r.types |= typesOf(core.PermissionSpec_BATCH_FEATURE_VIEW)
		}
		return r
	case *core.StreamFeatureView:
		r := resource(asof.KindFeatureView, m.GetSpec())
		r.types |= typesOf(core.PermissionSpec_STREAM_FEATURE_VIEW)
		return r
	case *core.OnDemandFeatureView:
		return resource(asof.KindOnDemandView, m.GetSpec())
	case *core.LabelView:
		return resource(asof.KindLabelView, m.GetSpec())
	case *core.FeatureService:
		return resource(asof.KindService, m.GetSpec())
	case *core.SavedDataset:
		return resource(asof.KindSavedDataset, m.GetSpec())
	case *core.ValidationReference:
		return resource(asof.KindValidationRef, m)
	case *core.Permission:
		return resource(asof.KindPermission, m.GetSpec())
	}
	return Resource{}
}
