package apply

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/asof-dev/asof"
)

// sought is the order in which Remove looks for a name, Feast's own first.
var sought = []asof.Kind{asof.KindEntity, asof.KindFeatureView, asof.KindService, asof.KindDataSource, asof.KindSavedDataset,
	asof.KindValidationRef, asof.KindOnDemandView, asof.KindLabelView, asof.KindPermission}

// Remove takes one object out of the registry, of the first kind that has the
// name, and returns it. A view's online rows and ledger entries go with it. What
// others use is not removed: that is CodeConflict, and names them. Nothing of
// the name is nil, and no error.
func Remove(ctx context.Context, project, name string, stores Stores) (asof.Object, error) {
	for attempt := 1; ; attempt++ {
		current, err := stores.Registry.Snapshot(ctx, project)
		if err != nil {
			return nil, err
		}
		object := find(current, name)
		if object == nil {
			return nil, nil
		}
		if users := usersOf(current, object); len(users) > 0 {
			return nil, asof.Errorf(asof.CodeConflict, "%s %q is used by %s: take it out there first", object.ObjectKind(), name, strings.Join(users, ", "))
		}
		err = remove(ctx, project, current, object, stores)
		if asof.ErrorCode(err) == asof.CodeConflict && attempt < attempts {
			continue
		}
		return object, err
	}
}

func find(s *asof.Snapshot, name string) asof.Object {
	for _, kind := range sought {
		if o := s.Object(kind, name); o != nil {
			return o
		}
	}
	return nil
}

// remove changes the registry, and drops what is online of a view.
func remove(ctx context.Context, project string, current *asof.Snapshot, object asof.Object, stores Stores) error {
	var leave []string
	if asof.Kept(object) != nil || object.ObjectKind() == asof.KindFeatureView { // one that is not online may be in the ledger
		leave = []string{object.ObjectName()}
	}
	return stores.Change(ctx, project, nil, leave, func() error {
		_, err := stores.Registry.Apply(ctx, project, asof.Change{Base: current.Version, Delete: []asof.Ref{{Kind: object.ObjectKind(), Name: object.ObjectName()}}})
		return err
	})
}

// usersOf names what an object is used by.
func usersOf(s *asof.Snapshot, object asof.Object) (users []string) {
	name := object.ObjectName()
	add := func(user asof.Object, uses bool) {
		if uses {
			users = append(users, fmt.Sprintf("%s %q", user.ObjectKind(), user.ObjectName()))
		}
	}
	switch object.(type) {
	case *asof.Entity:
		for _, v := range s.Views() {
			add(v, slices.Contains(v.Entities, name))
		}
	case *asof.DataSource:
		for _, v := range s.Views() {
			add(v, v.Source != nil && v.Source.Name == name || v.Stream != nil && v.Stream.Name == name)
		}
		for _, v := range s.OnDemandViews() {
			add(v, slices.ContainsFunc(v.Sources, func(o asof.OnDemandSource) bool { return o.Request != nil && o.Request.Name == name }))
		}
	case *asof.FeatureView, *asof.OnDemandFeatureView, *asof.Opaque:
		for _, v := range s.Views() {
			add(v, slices.Contains(v.SourceViews, name))
		}
		for _, v := range s.OnDemandViews() {
			add(v, slices.ContainsFunc(v.Sources, func(o asof.OnDemandSource) bool { return o.View != nil && o.View.View == name }))
		}
		for _, service := range s.Services() {
			add(service, slices.ContainsFunc(service.Projections, func(p asof.Projection) bool { return p.View == name }))
		}
	}
	return users
}
