package apply

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/asof-dev/asof"
)

// repository is what is desired, by kind, while it is checked and completed.
type repository struct {
	project  string
	objects  map[asof.Kind][]asof.Object
	problems asof.Problems
	notes    []string
}

// inputSchema begins the name of the request source that stands for an on-demand
// view's input_schema. It is the view's own, and is not registered.
const inputSchema = "__input_schema__"

// newRepository copies the views of desired, because resolve completes them,
// and adds the sources that only views name.
func newRepository(desired Desired) *repository {
	r := &repository{project: desired.Project, objects: map[asof.Kind][]asof.Object{}}
	for _, o := range desired.Objects {
		switch o := o.(type) {
		case *asof.FeatureView:
			r.add(copyView(o))
		default:
			r.add(o)
		}
	}
	if len(r.objects[asof.KindProject]) == 0 {
		r.add(&asof.Project{Name: desired.Project})
	}
	for _, v := range r.views() {
		r.addSource(v.Source)
		r.addSource(v.Stream)
	}
	for _, o := range r.objects[asof.KindOnDemandView] {
		for _, s := range o.(*asof.OnDemandFeatureView).Sources {
			if !strings.HasPrefix(s.Name, inputSchema) {
				r.addSource(s.Request)
			}
		}
	}
	for _, o := range r.objects[asof.KindDataSource] {
		r.addSource(o.(*asof.DataSource).Batch)
	}
	return r
}

func copyView(v *asof.FeatureView) *asof.FeatureView {
	c := *v
	c.Features = slices.Clone(v.Features)
	c.EntityColumns = slices.Clone(v.EntityColumns)
	if v.Source != nil {
		source := *v.Source
		c.Source = &source
	}
	return &c
}

func (r *repository) add(o asof.Object) {
	r.objects[o.ObjectKind()] = append(r.objects[o.ObjectKind()], o)
}

// addSource adds a source that a view or another source names and that is not
// there yet; two different ones of a name are a problem that check reports.
func (r *repository) addSource(s *asof.DataSource) {
	if s == nil || s.Name == "" {
		return
	}
	for _, o := range r.objects[asof.KindDataSource] {
		if o.ObjectName() == s.Name && len(difference(o, s)) == 0 {
			return
		}
	}
	r.add(s)
}

func (r *repository) views() []*asof.FeatureView {
	views := make([]*asof.FeatureView, len(r.objects[asof.KindFeatureView]))
	for i, o := range r.objects[asof.KindFeatureView] {
		views[i] = o.(*asof.FeatureView)
	}
	return views
}

func (r *repository) entity(name string) *asof.Entity {
	for _, o := range r.objects[asof.KindEntity] {
		if o.ObjectName() == name {
			return o.(*asof.Entity)
		}
	}
	return nil
}

func (r *repository) problem(at asof.Place, format string, args ...any) {
	r.problems = append(r.problems, asof.Problem{Place: at, Message: fmt.Sprintf(format, args...)})
}

// projectName is Feast's rule for names.
var projectName = regexp.MustCompile(`^[\pL\pN][\pL\pN_-]*$`)

// check holds the definitions against one another, and removals against who
// uses what is removed.
func (r *repository) check(current *asof.Snapshot) {
	if !projectName.MatchString(r.project) {
		r.problem(asof.Place{}, "project name %q: write letters, digits, underscores and hyphens only, and begin with a letter or digit", r.project)
	}
	r.checkNames()
	for _, v := range r.views() {
		r.checkView(v)
	}
	for _, o := range r.objects[asof.KindOnDemandView] {
		view := o.(*asof.OnDemandFeatureView)
		for _, s := range view.Sources {
			if s.View != nil {
				r.checkProjection(*s.View, view.Meta.Place, fmt.Sprintf("on-demand view %q", view.Name), current)
			}
		}
	}
	for _, o := range r.objects[asof.KindService] {
		service := o.(*asof.FeatureService)
		for _, p := range service.Projections {
			r.checkProjection(p, service.Meta.Place, fmt.Sprintf("feature service %q", service.Name), current)
		}
	}
}

// checkNames finds objects without a name and two of one name. Views of every
// kind share one namespace, and names that differ in case alone are one name
// to the stores below.
func (r *repository) checkNames() {
	for _, kinds := range [][]asof.Kind{{asof.KindEntity}, {asof.KindDataSource}, {asof.KindService},
		{asof.KindFeatureView, asof.KindOnDemandView, asof.KindLabelView}} {
		seen := map[string]asof.Object{}
		for _, kind := range kinds {
			for _, o := range r.objects[kind] {
				if o.ObjectName() == "" {
					r.problem(asof.MetaOf(o).Place, "this %s has no name; give it `name=`", kind)
					continue
				}
				folded := strings.ToLower(o.ObjectName())
				if first, twice := seen[folded]; twice {
					r.problem(asof.MetaOf(o).Place, "%s %q is defined twice (first at %s, and letter case does not count); rename one of them",
						kind, o.ObjectName(), asof.MetaOf(first).Place)
					continue
				}
				seen[folded] = o
			}
		}
	}
}

func (r *repository) checkView(v *asof.FeatureView) {
	var known []string
	for _, o := range r.objects[asof.KindEntity] {
		known = append(known, o.ObjectName())
	}
	for _, name := range v.Entities {
		if name != asof.DummyEntity && r.entity(name) == nil {
			r.problem(v.Meta.Place, "feature view %q uses entity %q, which no file defines%s", v.Name, name, asof.DidYouMean(name, known))
		}
	}
	seen := map[string]bool{}
	for _, f := range v.Features {
		if seen[f.Name] {
			r.problem(v.Meta.Place, "feature view %q has two fields named %q; remove one", v.Name, f.Name)
		}
		seen[f.Name] = true
		if strings.Contains(f.Name, ":") || f.Name == "" {
			r.problem(v.Meta.Place, "feature view %q: %q cannot be the name of a feature; write a name without a colon", v.Name, f.Name)
		}
	}
	if v.Source == nil && v.Stream == nil && len(v.SourceViews) == 0 {
		r.problem(v.Meta.Place, "feature view %q has no source; give it `source=`", v.Name)
	}
}

// checkProjection finds views and features that a service or an on-demand view
// uses and that no file defines.
func (r *repository) checkProjection(p asof.Projection, at asof.Place, user string, current *asof.Snapshot) {
	var views []string
	for _, kind := range []asof.Kind{asof.KindFeatureView, asof.KindOnDemandView, asof.KindLabelView} {
		for _, o := range r.objects[kind] {
			views = append(views, o.ObjectName())
			if o.ObjectName() == p.View {
				r.checkFeatures(p, at, user)
				return
			}
		}
	}
	if current.Object(asof.KindFeatureView, p.View) != nil || current.Object(asof.KindOnDemandView, p.View) != nil {
		r.problem(at, "%s uses view %q, which is registered and no longer defined: it is not removed while it is in use; "+
			"define it again, or take it out of the service first", user, p.View)
		return
	}
	r.problem(at, "%s uses view %q, which no file defines%s", user, p.View, asof.DidYouMean(p.View, views))
}

// checkFeatures finds features that a projection chooses and its view does not
// have. A view without features has them inferred later.
func (r *repository) checkFeatures(p asof.Projection, at asof.Place, user string) {
	features := r.featuresOf(p.View)
	if len(features) == 0 {
		return
	}
	var known []string
	for _, f := range features {
		known = append(known, f.Name)
	}
	for _, f := range p.Features {
		if !slices.Contains(known, f.Name) {
			r.problem(at, "%s uses feature %s:%s, which the view does not have%s", user, p.View, f.Name, asof.DidYouMean(f.Name, known))
		}
	}
}
