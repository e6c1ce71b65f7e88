package materialize

import (
	"context"

	"github.com/asof-dev/asof"
)

// views returns the named views, or all that are online. A view that is named
// has to be one that can be materialized.
func (m *Materializer) views(ctx context.Context, names []string) ([]*asof.FeatureView, error) {
	snapshot, err := m.Registry.Snapshot(ctx, m.Project)
	if err != nil {
		return nil, err
	}
	if snapshot.Project() == nil {
		return nil, asof.Errorf(asof.CodeNotFound, "project %q has not been applied yet; run `asof apply`", m.Project)
	}
	var views []*asof.FeatureView
	if len(names) == 0 {
		for _, v := range snapshot.Views() {
			if unfit(v) == nil {
				views = append(views, v)
			}
		}
		if len(views) == 0 {
			return nil, asof.Errorf(asof.CodeInvalid, "project %q has no feature view that is online, enabled and read from a source", m.Project)
		}
		return views, nil
	}
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] {
			continue
		}
		seen[name] = true
		if snapshot.Object(asof.KindOnDemandView, name) != nil {
			return nil, asof.Errorf(asof.CodeInvalid, "%q is an on demand feature view: it is computed when it is read, and not materialized", name)
		}
		v, err := snapshot.View(name)
		if err != nil {
			return nil, err
		}
		if err := unfit(v); err != nil {
			return nil, err
		}
		views = append(views, v)
	}
	return views, nil
}

// unfit says why a view cannot be materialized.
func unfit(v *asof.FeatureView) error {
	switch {
	case !v.Enabled:
		return asof.Errorf(asof.CodeInvalid, "feature view %q is disabled; enable it in its definition and apply", v.Name)
	case !v.Online:
		return asof.Errorf(asof.CodeInvalid, "feature view %q has online=False and is not kept in the online store", v.Name)
	}
	q, err := v.Query()
	if err != nil {
		return err
	}
	if q.Timestamp == "" {
		return asof.Errorf(asof.CodeInvalid, "feature view %q: its source %q has no timestamp_field, by which rows are materialized", v.Name, q.Source.Name)
	}
	return nil
}
