package ondemand

import (
	"slices"

	"github.com/asof-dev/asof"
)

// Input is a column that a program reads.
type Input struct {
	Name    string // of the column: view__feature, or the name of request data or of a key
	View    string // the source's view; "" for request data and keys
	Feature string
	Type    asof.Type
	Key     bool // a join key, which the function may use as well
}

// Keys returns the join keys of the views that an on-demand view reads, which
// find returns by their names, nil for one that there is not.
func Keys(view *asof.OnDemandFeatureView, find func(name string) *asof.FeatureView) []asof.Field {
	var keys []asof.Field
	for _, s := range view.Sources {
		if s.View == nil {
			continue
		}
		v := find(s.View.View)
		if v == nil {
			continue
		}
		for _, k := range v.EntityColumns {
			if name, ok := s.View.JoinKeyMap[k.Name]; ok {
				k.Name = name
			}
			if k.Name != asof.DummyJoinKey && !slices.ContainsFunc(keys, func(f asof.Field) bool { return f.Name == k.Name }) {
				keys = append(keys, k)
			}
		}
	}
	return keys
}

// KeysIn returns the join keys of the views of a snapshot that an on-demand view
// reads.
func KeysIn(s *asof.Snapshot, view *asof.OnDemandFeatureView) []asof.Field {
	return Keys(view, func(name string) *asof.FeatureView {
		found, _ := s.Object(asof.KindFeatureView, name).(*asof.FeatureView)
		return found
	})
}

// inputsOf lists what the function of a view is given.
func inputsOf(view *asof.OnDemandFeatureView, keys []asof.Field) []Input {
	var list []Input
	for _, s := range view.Sources {
		switch {
		case s.View != nil:
			for _, f := range s.View.Features {
				list = append(list, Input{Name: s.View.View + "__" + f.Name, View: s.View.View, Feature: f.Name, Type: f.Type})
			}
		case s.Request != nil:
			for _, f := range s.Request.Schema {
				list = append(list, Input{Name: f.Name, Feature: f.Name, Type: f.Type})
			}
		}
	}
	for _, k := range keys {
		if k.Type.Value == asof.TypeInvalid { // nothing declares it
			k.Type = asof.Scalar(asof.TypeString)
		}
		list = append(list, Input{Name: k.Name, Feature: k.Name, Type: k.Type, Key: true})
	}
	return list
}
