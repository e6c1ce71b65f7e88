package feastregistry

import (
	"slices"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastconv"
	"github.com/asof-dev/asof/feastpb/core"
)

// edit is a change to one project of a registry message that is its own.
type edit struct {
	registry *core.Registry
	project  string
	now      time.Time
	objects  map[asof.Ref]asof.Object // the project as it will be
	encoder  *feastconv.Encoder
}

func newEdit(registry *core.Registry, project string, current *asof.Snapshot, now time.Time) *edit {
	e := &edit{registry: registry, project: project, now: now.UTC(), objects: map[asof.Ref]asof.Object{}}
	for _, l := range lists {
		for _, o := range current.Objects(l.kind) {
			e.objects[refOf(o)] = o
		}
	}
	e.encoder = &feastconv.Encoder{Project: project, Object: func(kind asof.Kind, name string) asof.Object {
		return e.objects[asof.Ref{Kind: kind, Name: name}]
	}}
	return e
}

func refOf(o asof.Object) asof.Ref { return asof.Ref{Kind: o.ObjectKind(), Name: o.ObjectName()} }

// apply carries out a change: what goes first, then what comes, then what
// Feast expects of every project.
func (e *edit) apply(change asof.Change) error {
	for _, ref := range change.Delete {
		e.remove(ref)
		delete(e.objects, ref)
	}
	puts, err := e.register(change.Put)
	if err != nil {
		return err
	}
	for _, o := range puts {
		if err := e.write(o); err != nil {
			return err
		}
	}
	return e.follow(puts)
}

// register returns the objects as they are to be stored, and makes them part
// of the project before any is written: they refer to one another.
func (e *edit) register(put []asof.Object) ([]asof.Object, error) {
	var puts []asof.Object
	for _, o := range e.implied(put) {
		ref := refOf(o)
		old := e.objects[ref]
		o, pinned, err := e.pin(old, o)
		if err != nil {
			return nil, err
		}
		stored := asof.Registered(old, o, e.now)
		if pinned >= 0 {
			setVersion(stored, pinned)
		} else if err := e.number(old, stored); err != nil {
			return nil, err
		}
		e.objects[ref] = stored
		puts = append(puts, stored)
	}
	return puts, nil
}

// implied adds to put the project, which every change updates, and the dummy
// entity where it is missing.
func (e *edit) implied(put []asof.Object) []asof.Object {
	put = slices.Clone(put)
	if !slices.ContainsFunc(put, func(o asof.Object) bool { return o.ObjectKind() == asof.KindProject }) {
		project := e.objects[asof.Ref{Kind: asof.KindProject, Name: e.project}]
		if project == nil {
			project = &asof.Project{Name: e.project}
		}
		put = append(put, project)
	}
	if !e.stands(asof.Ref{Kind: asof.KindEntity, Name: asof.DummyEntity}) {
		put = append(put, &asof.Entity{Name: asof.DummyEntity, JoinKey: asof.DummyJoinKey})
	}
	return put
}

// stands reports whether the registry holds an object, listed or not.
func (e *edit) stands(ref asof.Ref) bool {
	for _, l := range lists {
		messages := l.of(e.registry)
		for i := range messages.Len() {
			if l.kind == ref.Kind && e.is(ref)(messages.Get(i).Message()) {
				return true
			}
		}
	}
	return false
}

// is returns a test for the message of one object.
func (e *edit) is(ref asof.Ref) func(protoreflect.Message) bool {
	return func(m protoreflect.Message) bool {
		project, name := identity(m)
		return project == e.project && name == ref.Name
	}
}

// write puts an object's message in the place of its old one, or at the end.
func (e *edit) write(o asof.Object) error {
	m, err := e.encoder.Encode(o)
	if err != nil {
		return err
	}
	ref, home, placed := refOf(o), listFor(m), false
	for _, l := range lists {
		if l.kind != ref.Kind {
			continue
		}
		messages, same := l.of(e.registry), e.is(ref)
		if l == home {
			for i := range messages.Len() {
				if !placed && same(messages.Get(i).Message()) {
					messages.Set(i, protoreflect.ValueOfMessage(m.ProtoReflect()))
					placed = true
				}
			}
			continue
		}
		keep(messages, func(m protoreflect.Message) bool { return !same(m) }) // it was another kind of view
	}
	if !placed {
		home.of(e.registry).Append(protoreflect.ValueOfMessage(m.ProtoReflect()))
	}
	return e.record(o, m)
}

// remove takes an object out, and the versions of a view with it.
func (e *edit) remove(ref asof.Ref) {
	same := e.is(ref)
	for _, l := range lists {
		if l.kind == ref.Kind {
			keep(l.of(e.registry), func(m protoreflect.Message) bool { return !same(m) })
		}
	}
	if historyType(ref.Kind) == "" {
		return
	}
	history := e.history()
	history.Records = slices.DeleteFunc(history.Records, func(r *core.FeatureViewVersionRecord) bool {
		return r.ProjectId == e.project && r.FeatureViewName == ref.Name
	})
}

// follow writes again the services and on-demand views that repeat the source
// of a view that was put.
func (e *edit) follow(puts []asof.Object) error {
	changed, written := map[string]bool{}, map[asof.Ref]bool{}
	for _, o := range puts {
		written[refOf(o)] = true
		if o.ObjectKind() == asof.KindFeatureView || o.ObjectKind() == asof.KindLabelView {
			changed[o.ObjectName()] = true
		}
	}
	for ref, o := range e.objects {
		if written[ref] || !uses(o, changed) {
			continue
		}
		if err := e.write(o); err != nil {
			return err
		}
	}
	return nil
}

// uses reports whether an object has a projection of one of the views.
func uses(o asof.Object, views map[string]bool) bool {
	switch o := o.(type) {
	case *asof.FeatureService:
		return slices.ContainsFunc(o.Projections, func(p asof.Projection) bool { return views[p.View] })
	case *asof.OnDemandFeatureView:
		return slices.ContainsFunc(o.Sources, func(s asof.OnDemandSource) bool { return s.View != nil && views[s.View.View] })
	}
	return false
}
