package apply

import (
	"context"
	"fmt"

	"github.com/asof-dev/asof"
)

// planVersions plans an apply that promotes nothing: a view of which desired
// has a new version stays as it is registered, for its own readers and for what
// is computed from it, and the new version is saved in its history.
func planVersions(ctx context.Context, desired Desired, current *asof.Snapshot, opts Options) (*Plan, error) {
	opts.NoPromote, opts.Retype = false, true // nothing is retyped
	all, err := NewPlan(ctx, desired, current, opts)
	if err != nil {
		return nil, err
	}
	saved := map[asof.Ref]asof.Object{}
	for _, o := range all.put {
		ref := asof.Ref{Kind: o.ObjectKind(), Name: o.ObjectName()}
		if old := current.Object(ref.Kind, ref.Name); old != nil && asof.NewVersion(old, o) {
			saved[ref] = o
		}
	}
	kept := desired
	kept.Objects = nil
	for _, o := range desired.Objects {
		ref := asof.Ref{Kind: o.ObjectKind(), Name: o.ObjectName()}
		if saved[ref] != nil {
			o = current.Object(ref.Kind, ref.Name)
		}
		kept.Objects = append(kept.Objects, o)
	}
	p, err := NewPlan(ctx, kept, current, opts)
	if err != nil {
		return nil, err
	}
	for _, o := range all.put { // in the order of the plan
		if saved[asof.Ref{Kind: o.ObjectKind(), Name: o.ObjectName()}] == nil {
			continue
		}
		p.save = append(p.save, o)
		p.Notes = append(p.Notes, fmt.Sprintf("%s %s stays as it is; the new definition is saved as a version of its history, which version= in the definition makes the view's own",
			o.ObjectKind(), o.ObjectName()))
	}
	return p, nil
}
