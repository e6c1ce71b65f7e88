package main

import (
	"database/sql"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/postgres"
	"github.com/asof-dev/asof/redis"
	"github.com/asof-dev/asof/sqlite"
	"github.com/asof-dev/asof/storetest"
)

// place is where a repository keeps its online store.
type place struct {
	settings string // in feature_store.yaml
	sockets  bool   // it is a server
	open     func(t *testing.T, dir string) opened
	copy     func(t *testing.T) place                         // with all that it holds, beside its file
	exec     func(t *testing.T, dir string, statement string) // where it is a database
}

// kind is a kind of online store, in one of its layouts.
type kind struct {
	name string
	make func(t *testing.T) place
}

var (
	inSQLite        = kind{"sqlite", func(*testing.T) place { return sqlitePlace(false) }}
	inFeastSQLite   = kind{"sqlite as Feast", func(*testing.T) place { return sqlitePlace(true) }}
	inPostgres      = kind{"postgres", func(t *testing.T) place { return postgresPlace(storetest.Postgres(t).Database(t), false) }}
	inFeastPostgres = kind{"postgres as Feast", func(t *testing.T) place { return postgresPlace(storetest.Postgres(t).Database(t), true) }}
	inRedis         = kind{"redis", func(t *testing.T) place { return redisPlace(storetest.Redis(t).Database(t)) }}
)

// everywhere is every online store in every layout.
var everywhere = []kind{inSQLite, inPostgres, inRedis, inFeastSQLite, inFeastPostgres}

const asFeast = "asof:\n  layout: feast\n"

func sqlitePlace(feast bool) place {
	p := place{settings: "online_store:\n  type: sqlite\n  path: data/online.db\n"}
	path := func(dir string) string { return filepath.Join(dir, "data", "online.db") }
	p.copy = func(*testing.T) place { return p }
	p.open = func(t *testing.T, dir string) opened {
		store, err := sqlite.OpenOnline(path(dir), 3)
		return beside(t, dir, store, err)
	}
	if feast {
		p.settings += asFeast
		p.open = func(t *testing.T, dir string) opened {
			store, err := sqlite.OpenFeastOnline(path(dir), 3)
			return beside(t, dir, store, err)
		}
	}
	p.exec = func(t *testing.T, dir, statement string) {
		t.Helper()
		db, err := sql.Open("sqlite", path(dir))
		if err == nil {
			_, err = db.Exec(statement)
		}
		if err = errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func postgresPlace(d storetest.PostgresDatabase, feast bool) place {
	p := place{sockets: true, settings: fmt.Sprintf("online_store:\n  type: postgres\n  host: %s\n  port: %d\n  database: %s\n  user: %s\n  password: %q\n  sslmode: prefer\n",
		d.Host, d.Port, d.Name, d.User, d.Password)}
	if feast {
		p.settings += asFeast
	}
	p.copy = func(t *testing.T) place { return postgresPlace(storetest.Postgres(t).Copy(t, d), feast) }
	p.open = func(t *testing.T, _ string) opened {
		db, err := postgres.Open(t.Context(), postgres.Config{Host: d.Host, Port: d.Port, Database: d.Name, User: d.User, Password: d.Password})
		if err != nil {
			t.Fatal(err)
		}
		var store listing
		if feast {
			store, err = db.FeastOnline(3)
		} else {
			store, err = db.Online(3)
		}
		if err != nil {
			t.Fatal(err)
		}
		return opened{store, db.Ledger(), db}
	}
	p.exec = func(t *testing.T, _, statement string) {
		t.Helper()
		conn, err := pgx.Connect(t.Context(), d.URL())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func redisPlace(d storetest.RedisDatabase) place {
	p := redisAt(d.Connection())
	p.copy = func(t *testing.T) place { return redisPlace(storetest.Redis(t).Copy(t, d)) }
	return p
}

func redisAt(connection string) place {
	return place{
		sockets:  true,
		settings: "online_store:\n  type: redis\n  connection_string: " + connection + "\n",
		open: func(t *testing.T, dir string) opened {
			store, _, err := redis.OpenOnline(redis.Config{Connection: connection, KeyVersion: 3})
			return beside(t, dir, store, err)
		},
	}
}

// opened is a store and its ledger, and what both of them are on.
type opened struct {
	listing
	ledger asof.Ledger
	pool   io.Closer
}

type listing interface {
	asof.OnlineStore
	asof.KeyLister
}

// beside is a store whose ledger is a file beside the registry.
func beside(t *testing.T, dir string, store listing, err error) opened {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	ledger, err := sqlite.OpenLedger(filepath.Join(dir, "data", "asof.db"))
	if err != nil {
		t.Fatal(err)
	}
	return opened{store, ledger, ledger}
}

func (o opened) Close() error { return errors.Join(o.listing.Close(), o.pool.Close()) }
