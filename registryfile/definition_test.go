package registryfile_test

import (
	"slices"
	"testing"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/registryfile"
)

func snapshot(t *testing.T, path, project string) *asof.Snapshot {
	t.Helper()
	s, err := registryfile.Open(path, nil).Snapshot(t.Context(), project)
	if err != nil {
		t.Fatal(err)
	}
	if s.Project() == nil {
		t.Fatalf("no project %q in %s", project, path)
	}
	return s
}

// definitions returns a snapshot's objects as a reader of definition files
// would: without what a registry keeps beside them.
func definitions(s *asof.Snapshot) []asof.Object {
	var out []asof.Object
	for _, kind := range []asof.Kind{asof.KindProject, asof.KindEntity, asof.KindDataSource, asof.KindFeatureView,
		asof.KindOnDemandView, asof.KindService, asof.KindLabelView, asof.KindPermission} {
		for _, o := range s.Objects(kind) {
			out = append(out, definition(o))
		}
	}
	return out
}

func definition(o asof.Object) asof.Object {
	switch o := o.(type) {
	case *asof.Project:
		c := *o
		c.Meta = asof.Meta{}
		return &c
	case *asof.Entity:
		c := *o
		c.Meta = asof.Meta{}
		return &c
	case *asof.DataSource:
		return sourceDefinition(o)
	case *asof.FeatureView:
		c := *o
		c.Meta, c.VersionNumber, c.State, c.Intervals = asof.Meta{}, 0, 0, nil
		c.Source, c.Stream = sourceDefinition(o.Source), sourceDefinition(o.Stream)
		return &c
	case *asof.OnDemandFeatureView:
		c := *o
		c.Meta, c.VersionNumber, c.State = asof.Meta{}, 0, 0
		f := *o.Function
		f.Body, f.Imports = nil, "import pandas as pd\n"
		c.Function = &f
		c.Sources = slices.Clone(o.Sources)
		for i := range c.Sources {
			c.Sources[i].Request = sourceDefinition(c.Sources[i].Request)
		}
		return &c
	case *asof.FeatureService:
		c := *o
		c.Meta = asof.Meta{}
		return &c
	case *asof.Opaque:
		c := *o
		c.Meta = asof.Meta{Stored: o.Meta.Stored}
		return &c
	}
	return o
}

func sourceDefinition(s *asof.DataSource) *asof.DataSource {
	if s == nil {
		return nil
	}
	c := *s
	c.Meta = asof.Meta{}
	c.Batch = sourceDefinition(s.Batch)
	return &c
}
