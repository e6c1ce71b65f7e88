// Package feastregistry reads and changes one project of a Feast registry
// message, wherever that is kept: in a file, or as rows of a database.
package feastregistry

import (
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
)

// Snapshot decodes a project. Its version is a hash of its content.
func Snapshot(registry *core.Registry, project string) (*asof.Snapshot, error) {
	objects, version, err := objectsOf(registry, project)
	if err != nil {
		return nil, err
	}
	var updated time.Time
	for _, o := range objects {
		if at := asof.MetaOf(o).Updated; at.After(updated) {
			updated = at
		}
	}
	objects = slices.DeleteFunc(objects, func(o asof.Object) bool {
		return o.ObjectKind() == asof.KindEntity && o.ObjectName() == asof.DummyEntity
	})
	return asof.NewSnapshot(version, updated, objects), nil
}

// Apply changes a project of registry, whose snapshot is current, as the
// contract of asof.Registry says. where names the registry in messages. It
// reports whether there was anything to change.
func Apply(registry *core.Registry, project string, current *asof.Snapshot, change asof.Change, now time.Time, where string) (bool, error) {
	if change.Base != "" && change.Base != current.Version {
		return false, asof.Errorf(asof.CodeConflict, "project %q in registry %s was changed by somebody else meanwhile: plan again", project, where)
	}
	if current.Project() != nil && change.Empty() {
		return false, nil
	}
	return newEdit(registry, project, current, now).apply(change)
}

// Materialize adds a span to what is materialized of a view.
func Materialize(registry *core.Registry, project string, current *asof.Snapshot, view string, span asof.Interval, now time.Time) error {
	v, err := current.View(view)
	if err != nil {
		return err
	}
	return newEdit(registry, project, current, now).write(asof.Materialized(v, span, now))
}

// Object is the message of one object, by the field of the registry message
// that it stands in.
type Object struct {
	Field   string // "entities", "feature_views", …
	Name    string
	Message proto.Message
}

// Objects returns the messages of a project.
func Objects(registry *core.Registry, project string) []Object {
	var all []Object
	for _, l := range lists {
		messages := l.of(registry)
		for i := range messages.Len() {
			m := messages.Get(i).Message()
			if owner, name := identity(m); owner == project {
				all = append(all, Object{string(l.field), name, m.Interface()})
			}
		}
	}
	return all
}

// Add reads a message of a field and puts it into the registry. Feast's SQL
// registry leaves the project out of some messages: it is filled in.
func Add(registry *core.Registry, field, project string, text []byte) error {
	for _, l := range lists {
		if string(l.field) != field {
			continue
		}
		messages := l.of(registry)
		m := messages.NewElement()
		if err := proto.Unmarshal(text, m.Message().Interface()); err != nil {
			return err
		}
		Belong(m.Message().Interface(), project)
		messages.Append(m)
		return nil
	}
	return fmt.Errorf("a registry has no %s", field)
}

// Belong says of an object's message which project it is of.
func Belong(message proto.Message, project string) {
	m := message.ProtoReflect()
	if spec := m.Descriptor().Fields().ByName("spec"); spec != nil {
		m = m.Mutable(spec).Message()
	}
	if f := m.Descriptor().Fields().ByName("project"); f != nil {
		m.Set(f, protoreflect.ValueOfString(project))
	}
}
