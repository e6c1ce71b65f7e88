package asof

import (
	"cmp"
	"slices"
	"time"
)

// Snapshot is one project of a registry at one moment. It is immutable: its
// objects must not be changed.
type Snapshot struct {
	Version string    // changes whenever the project does
	Updated time.Time // when it last did

	objects map[Ref]Object
	byKind  map[Kind][]Object // sorted by name
}

// NewSnapshot makes a snapshot of objects, the project's own Project among them.
func NewSnapshot(version string, updated time.Time, objects []Object) *Snapshot {
	s := &Snapshot{Version: version, Updated: updated,
		objects: make(map[Ref]Object, len(objects)), byKind: map[Kind][]Object{}}
	for _, o := range objects {
		s.objects[Ref{o.ObjectKind(), o.ObjectName()}] = o
		s.byKind[o.ObjectKind()] = append(s.byKind[o.ObjectKind()], o)
	}
	for _, list := range s.byKind {
		slices.SortFunc(list, func(a, b Object) int { return cmp.Compare(a.ObjectName(), b.ObjectName()) })
	}
	return s
}

// Project returns the project's own object, nil where nothing was applied.
func (s *Snapshot) Project() *Project {
	if list := s.byKind[KindProject]; len(list) > 0 {
		return list[0].(*Project)
	}
	return nil
}

// Objects returns the objects of a kind, sorted by name.
func (s *Snapshot) Objects(kind Kind) []Object { return s.byKind[kind] }

// Object returns one object, nil where there is none.
func (s *Snapshot) Object(kind Kind, name string) Object { return s.objects[Ref{kind, name}] }

// Entities, Sources, Views, OnDemandViews and Services return the objects of
// their kind, sorted by name.
func (s *Snapshot) Entities() []*Entity    { return objectsOf[*Entity](s, KindEntity) }
func (s *Snapshot) Sources() []*DataSource { return objectsOf[*DataSource](s, KindDataSource) }
func (s *Snapshot) Views() []*FeatureView  { return objectsOf[*FeatureView](s, KindFeatureView) }
func (s *Snapshot) OnDemandViews() []*OnDemandFeatureView {
	return objectsOf[*OnDemandFeatureView](s, KindOnDemandView)
}
func (s *Snapshot) Services() []*FeatureService { return objectsOf[*FeatureService](s, KindService) }

// Entity, Source, View, OnDemandView and Service return the object of that
// name, or a CodeNotFound error that lists the nearest names.
func (s *Snapshot) Entity(name string) (*Entity, error) {
	return find[*Entity](s, KindEntity, name)
}
func (s *Snapshot) Source(name string) (*DataSource, error) {
	return find[*DataSource](s, KindDataSource, name)
}
func (s *Snapshot) View(name string) (*FeatureView, error) {
	return find[*FeatureView](s, KindFeatureView, name)
}
func (s *Snapshot) OnDemandView(name string) (*OnDemandFeatureView, error) {
	return find[*OnDemandFeatureView](s, KindOnDemandView, name)
}
func (s *Snapshot) Service(name string) (*FeatureService, error) {
	return find[*FeatureService](s, KindService, name)
}

// Find returns the object of a kind and name, or a CodeNotFound error that
// lists the nearest names.
func (s *Snapshot) Find(kind Kind, name string) (Object, error) { return find[Object](s, kind, name) }

func objectsOf[T Object](s *Snapshot, kind Kind) []T {
	list := make([]T, len(s.byKind[kind]))
	for i, o := range s.byKind[kind] {
		list[i] = o.(T)
	}
	return list
}

func find[T Object](s *Snapshot, kind Kind, name string) (T, error) {
	if o, ok := s.objects[Ref{kind, name}]; ok {
		return o.(T), nil
	}
	names := make([]string, len(s.byKind[kind]))
	for i, o := range s.byKind[kind] {
		names[i] = o.ObjectName()
	}
	var none T
	return none, Errorf(CodeNotFound, "%s %q does not exist in this project%s", kind, name, DidYouMean(name, names))
}
