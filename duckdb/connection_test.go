//go:build duckdb_arrow

package duckdb_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof"
	asofduckdb "github.com/asof-dev/asof/duckdb"
	"github.com/asof-dev/asof/postgres"
	"github.com/asof-dev/asof/storetest"
)

type opener = func(context.Context) (asof.OfflineStore, error)

// crm is a database that sources are read from by a connection of that name.
type crm struct {
	storetest.PostgresDatabase
	conn  *pgx.Conn
	store *postgres.Offline
}

func newCRM(t *testing.T) *crm {
	t.Helper()
	d := storetest.Postgres(t).Database(t)
	conn, err := pgx.Connect(t.Context(), d.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	c := &crm{PostgresDatabase: d, conn: conn}
	c.store = c.reached(t, func(*postgres.Config) {})
	return c
}

// reached returns a store over the database, by settings that may be changed.
func (c *crm) reached(t *testing.T, change func(*postgres.Config)) *postgres.Offline {
	t.Helper()
	config := postgres.Config{Host: c.Host, Port: c.Port, Database: c.Name, User: c.User, Password: c.Password}
	change(&config)
	db, err := postgres.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db.Offline()
}

// run executes statements in the database.
func (c *crm) run(t *testing.T, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := c.conn.Exec(t.Context(), s); err != nil {
			t.Fatalf("%v in %s", err, s)
		}
	}
}

// opens is what duckdb.Options takes for a store.
func opens(store asof.OfflineStore) opener {
	return func(context.Context) (asof.OfflineStore, error) { return store, nil }
}

// load makes a table in the database.
func (c *crm) load(t *testing.T, table storetest.OfflineTable) *asof.DataSource {
	t.Helper()
	var columns []string
	for _, column := range table.Columns {
		columns = append(columns, pgx.Identifier{column.Name}.Sanitize()+" "+storetest.SQLType(column))
	}
	name := pgx.Identifier{table.Name}.Sanitize()
	c.run(t, "DROP TABLE IF EXISTS "+name, fmt.Sprintf("CREATE TABLE %s (%s)", name, strings.Join(columns, ", ")), "INSERT INTO "+name+" "+table.Values())
	return &asof.DataSource{Name: table.Name, Kind: asof.SourcePostgres, Table: name}
}

// notThere reports whether a table has columns that PostgreSQL cannot hold, or
// not of the same type.
func notThere(table storetest.OfflineTable) bool {
	return slices.ContainsFunc(table.Columns, func(c asof.TableColumn) bool {
		typ := storetest.SQLType(c)
		return c.Type == "timestamp_ns" || strings.Contains(typ, "STRUCT(") || strings.Contains(typ, "MAP(") || strings.HasSuffix(typ, "[][]")
	})
}

// Every case of the corpus, with its tables in a database, or every second one
// of them, has the answer that it has in one store.
func TestOfflineConnection(t *testing.T) {
	db := newCRM(t)
	for name, c := range map[string]struct {
		pulled func(n int) bool
		with   func(*asofduckdb.Offline) *asofduckdb.Offline
	}{
		"all":          {func(int) bool { return true }, (*asofduckdb.Offline).InEngine},
		"every second": {func(n int) bool { return n%2 == 0 }, func(o *asofduckdb.Offline) *asofduckdb.Offline { return o }},
	} {
		t.Run(name, func(t *testing.T) {
			store := c.with(offline(t, asofduckdb.Options{Connections: map[string]opener{"crm": opens(db.store)}}))
			open := overParquet(t, store)
			storetest.Offline(t, func(t *testing.T) storetest.OfflineUnderTest {
				u, tables := open(t), 0
				toFile := u.Load
				u.Load = func(t *testing.T, table storetest.OfflineTable) *asof.DataSource {
					if tables++; c.pulled(tables) && !notThere(table) {
						return db.load(t, table)
					}
					return toFile(t, table)
				}
				return u
			})
		})
	}
}
