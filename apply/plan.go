package apply

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/ondemand"
)

// Action says what a plan does to an object.
type Action string

// The actions of a plan.
const (
	Create Action = "create"
	Update Action = "update"
	Delete Action = "delete"
)

// ObjectChange is what a plan does to one object, field by field for an update.
type ObjectChange struct {
	Action Action     `json:"action"`
	Kind   asof.Kind  `json:"kind"`
	Name   string     `json:"name"`
	Place  asof.Place `json:"-"`
	Fields []Change   `json:"fields,omitempty"`
}

// Change is a field that an update changes.
type Change struct {
	Field string `json:"field"`
	Old   string `json:"old"`
	New   string `json:"new"`
}

// Plan is the difference between what is defined and what is registered.
type Plan struct {
	Project  string         `json:"project"`
	Changes  []ObjectChange `json:"changes"`
	Notes    []string       `json:"notes,omitempty"`    // what the user should know, and need not change
	Warnings []string       `json:"warnings,omitempty"` // what is applied and does not work, after its place

	base      string
	put       []asof.Object
	remove    []asof.Ref
	save      []asof.Object       // versions of views that stay as they are
	online    []*asof.FeatureView // the views that the online store is to serve
	wasOnline []string            // those that it served before
	retyped   asof.Problems       // features that were materialized with another type
	refilled  []string            // those that have to be materialized from the start: other join keys, or features of other types
}

// Empty reports whether the registry stays as it is.
func (p *Plan) Empty() bool { return len(p.put)+len(p.remove)+len(p.save) == 0 }

// planned is the order in which kinds are planned and printed. Objects of
// other kinds are kept as they are registered.
var planned = []asof.Kind{asof.KindProject, asof.KindDataSource, asof.KindEntity, asof.KindFeatureView,
	asof.KindOnDemandView, asof.KindService, asof.KindPermission, asof.KindLabelView, asof.KindSavedDataset,
	asof.KindValidationRef}

// removed are the kinds of which an object that is no longer defined is
// removed, as Feast's apply does. Saved datasets and references are made by
// other commands than apply.
var removed = map[asof.Kind]bool{asof.KindDataSource: true, asof.KindEntity: true, asof.KindFeatureView: true,
	asof.KindOnDemandView: true, asof.KindService: true, asof.KindPermission: true}

// NewPlan checks what is desired and compares it with current. Every mistake
// is reported at once, as asof.Problems.
func NewPlan(ctx context.Context, desired Desired, current *asof.Snapshot, opts Options) (*Plan, error) {
	if opts.NoPromote {
		return planVersions(ctx, desired, current, opts)
	}
	r := newRepository(desired)
	r.check(current)
	if err := r.problems.Err(); err != nil {
		return nil, err
	}
	if err := r.resolve(ctx, opts); err != nil {
		return nil, err
	}
	p := &Plan{Project: desired.Project, Changes: []ObjectChange{}, Notes: r.notes, base: current.Version}
	for _, kind := range planned {
		p.compare(kind, r.objects[kind], current)
	}
	if !opts.Retype {
		if err := p.retyped.Err(); err != nil {
			return nil, err
		}
	}
	if err := p.tryFunctions(r, opts); err != nil {
		return nil, err
	}
	for _, kind := range []asof.Kind{asof.KindFeatureView, asof.KindOnDemandView} {
		for _, o := range r.objects[kind] {
			if v := asof.Kept(o); v != nil {
				p.online = append(p.online, v)
			}
		}
	}
	for _, v := range current.Kept() {
		p.wasOnline = append(p.wasOnline, v.Name)
	}
	return p, nil
}

// tryFunctions notes how the functions of the on-demand views run that are
// created or updated. With Strict, one that cannot be run is a mistake.
func (p *Plan) tryFunctions(r *repository, opts Options) error {
	views := map[string]*asof.FeatureView{}
	for _, v := range r.views() {
		views[v.Name] = v
	}
	var problems asof.Problems
	for _, o := range r.objects[asof.KindOnDemandView] {
		v := o.(*asof.OnDemandFeatureView)
		keys := ondemand.Keys(v, func(name string) *asof.FeatureView { return views[name] })
		changed := slices.ContainsFunc(p.put, func(c asof.Object) bool { return c == o })
		if !changed && !opts.Strict {
			continue
		}
		sentence, ok := ondemand.Summary(v, ondemand.Options{Keys: keys, Workers: opts.Workers})
		problem := asof.Problem{Place: v.Meta.Place, Message: sentence}
		switch {
		case !ok && opts.Strict:
			problems = append(problems, problem)
		case !ok:
			p.Warnings = append(p.Warnings, problem.String())
		case changed:
			p.Notes = append(p.Notes, sentence)
		}
	}
	return problems.Err()
}

func (p *Plan) compare(kind asof.Kind, objects []asof.Object, current *asof.Snapshot) {
	wanted := map[string]bool{}
	for _, o := range objects {
		wanted[o.ObjectName()] = true
		old := current.Object(kind, o.ObjectName())
		change := ObjectChange{Action: Create, Kind: kind, Name: o.ObjectName(), Place: asof.MetaOf(o).Place}
		if old != nil {
			change.Action = Update
			if change.Fields = difference(old, o); len(change.Fields) == 0 {
				continue
			}
			p.noteOnline(o, old)
		}
		p.Changes = append(p.Changes, change)
		p.put = append(p.put, o)
	}
	if !removed[kind] {
		return
	}
	for _, old := range current.Objects(kind) {
		if !wanted[old.ObjectName()] && old.ObjectName() != asof.DummyEntity {
			p.Changes = append(p.Changes, ObjectChange{Action: Delete, Kind: kind, Name: old.ObjectName()})
			p.remove = append(p.remove, asof.Ref{Kind: kind, Name: old.ObjectName()})
		}
	}
}

// noteOnline says what a changed view means for its values online: the store
// gives no value of a feature that is new or has another type until it is
// materialized again, and rows by other keys are no rows of the view.
func (p *Plan) noteOnline(o, was asof.Object) {
	view, ok := o.(*asof.FeatureView)
	if !ok || !view.Online {
		return
	}
	old := was.(*asof.FeatureView)
	if !asof.SameJoinKeys(old, view) {
		p.refilled = append(p.refilled, view.Name)
		p.Notes = append(p.Notes, fmt.Sprintf("feature view %s has other join keys: nothing of it is online until it is materialized again", view.Name))
		return
	}
	var again []string
	filled, retyped := len(old.Intervals) > 0, false
	for _, f := range view.Features {
		before := old.Feature(f.Name)
		switch {
		case before == nil:
			again = append(again, f.Name)
		case !before.Type.Equal(f.Type):
			again = append(again, f.Name)
			if filled {
				retyped = true
				p.retyped = append(p.retyped, asof.Problem{Place: view.Meta.Place, Message: fmt.Sprintf("feature %q of feature view %q was materialized as %s and is %s now: "+
					"give the new one another name, or `apply --retype`: it is null online until `materialize-incremental` has filled the view again", f.Name, view.Name, before.Type, f.Type)})
			}
		}
	}
	if retyped {
		p.refilled = append(p.refilled, view.Name)
		p.Notes = append(p.Notes, fmt.Sprintf("%s of %s: null online until `materialize-incremental END -v %s`, which begins at the oldest row, fills it again",
			strings.Join(again, ", "), view.Name, view.Name))
		return
	}
	if len(again) > 0 {
		p.Notes = append(p.Notes, fmt.Sprintf("%s of %s: null online until `materialize START END -v %s` fills it again",
			strings.Join(again, ", "), view.Name, view.Name))
	}
}
