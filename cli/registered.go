package cli

import (
	"context"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastconv"
	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/feastregistry"
)

// registered is a project as the registry holds it.
type registered struct {
	snapshot *asof.Snapshot
	project  string
	index    *feastregistry.Index // of Feast's messages; nil where the registry holds none
}

// registered returns the project of a snapshot with its messages.
func (r *repository) registered(ctx context.Context, snapshot *asof.Snapshot) (registered, error) {
	held := registered{snapshot: snapshot, project: snapshot.Project().Name}
	registry, err := r.Registry(ctx)
	if err != nil {
		return held, err
	}
	if store, ok := registry.(feastregistry.Store); ok {
		message, err := store.Message(ctx)
		if err != nil {
			return held, err
		}
		held.index = feastregistry.NewIndex(message)
	}
	return held, nil
}

// withRegistered opens the repository and hands on what is registered, with its
// messages.
func (a *app) withRegistered(ctx context.Context, do func(*repository, registered) error) error {
	return a.withSnapshot(ctx, func(r *repository, snapshot *asof.Snapshot) error {
		held, err := r.registered(ctx, snapshot)
		if err != nil {
			return err
		}
		return do(r, held)
	})
}

// list returns the objects of a kind in the order in which the registry holds
// them, as Feast lists them; by name, where it holds no messages of Feast's.
func (h registered) list(k objectKind) (objects []asof.Object) {
	if h.index == nil {
		return h.snapshot.Objects(k.kind)
	}
	for _, field := range k.fields {
		kind := k.kind
		if field == "on_demand_feature_views" {
			kind = asof.KindOnDemandView
		}
		for _, o := range h.index.Objects(h.project, field) {
			if object := h.snapshot.Object(kind, o.Name); object != nil {
				objects = append(objects, object)
			}
		}
	}
	return objects
}

// tree returns an object as Feast shows it: the JSON of its message, as Feast's
// classes write it when they have read it, without the project that it belongs
// to.
func (h registered) tree(object asof.Object) (tree, error) {
	m, err := h.message(object)
	if err != nil {
		return nil, err
	}
	switch m := m.(type) {
	case *core.FeatureView:
		showViewSpec(m.GetSpec())
	case *core.StreamFeatureView:
		m.Spec.Ttl = orNoTTL(m.Spec.Ttl)
		m.Spec.Entities = withoutDummy(m.Spec.Entities)
	case *core.DataSource:
		if !namesItsClass(m) {
			m.DataSourceClassType = ""
		}
	}
	return messageTree(m.ProtoReflect()), nil
}

// messageFields are the fields of Feast's registry message, by kind.
var messageFields = map[asof.Kind]string{asof.KindProject: "projects", asof.KindEntity: "entities", asof.KindDataSource: "data_sources",
	asof.KindFeatureView: "feature_views", asof.KindOnDemandView: "on_demand_feature_views", asof.KindService: "feature_services",
	asof.KindPermission: "permissions", asof.KindSavedDataset: "saved_datasets", asof.KindLabelView: "label_views",
	asof.KindValidationRef: "validation_references"}

// message returns an object's message, to change.
func (h registered) message(object asof.Object) (proto.Message, error) {
	if h.index != nil {
		field := messageFields[object.ObjectKind()]
		if v, ok := object.(*asof.FeatureView); ok && v.Kind == asof.ViewStream {
			field = "stream_feature_views"
		}
		if m := h.index.Object(h.project, field, object.ObjectName()); m != nil && object == h.snapshot.Object(object.ObjectKind(), object.ObjectName()) {
			m = proto.Clone(m)
			leaveProject(m.ProtoReflect())
			return m, nil
		}
	}
	return (&feastconv.Encoder{Object: h.snapshot.Object}).Encode(object)
}

// leaveProject takes the project out of a message, and of those within it.
func leaveProject(m protoreflect.Message) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Name() == "project" && f.Kind() == protoreflect.StringKind:
			m.Clear(f)
		case f.IsMap() && f.MapValue().Message() != nil:
			v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
				leaveProject(v.Message())
				return true
			})
		case f.IsMap() || f.Message() == nil:
		case f.IsList():
			for i := range v.List().Len() {
				leaveProject(v.List().Get(i).Message())
			}
		default:
			leaveProject(v.Message())
		}
		return true
	})
}
