package asof_test

import (
	"testing"
	"time"

	"github.com/asof-dev/asof"
)

func TestNewVersion(t *testing.T) {
	base := func() *asof.FeatureView {
		return &asof.FeatureView{
			Name: "v", Entities: []string{"a", "b"}, Source: &asof.DataSource{Name: "s"},
			Features: []asof.Field{{Name: "x", Type: asof.Scalar(asof.TypeInt64)}, {Name: "y", Type: asof.Scalar(asof.TypeString)}},
			Function: &asof.Function{Name: "f", Text: "def f(): pass", Body: []byte("pickled")},
		}
	}
	for name, c := range map[string]struct {
		change func(v *asof.FeatureView)
		want   bool
	}{
		"nothing":              {func(*asof.FeatureView) {}, false},
		"tags":                 {func(v *asof.FeatureView) { v.Tags = map[string]string{"a": "b"} }, false},
		"another source":       {func(v *asof.FeatureView) { v.Source = &asof.DataSource{Name: "t"} }, false},
		"features in an order": {func(v *asof.FeatureView) { v.Features[0], v.Features[1] = v.Features[1], v.Features[0] }, false},
		"a pickle":             {func(v *asof.FeatureView) { v.Function.Body = nil }, false},
		"a feature's type":     {func(v *asof.FeatureView) { v.Features[0].Type = asof.Scalar(asof.TypeInt32) }, true},
		"a feature less":       {func(v *asof.FeatureView) { v.Features = v.Features[:1] }, true},
		"an entity less":       {func(v *asof.FeatureView) { v.Entities = v.Entities[:1] }, true},
		"the function":         {func(v *asof.FeatureView) { v.Function.Text = "def f(): return 1" }, true},
		"no function":          {func(v *asof.FeatureView) { v.Function = nil }, true},
	} {
		v := base()
		c.change(v)
		if got := asof.NewVersion(base(), v); got != c.want {
			t.Errorf("%s: new version %v, want %v", name, got, c.want)
		}
	}
}

func TestRegisteredKeepsWhatAFileDoesNotSay(t *testing.T) {
	then, now := time.Unix(1, 0), time.Unix(2, 0)
	old := &asof.FeatureView{
		Name: "v", Kind: asof.ViewPlain, State: asof.StateAvailableOnline, VersionNumber: 3, Intervals: []asof.Interval{{From: then, To: now}},
		Meta: asof.Meta{Created: then, Updated: then, Stored: []byte("message")},
	}
	desired := &asof.FeatureView{Name: "v", Kind: asof.ViewPlain, Description: "new", Source: &asof.DataSource{Name: "s"},
		Meta: asof.Meta{Place: asof.Place{File: "v.py", Line: 1}}}
	got := asof.Registered(old, desired, now).(*asof.FeatureView)
	if got.Description != "new" || got.VersionNumber != 3 || got.State != asof.StateAvailableOnline || len(got.Intervals) != 1 {
		t.Errorf("registered as %+v", got)
	}
	m := got.Meta
	if !m.Created.Equal(then) || !m.Updated.Equal(now) || string(m.Stored) != "message" || m.Place != (asof.Place{}) {
		t.Errorf("its meta is %+v", m)
	}
	if !got.Source.Meta.Created.Equal(now) || !desired.Source.Meta.Created.IsZero() {
		t.Errorf("its source was created %v, and the definition's %v", got.Source.Meta.Created, desired.Source.Meta.Created)
	}
	desired.Kind = asof.ViewStream
	if s := asof.Registered(old, desired, now).(*asof.FeatureView).Meta.Stored; s != nil {
		t.Errorf("a stream view was given a plain view's message %q", s)
	}
}
