package materialize

import (
	"context"

	"github.com/asof-dev/asof"
)

// views returns the named views, or all that are filled from their sources.
func (m *Materializer) views(ctx context.Context, names []string) ([]*asof.FeatureView, error) {
	snapshot, err := m.Registry.Snapshot(ctx, m.Project)
	if err != nil {
		return nil, err
	}
	if snapshot.Project() == nil {
		return nil, asof.Errorf(asof.CodeNotFound, "project %q has not been applied yet; run `asof apply`", m.Project)
	}
	return snapshot.Filled(names)
}
