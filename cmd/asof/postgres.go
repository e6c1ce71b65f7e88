package main

import (
	"context"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/cli"
	"github.com/asof-dev/asof/postgres"
)

// postgresSettings are the keys of a PostgreSQL section in feature_store.yaml,
// named as in Feast.
type postgresSettings struct {
	Host     string `yaml:"host"`
	Port     int    `yaml:"port"`
	Database string `yaml:"database"`
	Schema   string `yaml:"db_schema"`
	User     string `yaml:"user"`
	Password string `yaml:"password"`
	SSLMode  string `yaml:"sslmode"`
	SSLKey   string `yaml:"sslkey_path"`
	SSLCert  string `yaml:"sslcert_path"`
	SSLRoot  string `yaml:"sslrootcert_path"`
	MaxConns int    `yaml:"max_conn"`

	// Settings of Feast's that nothing here needs: a pool opens connections
	// when there is work, and TCP keeps them alive.
	MinConns   int    `yaml:"min_conn"`
	ConnType   string `yaml:"conn_type"`
	Keepalive  int    `yaml:"keepalives_idle"`
	SelectMode string `yaml:"entity_select_mode"`
	BatchRows  int    `yaml:"max_batched_result_rows"`
	Vector     bool   `yaml:"vector_enabled"`
	Search     bool   `yaml:"enable_openai_compatible_store"`
}

// openPostgres returns the database of a section. Sections with the same
// settings share one pool.
func openPostgres(ctx context.Context, s cli.Setup) (*postgres.DB, error) {
	if s.Section.Name == "registry" {
		return openRegistryDatabase(ctx, s) // for the ledger beside it
	}
	config, err := postgresConfig(s)
	if err != nil {
		return nil, err
	}
	return sharePostgres(ctx, s, config)
}

func sharePostgres(ctx context.Context, s cli.Setup, config postgres.Config) (*postgres.DB, error) {
	return cli.Share(s, config, func() (*postgres.DB, error) { return postgres.Open(ctx, config) })
}

// postgresConfig reads a section that names a database.
func postgresConfig(s cli.Setup) (postgres.Config, error) {
	var c postgresSettings
	if err := s.Decode(&c); err != nil {
		return postgres.Config{}, err
	}
	if c.Host == "" || c.Database == "" {
		return postgres.Config{}, asof.Errorf(asof.CodeInvalid, "%s: %s needs `host` and `database`", s.Config.Path, s.Section.Name)
	}
	return postgres.Config{Host: c.Host, Port: c.Port, Database: c.Database, Schema: c.Schema, User: c.User, Password: c.Password,
		SSLMode: c.SSLMode, SSLCert: c.SSLCert, SSLKey: c.SSLKey, SSLRoot: c.SSLRoot, MaxConns: c.MaxConns}, nil
}

// postgresWarehouse and the others below are the stores of one database.
func postgresWarehouse(ctx context.Context, s cli.Setup) (asof.Warehouse, error) {
	db, err := openPostgres(ctx, s)
	if err != nil {
		return nil, err
	}
	return db.Warehouse(), nil
}

func postgresOnline(ctx context.Context, s cli.Setup) (asof.OnlineStore, error) {
	db, err := openPostgres(ctx, s)
	if err != nil {
		return nil, err
	}
	own, err := db.Online(ownKeyVersion)
	if err != nil {
		return nil, err
	}
	feast, err := db.FeastOnline(s.Config.KeyVersion)
	if err != nil {
		return nil, err
	}
	return newOnline(s, own, feast), nil
}

func postgresLedger(ctx context.Context, s cli.Setup) (asof.Ledger, error) {
	db, err := openPostgres(ctx, s)
	if err != nil {
		return nil, err
	}
	return db.Ledger(), nil
}

func postgresRuns(ctx context.Context, s cli.Setup) (asof.RunStore, error) {
	db, err := openPostgres(ctx, s)
	if err != nil {
		return nil, err
	}
	return db.Runs(), nil
}

func postgresStatistics(ctx context.Context, s cli.Setup) (asof.StatisticsStore, error) {
	db, err := openPostgres(ctx, s)
	if err != nil {
		return nil, err
	}
	return db.Statistics(), nil
}

func postgresDefinitions(ctx context.Context, s cli.Setup) (asof.DefinitionLog, error) {
	db, err := openPostgres(ctx, s)
	if err != nil {
		return nil, err
	}
	return db.Definitions(), nil
}

func postgresOffline(ctx context.Context, s cli.Setup) (asof.OfflineStore, error) {
	db, err := openPostgres(ctx, s)
	if err != nil {
		return nil, err
	}
	return db.Offline(), nil
}
