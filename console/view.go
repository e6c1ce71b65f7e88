package console

import (
	"context"
	"errors"
	"html/template"
	"sync"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/permission"
)

// view is what is registered, as one caller may see it, with what pages work out
// of it once.
type view struct {
	snapshot *asof.Snapshot
	network  *network // what reads what
	words    []entry  // what search goes through

	draw  sync.Once
	drawn template.HTML // the graph of all
}

// graph returns the graph of all objects, which is laid out once.
func (v *view) graph(draw func() template.HTML) template.HTML {
	v.draw.Do(func() { v.drawn = draw() })
	return v.drawn
}

// kinds are what the catalog lists, in its order; features are listed beside.
var kinds = []asof.Kind{asof.KindEntity, asof.KindDataSource, asof.KindFeatureView, asof.KindOnDemandView, asof.KindService}

var errUndefined = errors.New("has no definitions yet")

// view returns the registry's newest state. Without a Guard it is worked out
// once for each state, as everybody sees the same.
func (c *Console) view(ctx context.Context) (*view, error) {
	snapshot, err := c.o.Registry.Snapshot(ctx, c.o.Project)
	if err != nil {
		return nil, err
	}
	if snapshot.Project() == nil {
		return nil, asof.Errorf(asof.CodeUnavailable, "project %s %w: run `asof apply` in its repository", c.o.Project, errUndefined)
	}
	if kept := c.kept.Load(); kept != nil && kept.snapshot.Version == snapshot.Version {
		return kept, nil
	}
	seen := c.visible(ctx, snapshot)
	v := &view{snapshot: seen, network: connect(seen), words: entriesOf(seen)}
	if c.o.Guard == nil {
		c.kept.Store(v)
	}
	return v, nil
}

// visible leaves out of a snapshot what the caller may not describe.
func (c *Console) visible(ctx context.Context, s *asof.Snapshot) *asof.Snapshot {
	if c.o.Guard == nil {
		return s
	}
	set := c.o.Guard.Permissions(s)
	seen := []asof.Object{s.Project()}
	for _, kind := range kinds {
		for _, o := range s.Objects(kind) {
			if permission.AllowsIn(ctx, set, permission.Of(o), permission.Describe) {
				seen = append(seen, o)
			}
		}
	}
	return asof.NewSnapshot(s.Version, s.Updated, seen)
}

// missing is the error for an object that the catalog does not have, or not for
// this caller.
func (v *view) missing(l link) error {
	var names []string
	for _, e := range v.words {
		if e.Kind == l.Kind {
			names = append(names, e.Name)
		}
	}
	return asof.Errorf(asof.CodeNotFound, "the catalog has no %s %q%s", l.Kind, l.Name, asof.DidYouMean(l.Name, names))
}
