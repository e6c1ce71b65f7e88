package apply

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/asof-dev/asof"
)

// sourcesAtOnce bounds how many sources are looked at side by side.
const sourcesAtOnce = 8

// resolve completes the views from their sources (timestamp column, key types,
// features that are not declared) and holds what is declared against them.
// Every mistake is in the returned error.
func (r *repository) resolve(ctx context.Context, opts Options) error {
	views := r.views()
	found := make([][]asof.SourceColumn, len(views))
	failed := make([]error, len(views))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(sourcesAtOnce)
	for i, v := range views {
		r.addKeys(v)
		if !r.mustLook(v, opts) {
			continue
		}
		group.Go(func() error {
			found[i], failed[i] = opts.Sources.Columns(groupCtx, v.Source)
			if asof.ErrorCode(failed[i]) == asof.CodeInvalid || asof.ErrorCode(failed[i]) == asof.CodeNotFound {
				return nil // a mistake in one definition: the others are looked at too
			}
			return failed[i]
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, v := range views {
		switch {
		case failed[i] != nil:
			r.problem(v.Meta.Place, "feature view %q: %v", v.Name, failed[i]) // which names the source
		case found[i] != nil:
			r.complete(v, found[i], !opts.SkipSources)
		default:
			r.complain(v, opts)
		}
	}
	r.fillProjections()
	r.spreadSources()
	return r.problems.Err()
}

// readable reports whether a source is one that our engines read.
func readable(s *asof.DataSource) bool {
	return s != nil && (s.Kind == asof.SourceFile || s.Kind == asof.SourcePostgres)
}

// mustLook reports whether the view's source has to be looked at: to check it,
// or for what the definition leaves out.
func (r *repository) mustLook(v *asof.FeatureView, opts Options) bool {
	if !readable(v.Source) || opts.Sources == nil {
		return false
	}
	return !opts.SkipSources || r.incomplete(v)
}

func (r *repository) incomplete(v *asof.FeatureView) bool {
	return len(v.Features) == 0 || len(v.EntityColumns) < len(r.joinKeys(v)) || v.Source.TimestampField == ""
}

// complain reports what could not be inferred because the source was not
// looked at.
func (r *repository) complain(v *asof.FeatureView, opts Options) {
	switch {
	case v.Source != nil && !readable(v.Source):
		class := v.Source.Class[strings.LastIndex(v.Source.Class, ".")+1:]
		r.notes = append(r.notes, fmt.Sprintf("feature view %q reads from a %s (%s), which no engine of Asof reads yet: it is registered, not materialized",
			v.Name, class, v.Source.Name))
		if len(v.Features) == 0 {
			r.problem(v.Meta.Place, "feature view %q: its schema can't be inferred from a %s; give it `schema=`", v.Name, class)
		}
	case v.Source != nil && opts.Sources == nil && r.incomplete(v):
		r.problem(v.Meta.Place, "feature view %q: its schema can't be inferred without an offline store; give it `schema=`", v.Name)
	case v.Source == nil && len(v.Features) == 0:
		r.problem(v.Meta.Place, "feature view %q: without a batch source its schema can't be inferred; give it `schema=`", v.Name)
	}
}

// joinKeys returns the join keys of the view's entities, in their order.
func (r *repository) joinKeys(v *asof.FeatureView) []string {
	var keys []string
	for _, name := range v.Entities {
		if e := r.entity(name); e != nil {
			keys = append(keys, e.JoinKey)
		}
	}
	return keys
}

// addKeys moves fields of the schema that are join keys to the entity columns,
// and adds those whose entity says its type. Feast's dummy entity is none.
func (r *repository) addKeys(v *asof.FeatureView) {
	if slices.Equal(v.Entities, []string{asof.DummyEntity}) {
		v.Entities = nil
	}
	if len(v.Entities) == 0 {
		v.EntityColumns = nil
		return
	}
	keys := r.joinKeys(v)
	v.Features = slices.DeleteFunc(v.Features, func(f asof.Field) bool {
		if !slices.Contains(keys, f.Name) {
			return false
		}
		if !hasField(v.EntityColumns, f.Name) {
			v.EntityColumns = append(v.EntityColumns, f)
		}
		return true
	})
	for _, name := range v.Entities {
		e := r.entity(name)
		if e != nil && e.ValueType != asof.TypeInvalid && !hasField(v.EntityColumns, e.JoinKey) {
			v.EntityColumns = append(v.EntityColumns, asof.Field{Name: e.JoinKey, Type: asof.Scalar(e.ValueType)})
		}
	}
}

// complete infers what the view leaves out from its source's columns, and with
// check holds the rest against them.
func (r *repository) complete(v *asof.FeatureView, columns []asof.SourceColumn, check bool) {
	look := sourceView{repository: r, view: v, columns: columns}
	look.timestamp()
	for _, key := range r.joinKeys(v) {
		look.key(key, check)
	}
	if len(v.Features) == 0 {
		look.inferFeatures()
		return
	}
	if !check {
		return
	}
	for _, f := range v.Features {
		look.feature(f)
	}
}

// fillProjections gives projections the features of their views as these are
// by now: those that were chosen, or all.
func (r *repository) fillProjections() {
	fill := func(place asof.Place, user string, p *asof.Projection) {
		features := r.featuresOf(p.View)
		if len(p.Features) == 0 {
			p.Features = slices.Clone(features)
			return
		}
		r.checkFeatures(*p, place, user)
		p.Features = slices.Clone(p.Features)
		for i, chosen := range p.Features {
			if at := slices.IndexFunc(features, func(f asof.Field) bool { return f.Name == chosen.Name }); at >= 0 {
				p.Features[i] = features[at]
			}
		}
	}
	for i, o := range r.objects[asof.KindService] {
		service := *o.(*asof.FeatureService)
		service.Projections = slices.Clone(service.Projections)
		for j := range service.Projections {
			fill(service.Meta.Place, fmt.Sprintf("feature service %q", service.Name), &service.Projections[j])
		}
		r.objects[asof.KindService][i] = &service
	}
	for i, o := range r.objects[asof.KindOnDemandView] {
		view := *o.(*asof.OnDemandFeatureView)
		view.Sources = slices.Clone(view.Sources)
		for j := range view.Sources {
			if view.Sources[j].View != nil {
				p := *view.Sources[j].View
				fill(view.Meta.Place, fmt.Sprintf("on-demand view %q", view.Name), &p)
				view.Sources[j].View = &p
			}
		}
		r.addOnDemandKeys(&view)
		r.objects[asof.KindOnDemandView][i] = &view
	}
}

// featuresOf returns the features of a view of any kind, nil for an unknown one.
func (r *repository) featuresOf(view string) []asof.Field {
	for _, v := range r.views() {
		if v.Name == view {
			return v.Features
		}
	}
	for _, o := range r.objects[asof.KindOnDemandView] {
		if o.ObjectName() == view {
			return o.(*asof.OnDemandFeatureView).Features
		}
	}
	return nil
}

// addOnDemandKeys gives an on-demand view the join keys of its entities, with
// the types that they have in the views it reads.
func (r *repository) addOnDemandKeys(view *asof.OnDemandFeatureView) {
	if len(view.EntityColumns) > 0 {
		return
	}
	for _, name := range view.Entities {
		e := r.entity(name)
		if e == nil {
			continue
		}
		for _, v := range r.views() {
			i := slices.IndexFunc(v.EntityColumns, func(f asof.Field) bool { return f.Name == e.JoinKey })
			if i >= 0 && slices.Contains(v.Entities, name) {
				view.EntityColumns = append(view.EntityColumns, v.EntityColumns[i])
				break
			}
		}
	}
}

// spreadSources registers the sources as their views have them by now, with
// the timestamp columns that were inferred.
func (r *repository) spreadSources() {
	for i, o := range r.objects[asof.KindDataSource] {
		for _, v := range r.views() {
			if v.Source != nil && v.Source.Name == o.ObjectName() {
				r.objects[asof.KindDataSource][i] = v.Source
				break
			}
		}
	}
}

func hasField(fields []asof.Field, name string) bool {
	return slices.ContainsFunc(fields, func(f asof.Field) bool { return f.Name == name })
}
