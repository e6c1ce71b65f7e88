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

// views are those of the newest registry, by what their callers may do.
type views struct {
	mu      sync.Mutex
	version string // of the registry
	kept    map[string]*view
}

// mostViews is how many views are kept at once: more kinds of callers are seldom
// there, and each of a large project takes megabytes.
const mostViews = 32

func (v *views) find(version, means string) *view {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.version != version {
		return nil
	}
	return v.kept[means]
}

func (v *views) keep(version, means string, one *view) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.version != version {
		v.version, v.kept = version, map[string]*view{}
	}
	for other := range v.kept {
		if len(v.kept) < mostViews {
			break
		}
		delete(v.kept, other)
	}
	v.kept[means] = one
}

// view returns the registry's newest state, as the caller may see it. It is
// worked out once for each state and all callers who may do the same.
func (c *Console) view(ctx context.Context) (*view, error) {
	snapshot, err := c.o.Registry.Snapshot(ctx, c.o.Project)
	if err != nil {
		return nil, err
	}
	if snapshot.Project() == nil {
		return nil, asof.Errorf(asof.CodeUnavailable, "project %s %w: run `asof apply` in its repository", c.o.Project, errUndefined)
	}
	c.note(ctx, snapshot)
	means := ""
	if c.o.Guard != nil {
		means = permission.Caller(ctx).Means()
	}
	if kept := c.views.find(snapshot.Version, means); kept != nil {
		return kept, nil
	}
	seen := c.visible(ctx, snapshot)
	v := &view{snapshot: seen, network: connect(seen), words: entriesOf(seen)}
	c.views.keep(snapshot.Version, means, v)
	return v, nil
}

// visible leaves out of a snapshot what the caller may not describe. Permissions
// stay: a guard that is asked about it goes by them.
func (c *Console) visible(ctx context.Context, s *asof.Snapshot) *asof.Snapshot {
	if c.o.Guard == nil {
		return s
	}
	set := c.o.Guard.Permissions(s)
	seen := append([]asof.Object{s.Project()}, s.Objects(asof.KindPermission)...)
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
