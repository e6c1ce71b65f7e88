package console

import (
	"slices"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/value"
)

// inputs are the columns that a request for features has to have, each once.
type inputs struct {
	keys []asof.Field // join keys
	data []asof.Field // request data of on-demand views
}

// inputsOf returns what a view, or an on-demand view, needs. Renamed is the
// names of its join keys where it is used.
func inputsOf(s *asof.Snapshot, view string, renamed map[string]string) (in inputs) {
	in.add(s, view, renamed)
	return in
}

func (in *inputs) add(s *asof.Snapshot, view string, renamed map[string]string) {
	if v, ok := s.Object(asof.KindFeatureView, view).(*asof.FeatureView); ok {
		for _, key := range value.Keys(v) {
			key.Name = renamedKey(renamed, key.Name)
			in.keys = withField(in.keys, key)
		}
	}
	v, ok := s.Object(asof.KindOnDemandView, view).(*asof.OnDemandFeatureView)
	if !ok {
		return
	}
	for _, source := range v.Sources {
		if source.View != nil && source.View.View != view {
			in.add(s, source.View.View, source.View.JoinKeyMap)
		}
		if source.Request != nil {
			for _, f := range source.Request.Schema {
				in.data = withField(in.data, f)
			}
		}
	}
}

func renamedKey(renamed map[string]string, key string) string {
	if name, ok := renamed[key]; ok {
		return name
	}
	return key
}

func withField(list []asof.Field, f asof.Field) []asof.Field {
	if slices.ContainsFunc(list, func(other asof.Field) bool { return other.Name == f.Name }) {
		return list
	}
	return append(list, f)
}

// names returns the names of all columns.
func (in *inputs) names() (names []string) {
	for _, f := range slices.Concat(in.keys, in.data) {
		names = append(names, f.Name)
	}
	return names
}
