package registryapi

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastconv"
	"github.com/asof-dev/asof/feastpb/core"
	pb "github.com/asof-dev/asof/feastpb/registry"
	"github.com/asof-dev/asof/feastregistry"
	"github.com/asof-dev/asof/permission"
)

// change lets edit change the draft of a project, and commits the connection's
// drafts if that is asked for. An edit that fails changes nothing.
func (s *service) change(ctx context.Context, project string, commit bool, edit func(view, *draft) error) (*emptypb.Empty, error) {
	err := s.read(ctx, func(v view) error {
		if v.session.ended {
			return context.Canceled
		}
		was := len(v.session.drafts)
		if err := edit(v, v.session.draft(project)); err != nil {
			v.session.drafts = v.session.drafts[:was] // a draft that edit would have begun
			return err
		}
		if commit {
			return s.commit(ctx, v)
		}
		return nil
	})
	return &emptypb.Empty{}, err
}

// Commit puts what came by the connection into the registry, as one
// transaction. A connection that begins with Commit has lost what it is to
// commit: its client was connected anew in between.
func (s *service) Commit(ctx context.Context, _ *emptypb.Empty) (*emptypb.Empty, error) {
	err := s.read(ctx, func(v view) error {
		if v.session.calls.Load() == 1 {
			return feastError(codes.FailedPrecondition, "FeastError",
				"there is nothing to commit: the connection was lost and is new, and what came before it is dropped; apply again")
		}
		for _, d := range v.session.drafts {
			if err := v.checkCommit(d.project); err != nil {
				v.session.take()
				return err
			}
		}
		return s.commit(ctx, v)
	})
	return &emptypb.Empty{}, err
}

// Refresh drops what the connection has not committed. The registry itself is
// always read as it is now.
func (s *service) Refresh(ctx context.Context, r *pb.RefreshRequest) (*emptypb.Empty, error) {
	err := s.read(ctx, func(v view) error {
		v.session.take()
		return v.checkProject(r.GetProject(), permission.Describe|permission.Update)
	})
	return &emptypb.Empty{}, err
}

// commit carries out the session's drafts, and has the online store ready
// before, so that no view is registered that it can't hold.
func (s *service) commit(ctx context.Context, v view) error {
	drafts := v.session.take()
	if len(drafts) == 0 {
		return nil
	}
	var names []string
	for _, d := range drafts {
		names = append(names, d.project)
	}
	changed := false
	change := func() error {
		err := s.Store.Change(ctx, names, func(registry *core.Registry, now time.Time) error {
			for _, d := range drafts {
				if err := d.write(registry, now); err != nil {
					return err
				}
			}
			return nil
		})
		changed = err == nil
		for _, d := range drafts {
			if changed && s.Changed != nil {
				s.Changed(ctx, d.project, d.applied())
			}
		}
		return err
	}
	for _, d := range drafts {
		keep, drop := v.online(d)
		if s.Online == nil || len(keep)+len(drop) == 0 {
			continue
		}
		within := change
		change = func() error { return s.Online(ctx, d.project, keep, drop, within) }
	}
	err := change()
	if err != nil && changed {
		s.Log.Warn("views that are not registered any more are left online until the next change", "projects", names, "error", err)
		return nil
	}
	return err
}

// applied returns what the draft puts into the registry.
func (d *draft) applied() (put []asof.Object) {
	for _, at := range d.order {
		if o := d.objects[at].object; o != nil {
			put = append(put, o)
		}
	}
	return put
}

// online returns the views of a draft that the online store is to hold, and
// the names of those that it held until now, or holds rows of that are no rows
// of what they are to be.
func (v view) online(d *draft) (keep []*asof.FeatureView, drop []string) {
	for _, k := range []kind{featureViews, streamViews, onDemandViews} {
		for _, at := range d.order {
			if at.kind != k {
				continue
			}
			put := d.objects[at].object
			if kept := asof.Kept(put); kept != nil {
				keep = append(keep, kept)
				if v.refilled(k, d.project, kept) {
					drop = append(drop, at.name)
				}
			} else if (put != nil || d.objects[at].deleted) && v.mayBeOnline(k, d.project, at.name) {
				drop = append(drop, at.name)
			}
		}
		for _, o := range v.index.Objects(d.project, k.field) {
			if _, changed := d.objects[place{k, o.Name}]; d.removed && !changed && v.mayBeOnline(k, d.project, o.Name) {
				drop = append(drop, o.Name)
			}
		}
	}
	return keep, drop
}

// mayBeOnline reports whether the online store may hold a view: not an on-demand
// view that was computed when it was read.
func (v view) mayBeOnline(k kind, project, name string) bool {
	m, ok := v.index.Object(project, k.field, name).(*core.OnDemandFeatureView)
	return k != onDemandViews || ok && m.GetSpec().GetWriteToOnlineStore()
}

// refilled reports whether what is online of a view is to be loaded again once it
// is as desired.
func (v view) refilled(k kind, project string, desired *asof.FeatureView) bool {
	m := v.index.Object(project, k.field, desired.Name)
	if m == nil {
		return false
	}
	o, err := feastconv.Decode(m)
	if err != nil {
		return false // it could not be materialized
	}
	old := asof.Kept(o)
	return old != nil && !asof.SameRows(old, desired)
}

// write puts a draft into a registry.
func (d *draft) write(registry *core.Registry, now time.Time) error {
	if d.removed {
		feastregistry.RemoveProject(registry, d.project)
		if len(d.order) == 0 && d.infra == nil {
			return nil
		}
	}
	current, err := feastregistry.Snapshot(registry, d.project)
	if err != nil {
		return err
	}
	if change := d.change(current); !change.Empty() {
		if _, err := feastregistry.Apply(registry, d.project, current, change, now, ""); err != nil {
			return err
		}
	}
	for _, at := range d.order {
		for _, span := range d.objects[at].spans {
			if current, err = feastregistry.Snapshot(registry, d.project); err != nil {
				return err
			}
			if err := feastregistry.Materialize(registry, d.project, current, at.name, span, now); err != nil {
				return err
			}
		}
	}
	if d.infra != nil {
		feastregistry.SetInfra(registry, d.project, d.infra)
	}
	return nil
}

// change is what a draft does to a project that is current. A view comes with
// the intervals that its client knew of; those that others have added since
// are kept.
func (d *draft) change(current *asof.Snapshot) asof.Change {
	var change asof.Change
	for _, at := range d.order {
		c := d.objects[at]
		if c.deleted {
			change.Delete = append(change.Delete, asof.Ref{Kind: at.kind.of, Name: at.name})
		}
		object := c.object
		put, _ := object.(*asof.FeatureView)
		registered, _ := current.Object(at.kind.of, at.name).(*asof.FeatureView)
		if put != nil && registered != nil && !c.deleted {
			joined := *put
			for _, span := range registered.Intervals {
				joined.Intervals = asof.Cover(joined.Intervals, span)
			}
			object = &joined
		}
		if object != nil {
			change.Put = append(change.Put, object)
		}
	}
	return change
}
