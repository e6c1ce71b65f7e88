package monitor_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/monitor"
)

// TestTrainingSetColumns holds which columns of a training set are taken for
// features, with and without its receipt.
func TestTrainingSetColumns(t *testing.T) {
	view := func(name string, features ...string) *asof.FeatureView {
		v := &asof.FeatureView{Name: name}
		for _, f := range features {
			v.Features = append(v.Features, asof.Field{Name: f})
		}
		return v
	}
	views := []*asof.FeatureView{view("users", "fee", "age"), view("usage", "hours", "age")}
	for name, c := range map[string]struct {
		set  monitor.TrainingSet
		want string
	}{
		"plain names":                   {monitor.TrainingSet{Columns: []string{"user", "fee", "hours"}}, "users usage: fee hours"},
		"full names, no receipt":        {monitor.TrainingSet{Columns: []string{"users__fee", "usage__age"}}, "users usage: fee age"},
		"full names":                    {monitor.TrainingSet{Columns: []string{"users__fee", "hours"}, Views: []string{"users", "usage"}, FullNames: true}, "users: fee"},
		"a column of the entity rows":   {monitor.TrainingSet{Columns: []string{"fee", "age"}, Views: []string{"users"}}, "users: fee age"},
		"one that only looks like full": {monitor.TrainingSet{Columns: []string{"users__fee", "age"}, Views: []string{"users"}}, "users: age"},
		"nothing of ours":               {monitor.TrainingSet{Columns: []string{"label"}}, ": "},
	} {
		names, features := c.set.Has(views)
		if d := cmp.Diff(c.want, strings.Join(names, " ")+": "+strings.Join(features, " ")); d != "" {
			t.Errorf("%s: -want +got\n%s", name, d)
		}
	}
}
