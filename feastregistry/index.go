package feastregistry

import (
	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof/feastpb/core"
)

// Index finds the messages of a registry by project, field and name. It is
// immutable, as the registry that it was made of has to be.
type Index struct {
	Registry *core.Registry
	objects  map[place]proto.Message
	lists    map[place][]Object // by project and field
}

// place is where an object stands, or with no name a list of them.
type place struct{ project, field, name string }

// NewIndex indexes a registry, of which nothing may change any more. Of two
// objects with one name the first one counts, as in Feast.
func NewIndex(registry *core.Registry) *Index {
	i := &Index{registry, map[place]proto.Message{}, map[place][]Object{}}
	for _, l := range lists {
		messages := l.of(registry)
		for n := range messages.Len() {
			m := messages.Get(n).Message()
			project, name := identity(m)
			at := place{project, string(l.field), name}
			if _, twice := i.objects[at]; twice {
				continue
			}
			i.objects[at] = m.Interface()
			at.name = ""
			i.lists[at] = append(i.lists[at], Object{at.field, name, m.Interface()})
		}
	}
	return i
}

// Object returns the message of an object, nil where there is none. field is
// one of the registry message: "entities", "feature_views", …
func (i *Index) Object(project, field, name string) proto.Message {
	return i.objects[place{project, field, name}]
}

// Objects returns the messages of a field, in the registry's order. The list
// must not be changed.
func (i *Index) Objects(project, field string) []Object {
	return i.lists[place{project: project, field: field}]
}

// Projects returns the names of the registered projects, in the registry's
// order.
func (i *Index) Projects() []string {
	names := make([]string, len(i.Registry.GetProjects()))
	for n, p := range i.Registry.GetProjects() {
		names[n] = p.GetSpec().GetName()
	}
	return names
}
