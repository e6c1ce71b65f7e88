package serving

import (
	"slices"
	"strings"

	"github.com/asof-dev/asof"
)

// chosen is one feature of a selection: the view as it is used, and the name
// of the feature.
type chosen struct {
	view     *asof.FeatureView
	onDemand *asof.OnDemandFeatureView // in the place of view
	use      *asof.Projection          // its alias and join-key map; nil for the view itself
	feature  string
}

// prefix is what full names and messages call the view.
func (c *chosen) prefix() string {
	if c.use != nil {
		return c.use.Name()
	}
	if c.onDemand != nil {
		return c.onDemand.Name
	}
	return c.view.Name
}

// choose finds a feature of a view, or of an on-demand view.
func choose(s *asof.Snapshot, view, feature string, use *asof.Projection) (chosen, error) {
	if use != nil && use.VersionTag != nil {
		if err := s.AtVersion(view, *use.VersionTag); err != nil {
			return chosen{}, err
		}
	}
	c := chosen{use: use, feature: feature}
	var has bool
	var names []string
	if v, ok := s.Object(asof.KindOnDemandView, view).(*asof.OnDemandFeatureView); ok {
		c.onDemand = v
		for _, f := range v.Features {
			names = append(names, f.Name)
		}
		has = slices.Contains(names, feature)
		if err := v.Served(); err != nil {
			return chosen{}, err
		}
		if stored, err := v.Stored(); err == nil { // computed when rows were written
			c.view, c.onDemand = stored, nil
		}
	} else {
		var err error
		if c.view, err = servedView(s, view); err != nil {
			return chosen{}, err
		}
		has, names = c.view.Feature(feature) != nil, c.view.FeatureNames()
	}
	switch {
	case !has && use != nil:
		return chosen{}, fault(FaultNoFeature, asof.Errorf(asof.CodeNotFound, "it uses feature %q, which view %q does not have (any more); run `asof apply`", feature, view))
	case !has:
		return chosen{}, fault(FaultNoFeature, asof.Errorf(asof.CodeNotFound, "feature view %q has no feature %q%s", view, feature, asof.DidYouMean(feature, names)))
	}
	return c, nil
}

// resolve finds the features of a selection, in the order asked.
func resolve(s *asof.Snapshot, sel Selection) ([]chosen, error) {
	references := sel.Features
	switch {
	case sel.Service != "" && len(references) > 0:
		return nil, asof.Errorf(asof.CodeInvalid, "features and feature service %q are both asked for; ask for one of them", sel.Service)
	case sel.Service != "":
		return resolveService(s, sel.Service)
	case len(references) == 0 && !sel.Every:
		return nil, asof.Errorf(asof.CodeInvalid, "no features are asked for; name some as view:feature, or a feature service")
	case len(references) == 0:
		var err error
		if references, err = everyFeature(s); err != nil {
			return nil, err
		}
	}
	list := make([]chosen, len(references))
	for i, reference := range references {
		var err error
		if list[i], err = resolveOne(s, strings.Clone(reference)); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func resolveService(s *asof.Snapshot, name string) ([]chosen, error) {
	service, err := s.Service(name)
	if err != nil {
		return nil, fault(FaultNoService, err)
	}
	var list []chosen
	for i := range service.Projections {
		use := &service.Projections[i]
		for _, f := range use.Features {
			c, err := choose(s, use.View, f.Name, use)
			if err != nil {
				return nil, asof.Errorf(asof.ErrorCode(err), "feature service %q: %w", name, err)
			}
			list = append(list, c)
		}
	}
	if len(list) == 0 {
		return nil, asof.Errorf(asof.CodeInvalid, "feature service %q has no features", name)
	}
	return list, nil
}

func resolveOne(s *asof.Snapshot, reference string) (chosen, error) {
	if reference != "" && !strings.Contains(reference, ":") {
		return resolveBare(s, reference)
	}
	r, err := s.Reference(reference)
	if err != nil {
		return chosen{}, err
	}
	return choose(s, r.View, r.Feature, nil)
}

// resolveBare finds a feature by its name alone.
func resolveBare(s *asof.Snapshot, feature string) (chosen, error) {
	var in, all []string
	for _, v := range s.Views() {
		if v.Feature(feature) != nil {
			in = append(in, v.Name)
		}
		all = append(all, v.FeatureNames()...)
	}
	for _, v := range s.OnDemandViews() {
		if slices.ContainsFunc(v.Features, func(f asof.Field) bool { return f.Name == feature }) {
			in = append(in, v.Name)
		}
	}
	switch len(in) {
	case 0:
		if v, err := s.View(feature); err == nil && len(v.Features) > 0 {
			return chosen{}, fault(FaultNoFeature, asof.Errorf(asof.CodeNotFound, "%q is a feature view; ask for its features one by one, as %s:%s",
				feature, feature, v.Features[0].Name))
		}
		return chosen{}, fault(FaultNoFeature, asof.Errorf(asof.CodeNotFound, "no feature view has a feature %q%s", feature, asof.DidYouMean(feature, distinct(all))))
	case 1:
		return choose(s, in[0], feature, nil)
	}
	return chosen{}, asof.Errorf(asof.CodeInvalid, "feature %q is in several views, %s; ask for %s:%s, say", feature, quoted(in), in[0], feature)
}

// servedView returns the view of that name, an error where it does not exist or
// is not served.
func servedView(s *asof.Snapshot, name string) (*asof.FeatureView, error) {
	view, ok := s.Object(asof.KindFeatureView, name).(*asof.FeatureView)
	switch {
	case !ok && s.Object(asof.KindOnDemandView, name) != nil:
		return nil, asof.Errorf(asof.CodeInvalid, "%q is an on-demand feature view, which no other can be computed from", name)
	case !ok && s.Object(asof.KindLabelView, name) != nil:
		return nil, fault(FaultNoView, asof.Errorf(asof.CodeNotFound, "%q is a label view: it is registered and listed, and its labels are not read", name))
	case !ok:
		var names []string
		for _, v := range s.Views() {
			names = append(names, v.Name)
		}
		return nil, fault(FaultNoView, asof.Errorf(asof.CodeNotFound, "feature view %q does not exist in project %q%s", name, s.Project().Name, asof.DidYouMean(name, names)))
	case !view.Online:
		return nil, asof.Errorf(asof.CodeInvalid, "feature view %q is not online: it is defined with online=False", name)
	}
	return view, view.Served()
}

// everyFeature returns the references of all features that are online and
// belong to the only entity of the project.
func everyFeature(s *asof.Snapshot) ([]string, error) {
	var entities, references []string
	for _, e := range s.Entities() {
		if e.Name != asof.DummyEntity {
			entities = append(entities, e.Name)
		}
	}
	if len(entities) > 1 {
		return nil, fault(FaultNoSingleKey, asof.Errorf(asof.CodeInvalid, "project %q has several entities, %s: say which features you want", s.Project().Name, quoted(entities)))
	}
	for _, v := range s.Views() {
		if !v.Online || v.Served() != nil || len(joinKeys(v)) == 0 {
			continue
		}
		for _, f := range v.Features {
			references = append(references, asof.Reference{View: v.Name, Feature: f.Name}.String())
		}
	}
	if len(references) == 0 {
		return nil, asof.Errorf(asof.CodeInvalid, "project %q has no online features of an entity", s.Project().Name)
	}
	return references, nil
}

// fault puts a Fault into an error's chain, whose sentence stays.
func fault(f Fault, err error) error {
	return &asof.Error{Code: asof.ErrorCode(err), Message: err.Error(), Cause: f}
}

// distinct returns the names, each once.
func distinct(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}
