package main

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/cli"
	"github.com/asof-dev/asof/duckdb"
	"github.com/asof-dev/asof/registryfile"
	"github.com/asof-dev/asof/sqlite"
)

// pathSettings are the keys of a section that is a file or folder.
type pathSettings struct {
	Path string `yaml:"path"`

	// Settings of Feast's that nothing here needs: a change is seen by the
	// next call, so there is no cache to time.
	CacheTTL  int    `yaml:"cache_ttl_seconds"`
	CacheMode string `yaml:"cache_mode"`
	StoreType string `yaml:"registry_store_type"`
	Vector    bool   `yaml:"vector_enabled"`
	TextIndex bool   `yaml:"text_search_enabled"`
	Staging   string `yaml:"staging_location"`
}

// path returns the section's path, from the repository where it is relative.
func path(s cli.Setup, otherwise string) (string, error) {
	var c pathSettings
	if err := s.Decode(&c); err != nil {
		return "", err
	}
	if c.Path == "" {
		c.Path = otherwise
	}
	if filepath.IsAbs(c.Path) {
		return c.Path, nil
	}
	return filepath.Join(s.Config.Dir, c.Path), nil
}

func fileRegistry(_ context.Context, s cli.Setup) (asof.Registry, error) {
	file, err := path(s, "data/registry.db")
	if err != nil {
		return nil, err
	}
	if scheme, _, remote := strings.Cut(filepath.ToSlash(file), ":/"); remote {
		return nil, asof.Errorf(asof.CodeInvalid, "%s: a registry in %s is not read yet; write a path of this machine", s.Config.Path, filepath.Base(scheme))
	}
	return registryfile.Open(file, nil), nil
}

// ownKeyVersion is the version of the entity keys in layouts of our own, which
// Feast does not read, whatever entity_key_serialization_version says: a change
// of that setting must not hide what is online.
const ownKeyVersion = 3

func sqliteOnline(_ context.Context, s cli.Setup) (asof.OnlineStore, error) {
	file, err := path(s, "data/online.db")
	if err != nil {
		return nil, err
	}
	own, err := sqlite.OpenOnline(file, ownKeyVersion)
	if err != nil {
		return nil, err
	}
	feast, err := sqlite.OpenFeastOnline(file, s.Config.KeyVersion)
	if err != nil {
		return nil, err
	}
	return newOnline(s, own, feast), nil
}

// sqliteLedger and sqliteRuns keep asof.db beside the registry's file.
func sqliteLedger(_ context.Context, s cli.Setup) (asof.Ledger, error) {
	file, err := path(s, "data/registry.db")
	if err != nil {
		return nil, err
	}
	return sqlite.OpenLedger(besides(file))
}

func sqliteRuns(_ context.Context, s cli.Setup) (asof.RunStore, error) {
	file, err := path(s, "data/registry.db")
	if err != nil {
		return nil, err
	}
	return sqlite.OpenRuns(besides(file)), nil
}

func sqliteStatistics(_ context.Context, s cli.Setup) (asof.StatisticsStore, error) {
	file, err := path(s, "data/registry.db")
	if err != nil {
		return nil, err
	}
	return sqlite.OpenStatistics(besides(file)), nil
}

func sqliteDefinitions(_ context.Context, s cli.Setup) (asof.DefinitionLog, error) {
	file, err := path(s, "data/registry.db")
	if err != nil {
		return nil, err
	}
	return sqlite.OpenDefinitions(besides(file)), nil
}

// besides is the file with the ledger, the runs, the statistics and the log of
// definitions that go with a registry's.
func besides(registry string) string { return filepath.Join(filepath.Dir(registry), "asof.db") }

func parquetWarehouse(_ context.Context, s cli.Setup) (asof.Warehouse, error) {
	return openWarehouse(s)
}

func openWarehouse(s cli.Setup) (*duckdb.Warehouse, error) {
	dir, err := path(s, "warehouse")
	if err != nil {
		return nil, err
	}
	return duckdb.OpenWarehouse(dir)
}

// duckdbOffline reads files, and the tables of the embedded warehouse where
// the repository has that.
func duckdbOffline(_ context.Context, s cli.Setup) (asof.OfflineStore, error) {
	if err := s.Decode(&pathSettings{}); err != nil {
		return nil, err
	}
	options := duckdb.Options{Dir: s.Config.Dir, Memory: s.Memory}
	if section := s.Config.WarehouseSection(); section.Type == "parquet" {
		warehouse := s
		warehouse.Section = section
		var err error
		if options.Warehouse, err = openWarehouse(warehouse); err != nil {
			return nil, err
		}
	}
	var err error
	if options.Connections, err = connections(s); err != nil {
		return nil, err
	}
	return duckdb.OpenOffline(options)
}
