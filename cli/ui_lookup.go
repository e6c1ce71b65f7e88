package cli

import (
	"context"
	"sync"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/console"
	"github.com/asof-dev/asof/permission"
	"github.com/asof-dev/asof/serving"
)

// lookup is what the console looks values up in. It reads the online store
// itself, without a cache; a store that is away is tried again with each page.
func (r *repository) lookup(guard *permission.Guard) *console.Lookup {
	var mu sync.Mutex
	var reader *serving.Reader
	open := func(ctx context.Context) (*serving.Reader, error) {
		mu.Lock()
		defer mu.Unlock()
		if reader != nil {
			return reader, nil
		}
		registry, err := r.Registry(ctx)
		if err != nil {
			return nil, err
		}
		online, err := r.Online(ctx)
		if err != nil {
			return nil, err
		}
		reader, err = serving.New(serving.Options{Registry: registry, Online: online, Project: r.config.Project, KeyVersion: asof.KeyVersion(online),
			OnExpired: r.config.Asof.OnExpired, Workers: r.workers(), Permit: guard.Permit(permission.ReadOnline)})
		return reader, err
	}
	return &console.Lookup{Reader: open, Offline: r.Offline, Workers: r.workers()}
}
