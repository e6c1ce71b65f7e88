package redis

import (
	"context"
	"slices"
	"strings"

	"github.com/redis/rueidis"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/value"
)

// Update notes the views of keep, and removes from the hashes what is no longer
// defined: the rows of drop, and the values of features that are gone or have
// another type. While it does, writes to such a view are refused; killed half
// way, the next Update goes on. It looks through the keys only where there is
// something to remove, a bounded number at a time.
//
// With KeepsRemoved it removes nothing from the hashes, as Feast: a feature
// that comes back has its old values.
func (o *Online) Update(ctx context.Context, project string, keep []*asof.FeatureView, drop []string) error {
	return o.update(ctx, project, keep, drop, !o.config.KeepsRemoved)
}

// Teardown removes the rows of the views, and the project's key of ours with
// the last one. Views that have none are no error.
func (o *Online) Teardown(ctx context.Context, project string, views []string) error {
	return o.update(ctx, project, nil, views, true)
}

func (o *Online) update(ctx context.Context, project string, keep []*asof.FeatureView, drop []string, remove bool) error {
	const doing = "updating the online store"
	c, err := o.connect(ctx)
	if err != nil {
		return err
	}
	for range 10 {
		r, err := o.load(ctx, c, project)
		if err != nil {
			return o.fault(doing, err)
		}
		done, err := o.evolve(ctx, c, project, r, keep, drop, remove)
		if err != nil || done {
			return o.fault(doing, err)
		}
	}
	return asof.Errorf(asof.CodeConflict, "the record of project %q in Redis at %s is being changed all the time; try again", project, o.where)
}

// plan is what an Update has to do.
type plan struct {
	during   map[string]*view // what the record says while values are being removed
	after    map[string]*view // and then
	removals []removal
}

// evolve brings the record from r to the views of keep without those of drop.
// It reports false where somebody else changed the record meanwhile.
func (o *Online) evolve(ctx context.Context, c rueidis.Client, project string, r *record, keep []*asof.FeatureView, drop []string, remove bool) (bool, error) {
	p := plan{during: map[string]*view{}, after: map[string]*view{}}
	for _, v := range keep {
		if err := p.keep(r.views[v.Name], v); err != nil {
			return false, err
		}
	}
	for _, name := range drop {
		p.drop(name, r.views[name])
	}
	if err := collision(r, p.after); err != nil {
		return false, err
	}
	if remove && len(p.removals) > 0 {
		if len(p.during) > 0 {
			if ok, err := o.change(ctx, c, project, r, p.during); !ok || err != nil {
				return false, err
			}
		}
		if err := o.remove(ctx, c, project, p.removals); err != nil {
			return false, err
		}
		var err error
		if r, err = o.load(ctx, c, project); err != nil {
			return false, err
		}
	}
	if len(p.after) == 0 {
		return true, nil
	}
	return o.change(ctx, c, project, r, p.after)
}

// newView is what is noted of a view that is new.
func newView(v *asof.FeatureView) *view {
	n := &view{Schema: &value.Schema{Next: 1, Columns: map[string]value.Column{}}, time: timeField(v.Name)}
	n.Evolve(v)
	return n
}

// keep plans for a view that stays or is new.
func (p *plan) keep(old *view, v *asof.FeatureView) error {
	next := newView(v)
	if old == nil {
		p.after[v.Name] = next
		return nil
	}
	// What the record says now, but for what goes.
	was := &value.Schema{Keys: old.Keys, Next: old.Next, Columns: map[string]value.Column{}}
	removed := slices.Clone(old.Removed)
	for name, column := range old.Columns {
		if next.Columns[name].Type == column.Type {
			was.Columns[name] = column
		} else {
			removed = append(removed, name)
		}
	}
	_, rekeyed := (&value.Schema{Keys: was.Keys, Columns: map[string]value.Column{}}).Evolve(v)
	switch {
	case rekeyed || old.Dropped:
		p.drop(v.Name, old)
	case len(removed) > 0:
		p.during[v.Name] = &view{Schema: was, Removed: removed}
		p.removals = append(p.removals, removal{keys: old.joinKeys(), fields: valueFields(v.Name, removed)})
	case sameSchema(old.Schema, next.Schema):
		return nil
	}
	p.after[v.Name] = next
	return nil
}

// drop plans for a view that goes. One that the record does not know may have
// rows that Feast wrote: without their time they are rows no more.
func (p *plan) drop(name string, old *view) {
	gone := removal{anyKey: old == nil, row: true, fields: []string{timeField(name)}}
	if old != nil {
		gone.keys = old.joinKeys()
		for feature := range old.Columns {
			gone.fields = append(gone.fields, valueField(name, feature))
		}
		gone.fields = append(gone.fields, valueFields(name, old.Removed)...)
		p.during[name] = &view{Schema: old.Schema, Removed: old.Removed, Dropped: true}
		p.after[name] = nil
	}
	p.removals = append(p.removals, gone)
}

func valueFields(view string, features []string) []string {
	fields := make([]string, len(features))
	for i, feature := range features {
		fields[i] = valueField(view, feature)
	}
	return fields
}

// sameSchema compares the join keys and the types of features; their numbers
// have no meaning here.
func sameSchema(a, b *value.Schema) bool {
	if len(a.Columns) != len(b.Columns) || len(a.Keys) != len(b.Keys) {
		return false
	}
	for name, c := range a.Columns {
		if b.Columns[name].Type != c.Type {
			return false
		}
	}
	for name, t := range a.Keys {
		if b.Keys[name] != t {
			return false
		}
	}
	return true
}

// collision finds two features of one entity that Feast's layout gives the same
// field, so that each would be served as the other. Among a thousand features
// that happens once in ten thousand repositories.
func collision(r *record, after map[string]*view) error {
	owners := map[string]string{}
	check := func(name string, v *view) error {
		for feature := range v.Columns {
			place := strings.Join(v.joinKeys(), "\x00") + "\x00" + valueField(name, feature)
			mine := name + ":" + feature
			if other, taken := owners[place]; taken {
				return asof.Errorf(asof.CodeInvalid, "features %s and %s have the same field in Redis, where Feast's layout knows them by a hash of 32 bits; rename one of them", min(mine, other), max(mine, other))
			}
			owners[place] = mine
		}
		return nil
	}
	for name, v := range after {
		if v != nil {
			if err := check(name, v); err != nil {
				return err
			}
		}
	}
	for name, v := range r.views {
		if _, changes := after[name]; !changes {
			if err := check(name, v); err != nil {
				return err
			}
		}
	}
	return nil
}
