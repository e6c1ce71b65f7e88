package main

import (
	"context"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/cli"
	"github.com/asof-dev/asof/postgres"
	"github.com/asof-dev/asof/sqlite"
)

// sqlSettings are the keys of a registry of type sql. Its path is a URL, as
// SQLAlchemy writes them.
type sqlSettings struct {
	Path string `yaml:"path"`

	// Settings of Feast's that nothing here needs.
	CacheTTL   int            `yaml:"cache_ttl_seconds"`
	CacheMode  string         `yaml:"cache_mode"`
	SchemaMode string         `yaml:"schema_mode"`
	SQLAlchemy map[string]any `yaml:"sqlalchemy_config_kwargs"`
	Workers    int            `yaml:"thread_pool_executor_worker_count"`
}

// sqlRegistry is Feast's SQL registry, in PostgreSQL or in a SQLite file.
func sqlRegistry(ctx context.Context, s cli.Setup) (asof.Registry, error) {
	if file, err := registrySQLite(s); err != nil || file != "" {
		return sqlite.OpenRegistry(file), err
	}
	db, err := openRegistryDatabase(ctx, s)
	if err != nil {
		return nil, err
	}
	return db.Registry(), nil
}

// sqlLedger and sqlRuns are the ledger and the run store that go with it: in the
// same PostgreSQL database, or in a file beside.
func sqlLedger(ctx context.Context, s cli.Setup) (asof.Ledger, error) {
	file, err := registrySQLite(s)
	switch {
	case err != nil:
		return nil, err
	case file != "":
		return sqlite.OpenLedger(besides(file))
	}
	return postgresLedger(ctx, s)
}

func sqlRuns(ctx context.Context, s cli.Setup) (asof.RunStore, error) {
	file, err := registrySQLite(s)
	switch {
	case err != nil:
		return nil, err
	case file != "":
		return sqlite.OpenRuns(besides(file)), nil
	}
	return postgresRuns(ctx, s)
}

func sqlStatistics(ctx context.Context, s cli.Setup) (asof.StatisticsStore, error) {
	file, err := registrySQLite(s)
	switch {
	case err != nil:
		return nil, err
	case file != "":
		return sqlite.OpenStatistics(besides(file)), nil
	}
	return postgresStatistics(ctx, s)
}

func sqlDefinitions(ctx context.Context, s cli.Setup) (asof.DefinitionLog, error) {
	file, err := registrySQLite(s)
	switch {
	case err != nil:
		return nil, err
	case file != "":
		return sqlite.OpenDefinitions(besides(file)), nil
	}
	return postgresDefinitions(ctx, s)
}

// registrySQLite returns the file of a registry in SQLite, "" for another one:
// sqlite:///data/registry.db, or sqlite:////srv/registry.db for an absolute path.
func registrySQLite(s cli.Setup) (string, error) {
	var c sqlSettings
	if err := s.Decode(&c); err != nil {
		return "", err
	}
	scheme, rest, _ := strings.Cut(c.Path, "://")
	if dialect, _, _ := strings.Cut(scheme, "+"); dialect != "sqlite" {
		return "", nil
	}
	file, _, _ := strings.Cut(strings.TrimPrefix(rest, "/"), "?")
	if file == "" || file == ":memory:" {
		return "", asof.Errorf(asof.CodeInvalid, "%s: the registry's `path` names no file: write it as sqlite:///data/registry.db", s.Config.Path)
	}
	if filepath.IsAbs(file) {
		return file, nil
	}
	return filepath.Join(s.Config.Dir, file), nil
}

// openRegistryDatabase returns the PostgreSQL database of a registry.
func openRegistryDatabase(ctx context.Context, s cli.Setup) (*postgres.DB, error) {
	var c sqlSettings
	if err := s.Decode(&c); err != nil {
		return nil, err
	}
	scheme, rest, _ := strings.Cut(c.Path, "://")
	dialect, _, _ := strings.Cut(scheme, "+")
	u, err := url.Parse("postgres://" + rest)
	if dialect != "postgresql" && dialect != "postgres" || err != nil {
		return nil, asof.Errorf(asof.CodeInvalid, "%s: a registry of type sql is in PostgreSQL or SQLite: write its `path` as postgresql://USER:PASSWORD@HOST:PORT/DATABASE or sqlite:///FILE", s.Config.Path)
	}
	port, _ := strconv.Atoi(u.Port()) // without one it is PostgreSQL's own
	password, _ := u.User.Password()
	config := postgres.Config{Host: u.Hostname(), Port: port, Database: strings.TrimPrefix(u.Path, "/"), User: u.User.Username(), Password: password,
		SSLMode: u.Query().Get("sslmode"), SSLCert: u.Query().Get("sslcert"), SSLKey: u.Query().Get("sslkey"), SSLRoot: u.Query().Get("sslrootcert")}
	return sharePostgres(ctx, s, config)
}
