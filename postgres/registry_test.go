package postgres_test

import (
	"testing"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/postgres"
	"github.com/asof-dev/asof/storetest"
)

func TestRegistry(t *testing.T) {
	storetest.Registry(t, func(t *testing.T) func() asof.Registry {
		d := storetest.Postgres(t).Database(t)
		return func() asof.Registry {
			db, err := postgres.Open(t.Context(), postgres.Config{Host: d.Host, Port: d.Port, Database: d.Name, User: d.User, Password: d.Password})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			return db.Registry()
		}
	})
}
