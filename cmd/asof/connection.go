package main

import (
	"context"
	"maps"
	"slices"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/cli"
)

// connections reads asof.connections. Each database is opened when a source
// first needs it; what is wrong with the settings is said at once.
func connections(s cli.Setup) (map[string]func(context.Context) (asof.OfflineStore, error), error) {
	found := map[string]func(context.Context) (asof.OfflineStore, error){}
	for _, name := range slices.Sorted(maps.Keys(s.Config.Asof.Connections)) {
		section := s.Config.Asof.Connections[name]
		if section.Type != "postgres" {
			return nil, asof.Errorf(asof.CodeInvalid, "%s: %s of type %q cannot be read; write `type: postgres`", s.Config.Path, section.Name, section.Type)
		}
		own := s
		own.Section = section
		config, err := postgresConfig(own)
		if err != nil {
			return nil, err
		}
		found[name] = func(ctx context.Context) (asof.OfflineStore, error) {
			db, err := sharePostgres(ctx, own, config)
			if err != nil {
				return nil, err
			}
			return db.Offline(), nil
		}
	}
	return found, nil
}
