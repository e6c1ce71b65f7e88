package historical

import (
	"slices"

	"github.com/asof-dev/asof"
)

// choice is what a request asks for: the features in the order asked, and the
// views that an engine reads them from.
type choice struct {
	features  []feature
	views     []asof.ViewQuery
	defined   []*asof.FeatureView // what each of views is
	computed  []*computation
	aliases   map[string]asof.Projection
	fullNames bool
}

// feature is one column of the answer.
type feature struct {
	reference asof.Reference // with the view's alias, where it has one
	output    string
	view, at  int          // which of choice.views, which of its features
	computed  *computation // or what computes it; at is then the place among its features
}

// choose resolves references or a service against the snapshot.
func (r *Request) choose() (*choice, error) {
	c := &choice{fullNames: r.FullNames, aliases: r.Aliases}
	if err := c.resolve(r.Snapshot, r.References, r.Service); err != nil {
		return nil, err
	}
	return c, c.prepare(r.Snapshot, r.Workers)
}

func (c *choice) resolve(s *asof.Snapshot, references []string, service string) error {
	switch {
	case len(references) > 0 && service != "":
		return asof.Errorf(asof.CodeInvalid, "features and the feature service %q are asked for at once; ask for one of the two", service)
	case len(references) > 0:
		return c.byReference(s, references)
	case service != "":
		return c.byService(s, service)
	}
	return asof.Errorf(asof.CodeInvalid, "no features are asked for; name them as view:feature, or name a feature service")
}

// byReference reads each view once, whatever the order its features come in.
func (c *choice) byReference(s *asof.Snapshot, references []string) error {
	var views []*asof.FeatureView
	var projections []asof.Projection
	for _, text := range references {
		ref, err := s.Reference(text)
		if err != nil {
			return err
		}
		named := asof.Projection{View: ref.View}
		if aliased, ok := c.aliases[ref.View]; ok {
			named = asof.Projection{View: aliased.View, Alias: ref.View, JoinKeyMap: aliased.JoinKeyMap}
		}
		if s.Object(asof.KindOnDemandView, named.View) != nil {
			if err := c.add(s, named.View, ref); err != nil {
				return err
			}
			continue
		}
		at := slices.IndexFunc(projections, func(p asof.Projection) bool { return p.Name() == ref.View })
		if at < 0 {
			v, err := readable(s, named.View)
			if err != nil {
				return err
			}
			at = len(views)
			views, projections = append(views, v), append(projections, named)
		}
		p := &projections[at]
		if slices.ContainsFunc(p.Features, func(f asof.Field) bool { return f.Name == ref.Feature }) {
			return asof.Errorf(asof.CodeInvalid, "feature %q is asked for twice; ask for it once", text)
		}
		c.features = append(c.features, feature{reference: ref, view: at, at: len(p.Features)})
		p.Features = append(p.Features, asof.Field{Name: ref.Feature})
	}
	for i := range projections {
		if err := c.read(views[i], &projections[i]); err != nil {
			return err
		}
	}
	return c.name("")
}

// byService takes a service's projections as they stand.
func (c *choice) byService(s *asof.Snapshot, name string) error {
	service, err := s.Service(name)
	if err != nil {
		return err
	}
	for i := range service.Projections {
		p := &service.Projections[i]
		if p.VersionTag != nil {
			if err := s.AtVersion(p.View, *p.VersionTag); err != nil {
				return asof.Errorf(asof.ErrorCode(err), "feature service %q: %w", name, err)
			}
		}
		if s.Object(asof.KindOnDemandView, p.View) != nil {
			for _, f := range p.Features {
				if err := c.add(s, p.View, asof.Reference{View: p.Name(), Feature: f.Name}); err != nil {
					return asof.Errorf(asof.ErrorCode(err), "feature service %q: %w", name, err)
				}
			}
			continue
		}
		v, err := readable(s, p.View)
		if err == nil {
			err = c.read(v, p)
		}
		if err != nil {
			return asof.Errorf(asof.ErrorCode(err), "feature service %q: %w", name, err)
		}
		for at, f := range p.Features {
			c.features = append(c.features, feature{reference: asof.Reference{View: p.Name(), Feature: f.Name}, view: len(c.views) - 1, at: at})
		}
	}
	if len(c.features) == 0 {
		return asof.Errorf(asof.CodeInvalid, "feature service %q has no features", name)
	}
	return c.name(name)
}

// add asks for a feature of an on-demand view.
func (c *choice) add(s *asof.Snapshot, view string, ref asof.Reference) error {
	made, at, err := c.compute(s, view, ref.Feature)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(c.features, func(f feature) bool { return f.reference == ref }) {
		return asof.Errorf(asof.CodeInvalid, "feature %q is asked for twice; ask for it once", ref)
	}
	c.features = append(c.features, feature{reference: ref, at: at, computed: made})
	return nil
}

// readable returns a view whose history an engine can read.
func readable(s *asof.Snapshot, name string) (*asof.FeatureView, error) {
	if s.Object(asof.KindOnDemandView, name) != nil {
		return nil, asof.Errorf(asof.CodeInvalid, "%q is an on-demand feature view: its features are computed from others, and have no rows of their own; ask for the features that it reads", name)
	}
	if s.Object(asof.KindLabelView, name) != nil {
		return nil, asof.Errorf(asof.CodeNotFound, "%q is a label view: it is registered and listed, and its labels are not read", name)
	}
	v, err := s.View(name)
	if err != nil {
		return nil, err
	}
	return v, v.Served()
}

func (c *choice) read(v *asof.FeatureView, p *asof.Projection) error {
	q, err := p.Query(v)
	c.views, c.defined = append(c.views, q), append(c.defined, v)
	return err
}

// name gives the features their output names and refuses two of one name.
// Service is empty where references were asked for.
func (c *choice) name(service string) error {
	taken := map[string]asof.Reference{}
	for i := range c.features {
		f := &c.features[i]
		f.output = f.reference.Feature
		if c.fullNames {
			f.output = f.full()
		}
		if other, ok := taken[f.output]; ok {
			return c.collision(other, f.reference, f.output, service)
		}
		taken[f.output] = f.reference
		if f.computed == nil {
			c.views[f.view].Features[f.at].Output = f.output
		}
	}
	return nil
}

// full returns the full name of a feature.
func (f *feature) full() string { return f.reference.View + "__" + f.reference.Feature }

func (c *choice) collision(a, b asof.Reference, output, service string) error {
	switch {
	case a == b:
		return because(ErrNameCollision, "feature service %q has %q twice; give one of the two views a name of its own with .with_name(\"…\")", service, a)
	case c.fullNames:
		return because(ErrNameCollision, "features %q and %q have the same full name %q; leave one out", a, b, output)
	}
	return because(ErrNameCollision, "features %q and %q have the same name; ask for full feature names (--full-feature-names), %s__%s and %s__%s, or leave one out",
		a, b, a.View, a.Feature, b.View, b.Feature)
}

// keys returns the columns that entity rows need, in the order of the views,
// with the declared type of each: TypeInvalid where none is, String where two
// views declare it differently, since any value can be read from its text.
func (c *choice) keys() []asof.KeyColumn {
	var keys []asof.KeyColumn
	for _, v := range c.views {
		for _, k := range v.Keys {
			at := slices.IndexFunc(keys, func(other asof.KeyColumn) bool { return other.Entity == k.Entity })
			if at < 0 {
				keys = append(keys, k)
			} else if !keys[at].Type.Equal(k.Type) {
				keys[at].Type = asof.Scalar(asof.TypeString)
			}
		}
	}
	return keys
}
