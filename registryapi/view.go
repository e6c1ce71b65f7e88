package registryapi

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof/feastregistry"
)

// view is the registry as one connection sees it: what is registered, and what
// came by that connection since its last commit.
type view struct {
	index   *feastregistry.Index
	session *session // locked for as long as the view is used
	access  access
}

// read runs do on the registry as the call's connection sees it.
func (s *service) read(ctx context.Context, do func(view) error) error {
	index, err := s.current(ctx)
	if err != nil {
		return err
	}
	session := sessionOf(ctx)
	session.mu.Lock()
	defer session.mu.Unlock()
	return do(view{index, session, access{ctx, s.rightsOf(index)}})
}

// object returns the message of an object, nil where there is none.
func (v view) object(k kind, project, name string) proto.Message {
	return v.shown(v.session.find(project), place{k, name}, v.index.Object(project, k.field, name))
}

// shown returns what is seen of an object that a draft may change, and that is
// registered, or nil.
func (v view) shown(d *draft, at place, registered proto.Message) proto.Message {
	if d == nil {
		return registered
	}
	c, changed := d.objects[at]
	m := registered
	switch {
	case c.message != nil:
		m = c.message
	case d.removed || changed && c.deleted:
		return nil
	}
	if len(c.spans) > 0 && m != nil {
		return materialized(m, c.spans)
	}
	return m
}

// objects returns the messages of a project's objects: in the registry's order,
// then those that the connection has added.
func (v view) objects(k kind, project string) []proto.Message {
	registered := v.index.Objects(project, k.field)
	d := v.session.find(project)
	all := make([]proto.Message, 0, len(registered))
	for _, o := range registered {
		if m := v.shown(d, place{k, o.Name}, o.Message); m != nil {
			all = append(all, m)
		}
	}
	if d == nil {
		return all
	}
	for _, at := range d.order {
		if at.kind == k && d.objects[at].message != nil && v.index.Object(project, k.field, at.name) == nil {
			all = append(all, d.objects[at].message)
		}
	}
	return all
}

// describable returns those of objects that the caller may know of.
func (v view) describable(k kind, project string) []proto.Message {
	return v.access.describable(project, v.objects(k, project))
}

// anyView returns the view of a name, of whichever kind.
func (v view) anyView(project, name string) (kind, proto.Message) {
	for _, k := range anyView {
		if m := v.object(k, project, name); m != nil {
			return k, m
		}
	}
	return kind{}, nil
}

// projects returns the messages of all projects.
func (v view) projects() []proto.Message {
	var all []proto.Message
	seen := map[string]bool{}
	for _, name := range v.index.Projects() {
		seen[name] = true
		all = append(all, v.objects(projects, name)...)
	}
	for _, d := range v.session.drafts {
		if !seen[d.project] {
			all = append(all, v.objects(projects, d.project)...)
		}
	}
	return all
}

// knownProjects are those of projects that the caller may know of.
func (v view) knownProjects() []proto.Message {
	var known []proto.Message
	for _, m := range v.projects() {
		known = append(known, v.access.describable(nameOf(m), []proto.Message{m})...)
	}
	return known
}
