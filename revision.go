package asof

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"time"
)

// Registered returns desired as a registry stores it at now in place of old,
// nil where the object is new: a copy with what a definition file does not say
// and a registry keeps. Created stays; Updated is now; a view keeps its
// version, its state, and its intervals unless they tell of rows that are of no
// use to it; what old's message holds beyond the nouns is carried over. The version of a view that NewVersion calls for is left to the
// registry, which numbers versions.
func Registered(old, desired Object, now time.Time) Object {
	switch d := desired.(type) {
	case *Project:
		c := *d
		c.Meta = registeredMeta(MetaOf(old), d.Meta, now)
		return &c
	case *Entity:
		c := *d
		c.Meta = registeredMeta(MetaOf(old), d.Meta, now)
		return &c
	case *DataSource:
		return registeredSource(old, d, now)
	case *FeatureView:
		return registeredView(old, d, now)
	case *OnDemandFeatureView:
		return registeredOnDemand(old, d, now)
	case *FeatureService:
		c := *d
		c.Meta = registeredMeta(MetaOf(old), d.Meta, now)
		return &c
	case *Opaque:
		c := *d
		c.Meta = registeredMeta(MetaOf(old), d.Meta, now)
		return &c
	}
	return desired
}

// MetaOf returns what an object carries beside its definition.
func MetaOf(o Object) Meta {
	switch o := o.(type) {
	case *Project:
		return o.Meta
	case *Entity:
		return o.Meta
	case *DataSource:
		return o.Meta
	case *FeatureView:
		return o.Meta
	case *OnDemandFeatureView:
		return o.Meta
	case *FeatureService:
		return o.Meta
	case *Opaque:
		return o.Meta
	}
	return Meta{}
}

func registeredMeta(old, m Meta, now time.Time) Meta {
	m.Created, m.Updated, m.Place = old.Created, now, Place{}
	if m.Created.IsZero() {
		m.Created = now
	}
	if len(m.Stored) == 0 {
		m.Stored = old.Stored
	}
	return m
}

func registeredSource(old Object, d *DataSource, now time.Time) *DataSource {
	c := *d
	c.Meta = registeredMeta(MetaOf(old), d.Meta, now)
	c.Batch = sourceWithin(d.Batch, now)
	return &c
}

// sourceWithin is a source as it stands within a view or another source.
func sourceWithin(d *DataSource, now time.Time) *DataSource {
	if d == nil {
		return nil
	}
	c := registeredSource(d, d, now)
	if !d.Meta.Updated.IsZero() {
		c.Meta.Updated = d.Meta.Updated
	}
	return c
}

func registeredView(old Object, d *FeatureView, now time.Time) *FeatureView {
	c := *d
	o, _ := old.(*FeatureView)
	if o == nil {
		o = &FeatureView{}
	}
	c.Meta = registeredMeta(o.Meta, d.Meta, now)
	if old != nil && (o.Kind == ViewStream) != (d.Kind == ViewStream) {
		c.Meta.Stored = nil // it was another kind of message
	}
	c.Source, c.Stream = sourceWithin(d.Source, now), sourceWithin(d.Stream, now)
	c.VersionNumber, c.VersionID = o.VersionNumber, o.VersionID
	if c.State == 0 {
		c.State = o.State
	}
	if len(c.Intervals) == 0 && SameRows(o, d) {
		c.Intervals = o.Intervals
	}
	return &c
}

// SameRows reports whether what is online of one view is of the other as well:
// join keys, and types of the features that both have, are the same.
func SameRows(old, desired *FeatureView) bool {
	return SameJoinKeys(old, desired) && !slices.ContainsFunc(desired.Features, func(f Field) bool {
		before := old.Feature(f.Name)
		return before != nil && !before.Type.Equal(f.Type)
	})
}

// SameJoinKeys reports whether views have the same join keys, whatever their
// order, so that the rows of one are rows of the other. A type that is not known
// is any.
func SameJoinKeys(a, b *FeatureView) bool {
	return len(a.EntityColumns) == len(b.EntityColumns) && !slices.ContainsFunc(a.EntityColumns, func(k Field) bool {
		return !slices.ContainsFunc(b.EntityColumns, func(other Field) bool {
			return k.Name == other.Name && (k.Type.Equal(other.Type) || k.Type.Value == TypeInvalid || other.Type.Value == TypeInvalid)
		})
	})
}

func registeredOnDemand(old Object, d *OnDemandFeatureView, now time.Time) *OnDemandFeatureView {
	c := *d
	c.Meta = registeredMeta(MetaOf(old), d.Meta, now)
	c.Sources = slices.Clone(d.Sources)
	for i := range c.Sources {
		c.Sources[i].Request = sourceWithin(c.Sources[i].Request, now)
	}
	if o, ok := old.(*OnDemandFeatureView); ok {
		c.VersionNumber, c.VersionID = o.VersionNumber, o.VersionID
		if c.State == 0 {
			c.State = o.State
		}
	}
	return &c
}

// NewVersion reports whether desired is a new version of old: a view whose
// features, entities or computation differ. Where it is read from, how long it
// lives and what is said of it change no version, as in Feast.
func NewVersion(old, desired Object) bool {
	switch d := desired.(type) {
	case *FeatureView:
		o, ok := old.(*FeatureView)
		return !ok || !sameFields(o.Features, d.Features) || !sameNames(o.Entities, d.Entities) ||
			!sameFields(o.EntityColumns, d.EntityColumns) || !slices.Equal(o.SourceViews, d.SourceViews) ||
			!sameFunction(o.Function, d.Function) || !slices.Equal(o.Aggregations, d.Aggregations) ||
			o.TimestampField != d.TimestampField
	case *OnDemandFeatureView:
		o, ok := old.(*OnDemandFeatureView)
		return !ok || !sameFields(o.Features, d.Features) || !sameFields(o.EntityColumns, d.EntityColumns) ||
			!sameFunction(o.Function, d.Function) || o.Mode != d.Mode || !sameSources(o.Sources, d.Sources) ||
			!slices.Equal(o.Aggregations, d.Aggregations)
	}
	return false
}

func sameNames(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// sameFields compares fields whatever their order.
func sameFields(a, b []Field) bool {
	byName := func(x, y Field) int { return cmp.Compare(x.Name, y.Name) }
	a, b = slices.SortedFunc(slices.Values(a), byName), slices.SortedFunc(slices.Values(b), byName)
	return slices.EqualFunc(a, b, func(x, y Field) bool {
		return x.Name == y.Name && x.Type.Equal(y.Type) && x.Description == y.Description &&
			maps.Equal(x.Tags, y.Tags) && x.VectorIndex == y.VectorIndex &&
			x.VectorLength == y.VectorLength && x.VectorMetric == y.VectorMetric
	})
}

func sameFunction(a, b *Function) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Text == b.Text && (a.Text != "" || slices.Equal(a.Body, b.Body))
}

// sameSources compares what an on-demand view reads, whatever the order.
func sameSources(a, b []OnDemandSource) bool {
	byName := func(x, y OnDemandSource) int { return cmp.Compare(x.Name, y.Name) }
	a, b = slices.SortedFunc(slices.Values(a), byName), slices.SortedFunc(slices.Values(b), byName)
	return slices.EqualFunc(a, b, func(x, y OnDemandSource) bool {
		if x.Name != y.Name || (x.View == nil) != (y.View == nil) || (x.Request == nil) != (y.Request == nil) {
			return false
		}
		if x.View != nil {
			return x.View.View == y.View.View && x.View.Alias == y.View.Alias && sameFields(x.View.Features, y.View.Features) &&
				maps.Equal(x.View.JoinKeyMap, y.View.JoinKeyMap) && reflect.DeepEqual(x.View.VersionTag, y.View.VersionTag)
		}
		return x.Request == nil || sameFields(x.Request.Schema, y.Request.Schema)
	})
}

// Materialized returns the view as a registry stores it after span was copied
// to the online store at now.
func Materialized(v *FeatureView, span Interval, now time.Time) *FeatureView {
	c := *v
	c.Intervals = Cover(v.Intervals, span)
	c.State = StateAvailableOnline
	c.Meta.Updated = now
	return &c
}
