package feastregistry

import (
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
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

	at       map[list]map[string]int // where the project's messages stand, by name; a list is indexed when it is needed
	versions map[string]int32        // the newest of each view in the history, likewise
}

func newEdit(registry *core.Registry, project string, current *asof.Snapshot, now time.Time) *edit {
	e := &edit{registry: registry, project: project, now: now.UTC(), objects: map[asof.Ref]asof.Object{}, at: map[list]map[string]int{}}
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
// Feast expects of every project. It reports whether there was anything to do:
// an object that is put as it is stays untouched, its times too.
func (e *edit) apply(change asof.Change) (changed bool, err error) {
	for _, ref := range change.Delete {
		changed = e.remove(ref) || changed
		delete(e.objects, ref)
	}
	puts, err := e.register(change.Put)
	if err != nil {
		return false, err
	}
	for _, o := range change.Save {
		saved, err := e.save(o)
		if err != nil {
			return false, err
		}
		changed = saved || changed
	}
	different, err := e.different(puts)
	if err != nil || !changed && len(different) == 0 {
		return false, err
	}
	for _, p := range puts {
		if p.stored.ObjectKind() != asof.KindProject && !different[p] {
			continue
		}
		if err := e.write(p.stored); err != nil {
			return false, err
		}
	}
	return true, e.follow(different)
}

// put is an object as it is to be stored, and as it was, nil for a new one.
type put struct{ old, stored asof.Object }

// register returns the objects as they are to be stored, and makes them part
// of the project before any is written: they refer to one another.
func (e *edit) register(objects []asof.Object) ([]put, error) {
	var puts []put
	for _, o := range e.implied(objects) {
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
		puts = append(puts, put{old, stored})
	}
	return puts, nil
}

// different returns those of puts that differ in more than their times from
// what was stored.
func (e *edit) different(puts []put) (map[put]bool, error) {
	all := map[put]bool{}
	for _, p := range puts {
		if p.old == nil {
			all[p] = true
			continue
		}
		before, err := e.encoder.Encode(p.old)
		if err != nil {
			return nil, err
		}
		after, err := e.encoder.Encode(p.stored)
		if err != nil {
			return nil, err
		}
		if !proto.Equal(timeless(before), timeless(after)) {
			all[p] = true
		} else if p.stored.ObjectKind() != asof.KindProject {
			e.objects[refOf(p.old)] = p.old
		}
	}
	return all, nil
}

// implied adds to put the project, which every change updates, and the dummy
// entity where it is missing. One that is there is never put again.
func (e *edit) implied(put []asof.Object) []asof.Object {
	dummy := asof.Ref{Kind: asof.KindEntity, Name: asof.DummyEntity}
	put = slices.DeleteFunc(slices.Clone(put), func(o asof.Object) bool { return refOf(o) == dummy })
	if !slices.ContainsFunc(put, func(o asof.Object) bool { return o.ObjectKind() == asof.KindProject }) {
		project := e.objects[asof.Ref{Kind: asof.KindProject, Name: e.project}]
		if project == nil {
			project = &asof.Project{Name: e.project}
		}
		put = append(put, project)
	}
	if !e.stands(dummy) {
		put = append(put, &asof.Entity{Name: asof.DummyEntity, JoinKey: asof.DummyJoinKey})
	}
	return put
}

// stands reports whether the registry holds an object, listed or not.
func (e *edit) stands(ref asof.Ref) bool {
	for _, l := range lists {
		if _, ok := e.places(l)[ref.Name]; ok && l.kind == ref.Kind {
			return true
		}
	}
	return false
}

// places returns where the project's messages stand in a list, by name. Of two
// with one name the first one counts.
func (e *edit) places(l list) map[string]int {
	if e.at[l] == nil {
		e.at[l] = map[string]int{}
		messages := l.of(e.registry)
		for i := range messages.Len() {
			project, name := identity(messages.Get(i).Message())
			if _, twice := e.at[l][name]; project == e.project && !twice {
				e.at[l][name] = i
			}
		}
	}
	return e.at[l]
}

// takeOut removes the messages of an object from a list.
func (e *edit) takeOut(l list, name string) (found bool) {
	if _, there := e.places(l)[name]; !there {
		return false
	}
	keep(l.of(e.registry), func(m protoreflect.Message) bool {
		owner, is := identity(m)
		return owner != e.project || is != name
	})
	e.at[l] = nil
	return true
}

// write puts an object's message in the place of its old one, or at the end.
func (e *edit) write(o asof.Object) error {
	m, err := e.encoder.Encode(o)
	if err != nil {
		return err
	}
	ref, home := refOf(o), listFor(m)
	for _, l := range lists {
		if l.kind == ref.Kind && l != home {
			e.takeOut(l, ref.Name) // it was another kind of view
		}
	}
	messages, text := home.of(e.registry), protoreflect.ValueOfMessage(m.ProtoReflect())
	if i, ok := e.places(home)[ref.Name]; ok {
		messages.Set(i, text)
	} else {
		e.places(home)[ref.Name] = messages.Len()
		messages.Append(text)
	}
	return e.record(o, m)
}

// remove takes an object out, and the versions of a view with it.
func (e *edit) remove(ref asof.Ref) (found bool) {
	for _, l := range lists {
		if l.kind == ref.Kind && e.takeOut(l, ref.Name) {
			found = true
		}
	}
	if historyType(ref.Kind) == "" {
		return found
	}
	history := e.history()
	history.Records = slices.DeleteFunc(history.Records, func(r *core.FeatureViewVersionRecord) bool {
		return r.ProjectId == e.project && r.FeatureViewName == ref.Name
	})
	e.versions = nil
	return found
}

// follow writes again the services and on-demand views that repeat the source
// of a view that was put.
func (e *edit) follow(puts map[put]bool) error {
	changed, written := map[string]bool{}, map[asof.Ref]bool{}
	for p := range puts {
		written[refOf(p.stored)] = true
		if k := p.stored.ObjectKind(); k == asof.KindFeatureView || k == asof.KindLabelView {
			changed[p.stored.ObjectName()] = true
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
