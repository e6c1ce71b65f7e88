package feastregistry

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastconv"
	"github.com/asof-dev/asof/feastpb/core"
)

// list is one repeated field of the registry message, and the kind of the
// objects in it, "" for a kind that is kept and not listed.
type list struct {
	kind  asof.Kind
	field protoreflect.Name
}

// lists are the fields that hold objects of projects. The two kinds of feature
// views share one kind, and one space of names.
var lists = []list{
	{asof.KindProject, "projects"},
	{asof.KindEntity, "entities"},
	{asof.KindDataSource, "data_sources"},
	{asof.KindFeatureView, "feature_views"},
	{asof.KindFeatureView, "stream_feature_views"},
	{asof.KindOnDemandView, "on_demand_feature_views"},
	{asof.KindService, "feature_services"},
	{asof.KindLabelView, "label_views"},
	{asof.KindPermission, "permissions"},
	{asof.KindSavedDataset, "saved_datasets"},
	{asof.KindValidationRef, "validation_references"},
	{"", "feature_tables"},
	{"", "project_metadata"},
}

// of returns the list itself, to read and to change.
func (l list) of(r *core.Registry) protoreflect.List {
	m := r.ProtoReflect()
	return m.Mutable(m.Descriptor().Fields().ByName(l.field)).List()
}

// listFor returns the list that holds messages of m's type.
func listFor(m proto.Message) list {
	fields := (&core.Registry{}).ProtoReflect().Descriptor().Fields()
	for _, l := range lists {
		if fields.ByName(l.field).Message() == m.ProtoReflect().Descriptor() {
			return l
		}
	}
	panic("no list of " + string(m.ProtoReflect().Descriptor().FullName()))
}

// identity returns the project and the name of an object's message. They stand
// in its spec, or in the message itself; a project is its own.
func identity(m protoreflect.Message) (project, name string) {
	at := m
	if spec := m.Descriptor().Fields().ByName("spec"); spec != nil {
		at = m.Get(spec).Message()
	}
	name = text(at, "name")
	if m.Descriptor().Name() == "Project" {
		return name, name
	}
	return text(at, "project"), name
}

func text(m protoreflect.Message, field protoreflect.Name) string {
	if f := m.Descriptor().Fields().ByName(field); f != nil {
		return m.Get(f).String()
	}
	return ""
}

// Name returns the name of an object's message.
func Name(m proto.Message) string {
	_, name := identity(m.ProtoReflect())
	return name
}

// objectsOf decodes a project, and returns the version of its content.
func objectsOf(r *core.Registry, project string) ([]asof.Object, string, error) {
	var objects []asof.Object
	sum := sha256.New()
	for _, l := range lists {
		if l.kind == "" {
			continue
		}
		messages := l.of(r)
		for i := range messages.Len() {
			m := messages.Get(i).Message()
			owner, name := identity(m)
			if owner != project {
				continue
			}
			o, err := feastconv.Decode(m.Interface())
			if err != nil {
				return nil, "", fmt.Errorf("%s %q: %w", l.kind, name, err)
			}
			objects = append(objects, o)
			b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m.Interface())
			if err != nil {
				return nil, "", fmt.Errorf("%s %q: %w", l.kind, name, err)
			}
			fmt.Fprintf(sum, "%s %d\n", l.kind, len(b))
			sum.Write(b)
		}
	}
	return objects, hex.EncodeToString(sum.Sum(nil)[:16]), nil
}

// RemoveProject removes all that belongs to a project, and reports whether
// there was anything.
func RemoveProject(r *core.Registry, project string) (found bool) {
	if infra := r.GetInfra(); infra != nil {
		infra.InfraObjects = slices.DeleteFunc(infra.InfraObjects, func(o *core.InfraObject) bool { return infraOwner(r, o) == project })
	}
	for _, l := range lists {
		if keep(l.of(r), func(m protoreflect.Message) bool {
			owner, _ := identity(m)
			return owner != project
		}) {
			found = true
		}
	}
	if history := r.GetFeatureViewVersionHistory(); history != nil {
		history.Records = slices.DeleteFunc(history.Records, func(rec *core.FeatureViewVersionRecord) bool {
			return rec.ProjectId == project
		})
	}
	return found
}

// IsEmpty reports whether no project is left.
func IsEmpty(r *core.Registry) bool {
	for _, l := range lists {
		if l.of(r).Len() > 0 {
			return false
		}
	}
	return true
}

// keep removes the messages that are not wanted, and reports whether there
// were any.
func keep(messages protoreflect.List, wanted func(protoreflect.Message) bool) (removed bool) {
	n := 0
	for i := range messages.Len() {
		if m := messages.Get(i); wanted(m.Message()) {
			messages.Set(n, m)
			n++
		}
	}
	removed = n < messages.Len()
	messages.Truncate(n)
	return removed
}

// timeless removes from a message of an object when it, and what stands in it,
// was created and updated, and returns it.
func timeless(m proto.Message) proto.Message {
	clearTimes(m.ProtoReflect())
	return m
}

func clearTimes(m protoreflect.Message) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Message() == nil:
		case f.Name() == "created_timestamp" || f.Name() == "last_updated_timestamp":
			m.Clear(f)
		case f.IsMap() && f.MapValue().Message() != nil:
			v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool { clearTimes(v.Message()); return true })
		case f.IsList():
			for i := range v.List().Len() {
				clearTimes(v.List().Get(i).Message())
			}
		case !f.IsMap():
			clearTimes(v.Message())
		}
		return true
	})
}
