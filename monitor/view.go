package monitor

import (
	"context"
	"slices"

	"github.com/asof-dev/asof"
)

// asked returns the queries of the views that are asked for.
func (m *Monitor) asked(ctx context.Context, r Request) ([]asof.ViewQuery, error) {
	snapshot, err := m.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	views, err := viewsOf(snapshot, r.Views)
	if err != nil {
		return nil, err
	}
	return chosen(views, r.Features)
}

// viewsOf returns the named views, or all whose source has rows with times.
func viewsOf(snapshot *asof.Snapshot, names []string) ([]*asof.FeatureView, error) {
	var views []*asof.FeatureView
	for _, name := range names {
		view, err := snapshot.View(name)
		if err != nil {
			return nil, err
		}
		q, err := view.Query()
		if err == nil && q.Timestamp == "" {
			err = asof.Errorf(asof.CodeInvalid, "feature view %q: its source %q has no timestamp_field, by which rows are of a time", name, q.Source.Name)
		}
		if err != nil {
			return nil, err
		}
		if !slices.Contains(views, view) {
			views = append(views, view)
		}
	}
	if len(names) > 0 {
		return views, nil
	}
	for _, view := range snapshot.Views() {
		if q, err := view.Query(); err == nil && q.Timestamp != "" {
			views = append(views, view)
		}
	}
	if len(views) == 0 {
		return nil, asof.Errorf(asof.CodeInvalid, "the project has no feature view whose source has a timestamp_field: there is nothing to describe")
	}
	return views, nil
}

// chosen returns the queries of views, of the named features alone where some
// are named: a name that no view has is CodeNotFound.
func chosen(views []*asof.FeatureView, features []string) ([]asof.ViewQuery, error) {
	var queries []asof.ViewQuery
	var all []string
	for _, view := range views {
		all = append(all, view.FeatureNames()...)
		q, err := view.Query()
		if err != nil {
			return nil, err
		}
		if len(features) > 0 {
			q.Features = slices.DeleteFunc(q.Features, func(f asof.FeatureColumn) bool { return !slices.Contains(features, f.Output) })
		}
		if len(q.Features) > 0 {
			queries = append(queries, q)
		}
	}
	for _, f := range features {
		if !slices.Contains(all, f) {
			return nil, asof.Errorf(asof.CodeNotFound, "no view has the feature %q%s", f, asof.DidYouMean(f, all))
		}
	}
	return queries, nil
}
