package materialize

import (
	"context"
	"slices"

	"github.com/asof-dev/asof"
)

// views returns the named views, or all that are filled from their sources:
// feature views, and on-demand views as they are stored.
func (m *Materializer) views(ctx context.Context, names []string) ([]*asof.FeatureView, error) {
	snapshot, err := m.Registry.Snapshot(ctx, m.Project)
	if err != nil {
		return nil, err
	}
	if snapshot.Project() == nil {
		return nil, asof.Errorf(asof.CodeNotFound, "project %q has not been applied yet; run `asof apply`", m.Project)
	}
	var plain []string
	var onDemand []*asof.FeatureView
	for _, name := range names {
		v, ok := snapshot.Object(asof.KindOnDemandView, name).(*asof.OnDemandFeatureView)
		if !ok || !v.WriteToOnline {
			plain = append(plain, name)
			continue
		}
		if err := fillable(v); err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(onDemand, func(o *asof.FeatureView) bool { return o.Name == name }) {
			onDemand = append(onDemand, asof.Kept(v))
		}
	}
	if len(names) == 0 {
		for _, v := range snapshot.OnDemandViews() {
			if fillable(v) == nil {
				onDemand = append(onDemand, asof.Kept(v))
			}
		}
	}
	if len(names) > 0 && len(plain) == 0 {
		return onDemand, nil
	}
	views, err := snapshot.Filled(plain)
	return append(views, onDemand...), err
}
