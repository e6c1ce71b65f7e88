package postgres_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/postgres"
	"github.com/asof-dev/asof/registrysql"
	"github.com/asof-dev/asof/storetest"
)

func TestRegistry(t *testing.T) {
	storetest.Registry(t, func(t *testing.T) func() asof.Registry {
		d := storetest.Postgres(t).Database(t)
		return func() asof.Registry { return registryIn(t, d) }
	})
}

func registryIn(t *testing.T, d storetest.PostgresDatabase) *registrysql.Registry {
	t.Helper()
	db, err := postgres.Open(t.Context(), postgres.Config{Host: d.Host, Port: d.Port, Database: d.Name, User: d.User, Password: d.Password})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db.Registry()
}

// TestRegistrySeesOtherWriters reads a registry while another connection works
// on its tables as Feast does: what is committed is seen by the next read, what
// is not is not, and where nothing of the registry changes nothing is read.
func TestRegistrySeesOtherWriters(t *testing.T) {
	d := storetest.Postgres(t).Database(t)
	registry := registryIn(t, d)
	if _, err := registry.Apply(t.Context(), "p", asof.Change{Put: []asof.Object{&asof.Entity{Name: "user", JoinKey: "u"}, &asof.Entity{Name: "shop", JoinKey: "s"}}}); err != nil {
		t.Fatal(err)
	}
	other, err := pgx.Connect(t.Context(), d.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(t.Context())
	do := func(sql string) {
		t.Helper()
		if _, err := other.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	last, err := registry.Message(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// after reads again; the registry holds so many entities, of which one is new where it changed.
	after := func(sql string, changed bool, entities int) {
		t.Helper()
		do(sql)
		for range 2 {
			got, err := registry.Message(t.Context())
			if err != nil || (got != last) != changed || len(got.Entities) != entities {
				t.Errorf("after %s: changed %t with %d entities (%v), want %t with %d", sql, got != last, len(got.GetEntities()), err, changed, entities)
			}
			last, changed = got, false
		}
		s, err := registry.Snapshot(t.Context(), "p")
		if err != nil || len(s.Entities()) != entities-1 { // but for the dummy entity
			t.Errorf("after %s: a snapshot of %d entities (%v)", sql, len(s.Entities()), err)
		}
	}
	after("CREATE TABLE orders (n int); INSERT INTO orders VALUES (1)", false, 3)
	after("BEGIN", false, 3)
	after("DELETE FROM entities WHERE entity_name = 'shop'", false, 3)
	after("INSERT INTO orders VALUES (2)", false, 3)
	after("COMMIT", true, 2)
	after("BEGIN; UPDATE entities SET last_updated_timestamp = 1; ROLLBACK", false, 2)
	after("UPDATE entities SET last_updated_timestamp = 1 WHERE entity_name = 'user'", true, 2)
	after("INSERT INTO entities SELECT 'till', project_id, 0, entity_proto FROM entities WHERE entity_name = 'user'", true, 3)
	after("SELECT * FROM entities", false, 3)
	// As many rows as before, all of them by one transaction.
	after("BEGIN; DELETE FROM entities WHERE entity_name = 'till'; INSERT INTO entities SELECT 'tree', project_id, 0, entity_proto FROM entities WHERE entity_name = 'user'; COMMIT", true, 3)
	after("DROP TABLE orders", false, 3)
}
