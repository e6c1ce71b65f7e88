package definition

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/python"
)

// collect fills the result from the modules' variables.
func (l *loader) collect(paths []string) {
	for _, s := range l.shared {
		s.update()
		if !isTags(s.dict) {
			l.problem(s.place, s.what+" is a dict of texts, and another value was put into it later")
		}
	}
	found := &registrar{loader: l, seen: map[any]bool{}, named: map[string]registered{}}
	views := map[string]*object{}
	for _, file := range paths {
		m := l.module(file)
		if m == nil {
			continue
		}
		for _, name := range m.Names() {
			o, ok := m.Get(name).(*object)
			if !ok {
				continue
			}
			if o.is("BaseFeatureView") {
				views[python.Text(o.attrs["name"])] = o
			}
			found.object(o)
		}
	}
	l.resolveServices(views)
	found.forgotten()
	l.result.Objects = found.sorted()
}

func (l *loader) module(file string) *python.Module {
	for _, m := range l.interpreter.Modules() {
		if m.File == file {
			return m
		}
	}
	return nil
}

// A registrar keeps each object once and holds the names apart.
type registrar struct {
	loader  *loader
	seen    map[any]bool
	named   map[string]registered // by kind and lower-case name
	objects []asof.Object
}

type registered struct {
	object asof.Object
	place  asof.Place
}

// object registers what a variable holds.
func (r *registrar) object(o *object) {
	switch noun := o.noun.(type) {
	case *asof.Project:
		r.project(o, noun)
	case *asof.DataSource:
		r.source(noun)
	case *asof.FeatureView:
		r.add(noun, noun.Meta.Place)
		r.source(noun.Source)
		r.source(noun.Stream)
		r.entities(o)
	case *asof.OnDemandFeatureView:
		r.add(noun, noun.Meta.Place)
		for _, s := range noun.Sources {
			r.source(s.Request)
		}
		r.entities(o)
	case *labelView:
		r.add(noun.Opaque, noun.Meta.Place)
		r.source(noun.source)
		r.entities(o)
	case *asof.Entity:
		r.add(noun, noun.Meta.Place)
	case *asof.FeatureService:
		r.add(noun, noun.Meta.Place)
	case *asof.Opaque:
		r.add(noun, noun.Meta.Place)
	}
}

// project accepts the project that feature_store.yaml names.
func (r *registrar) project(o *object, p *asof.Project) {
	if want := r.loader.config.Project; p.Name != want {
		r.loader.problem(o.place, "the project is named "+p.Name+" here and "+want+" in feature_store.yaml; write the same name in both")
		return
	}
	r.add(p, p.Meta.Place)
}

func (r *registrar) source(s *asof.DataSource) {
	if s == nil || r.seen[s] {
		return
	}
	r.add(s, s.Meta.Place)
	r.source(s.Batch)
}

// entities registers the entities of a view, also those that no variable holds.
func (r *registrar) entities(o *object) {
	for _, e := range o.entities {
		r.add(e, e.Meta.Place)
	}
}

// add registers an object once. Another one of the same name is a mistake,
// unless it says the same.
func (r *registrar) add(o asof.Object, place asof.Place) {
	if r.seen[o] {
		return
	}
	r.seen[o] = true
	kind := string(o.ObjectKind())
	if strings.HasSuffix(kind, "view") {
		kind = "view" // the names of all kinds of views are one
	}
	key := kind + " " + strings.ToLower(o.ObjectName())
	other, taken := r.named[key]
	if !taken {
		r.named[key] = registered{o, place}
		r.objects = append(r.objects, o)
		return
	}
	if same(o, other.object) {
		return
	}
	r.loader.problem(python.Place{File: place.File, Line: place.Line},
		string(o.ObjectKind())+" "+o.ObjectName()+" has the name of the "+string(other.object.ObjectKind())+" defined at "+other.place.String()+"; give one of them another name")
}

// same tells whether two objects say the same, wherever they stand.
func same(a, b asof.Object) bool {
	return reflect.DeepEqual(placeless(a), placeless(b))
}

func placeless(o asof.Object) any {
	switch o := o.(type) {
	case *asof.Entity:
		c := *o
		c.Meta = asof.Meta{}
		return c
	case *asof.DataSource:
		c := *o
		c.Meta = asof.Meta{}
		if c.Batch != nil {
			batch := *c.Batch
			batch.Meta = asof.Meta{}
			c.Batch = &batch
		}
		return c
	}
	return o
}

// forgotten warns of views and services that no variable holds: Feast finds
// objects by the variables of modules.
func (r *registrar) forgotten() {
	for _, o := range r.loader.built {
		noun, ok := o.noun.(asof.Object)
		if l, isLabel := o.noun.(*labelView); isLabel {
			noun = l.Opaque
		}
		if ok && !r.seen[noun] {
			r.loader.warn(o.place, "%s %s is not registered, because no variable of a module holds it, and Feast looks nowhere else; write globals()[%q] = …, or give it a variable of its own",
				noun.ObjectKind(), noun.ObjectName(), noun.ObjectName())
		}
	}
}

var kindOrder = []asof.Kind{asof.KindProject, asof.KindEntity, asof.KindDataSource, asof.KindFeatureView, asof.KindOnDemandView,
	asof.KindLabelView, asof.KindService, asof.KindPermission}

// sorted returns the objects by kind, and adds the project where no file
// defines it.
func (r *registrar) sorted() []asof.Object {
	hasProject := slices.ContainsFunc(r.objects, func(o asof.Object) bool { return o.ObjectKind() == asof.KindProject })
	if !hasProject {
		r.objects = append(r.objects, &asof.Project{Name: r.loader.config.Project, Description: r.loader.config.Description})
	}
	slices.SortStableFunc(r.objects, func(a, b asof.Object) int {
		return cmp.Compare(slices.Index(kindOrder, a.ObjectKind()), slices.Index(kindOrder, b.ObjectKind()))
	})
	return r.objects
}
