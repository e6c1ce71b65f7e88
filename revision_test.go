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

// TestIntervalsOfRowsThatAreOfNoUse: they would make an incremental run begin
// behind rows that it has to read again.
func TestIntervalsOfRowsThatAreOfNoUse(t *testing.T) {
	fields := func(typ asof.ValueType, names ...string) (list []asof.Field) {
		for _, name := range names {
			list = append(list, asof.Field{Name: name, Type: asof.Scalar(typ)})
		}
		return list
	}
	for name, c := range map[string]struct {
		keys, features []asof.Field
		kept           bool
	}{
		"nothing":                    {fields(asof.TypeString, "user", "shop"), fields(asof.TypeInt64, "a"), true},
		"keys in another order":      {fields(asof.TypeString, "shop", "user"), fields(asof.TypeInt64, "a"), true},
		"keys whose type is unknown": {fields(asof.TypeInvalid, "user", "shop"), fields(asof.TypeInt64, "a"), true},
		"a new feature":              {fields(asof.TypeString, "user", "shop"), fields(asof.TypeInt64, "a", "b"), true},
		"one key less":               {fields(asof.TypeString, "user"), fields(asof.TypeInt64, "a"), false},
		"another key":                {fields(asof.TypeString, "user", "city"), fields(asof.TypeInt64, "a"), false},
		"keys of another type":       {fields(asof.TypeInt64, "user", "shop"), fields(asof.TypeInt64, "a"), false},
		"a feature of another type":  {fields(asof.TypeString, "user", "shop"), fields(asof.TypeFloat64, "a"), false},
	} {
		old := &asof.FeatureView{Name: "v", EntityColumns: fields(asof.TypeString, "user", "shop"), Features: fields(asof.TypeInt64, "a"),
			Intervals: []asof.Interval{{From: time.Unix(1, 0), To: time.Unix(2, 0)}}}
		desired := &asof.FeatureView{Name: "v", EntityColumns: c.keys, Features: c.features}
		if got := len(asof.Registered(old, desired, time.Unix(3, 0)).(*asof.FeatureView).Intervals) == 1; got != c.kept {
			t.Errorf("%s changes: intervals kept %v, want %v", name, got, c.kept)
		}
	}
}
