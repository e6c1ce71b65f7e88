package asof

import (
	"fmt"
	"time"
)

// Kind names a kind of registered object, in the words of Feast's CLI.
type Kind string

// The kinds of objects that a registry holds.
const (
	KindProject       Kind = "project"
	KindEntity        Kind = "entity"
	KindDataSource    Kind = "data source"
	KindFeatureView   Kind = "feature view"
	KindOnDemandView  Kind = "on demand feature view"
	KindService       Kind = "feature service"
	KindPermission    Kind = "permission"
	KindSavedDataset  Kind = "saved dataset"
	KindLabelView     Kind = "label view"
	KindValidationRef Kind = "validation reference"
)

// Object is anything that a registry holds: *Project, *Entity, *DataSource,
// *FeatureView, *OnDemandFeatureView, *FeatureService, *Opaque.
type Object interface {
	ObjectKind() Kind
	ObjectName() string
}

// Place is where a definition stands; the zero Place is nowhere in a file.
// It is not registered.
type Place struct {
	File string // relative to the repository
	Line int    // from 1; 0 for the file as a whole
}

// String returns file:line, the file alone, or "" for the zero Place.
func (p Place) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// Meta is what every registered object carries beside its definition. Stored
// is the message that the registry held for the object when it was read: a
// registry that writes the object back keeps what the nouns do not know.
type Meta struct {
	Created time.Time
	Updated time.Time
	Stored  []byte
	Place   Place
}

// Field is a named, typed column: a join key or a feature.
type Field struct {
	Name         string
	Type         Type
	Description  string
	Tags         map[string]string
	VectorIndex  bool
	VectorLength int32
	VectorMetric string
}

// Project groups the objects of one registry.
type Project struct {
	Name        string
	Description string
	Tags        map[string]string
	Owner       string
	Meta        Meta
}

// Entity is what features are about. Its join key is the column by which
// sources and entity rows name it; ValueType is TypeInvalid until it is
// inferred from a source.
type Entity struct {
	Name        string
	JoinKey     string
	ValueType   ValueType
	Description string
	Tags        map[string]string
	Owner       string
	Meta        Meta
}

// DummyEntity is the entity of a view without entities, as Feast names it.
const (
	DummyEntity  = "__dummy"
	DummyJoinKey = "__dummy_id"
)

// Opaque is an object that is kept and listed, and that no journey uses yet:
// permissions, saved datasets, label views, validation references. Its
// Meta.Stored is the whole message.
type Opaque struct {
	Kind Kind
	Name string
	Meta Meta
}

// ObjectKind and ObjectName make the nouns Objects.
func (p *Project) ObjectKind() Kind             { return KindProject }
func (e *Entity) ObjectKind() Kind              { return KindEntity }
func (s *DataSource) ObjectKind() Kind          { return KindDataSource }
func (v *FeatureView) ObjectKind() Kind         { return KindFeatureView }
func (v *OnDemandFeatureView) ObjectKind() Kind { return KindOnDemandView }
func (s *FeatureService) ObjectKind() Kind      { return KindService }
func (o *Opaque) ObjectKind() Kind              { return o.Kind }

// ObjectName returns the name, unique within its kind and project.
func (p *Project) ObjectName() string             { return p.Name }
func (e *Entity) ObjectName() string              { return e.Name }
func (s *DataSource) ObjectName() string          { return s.Name }
func (v *FeatureView) ObjectName() string         { return v.Name }
func (v *OnDemandFeatureView) ObjectName() string { return v.Name }
func (s *FeatureService) ObjectName() string      { return s.Name }
func (o *Opaque) ObjectName() string              { return o.Name }

// TagsOf returns the tags of an object; an Opaque has none that we know.
func TagsOf(o Object) map[string]string {
	switch o := o.(type) {
	case *Project:
		return o.Tags
	case *Entity:
		return o.Tags
	case *DataSource:
		return o.Tags
	case *FeatureView:
		return o.Tags
	case *OnDemandFeatureView:
		return o.Tags
	case *FeatureService:
		return o.Tags
	}
	return nil
}
