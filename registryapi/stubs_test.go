package registryapi_test

import (
	"path/filepath"
	"testing"

	"github.com/asof-dev/asof/feastregistry"
	"github.com/asof-dev/asof/postgres"
	"github.com/asof-dev/asof/registryapi"
	"github.com/asof-dev/asof/registryfile"
	"github.com/asof-dev/asof/sqlite"
	"github.com/asof-dev/asof/storetest"
)

// kinds open a new registry of each kind.
var kinds = map[string]func(t *testing.T) feastregistry.Store{
	"file": func(t *testing.T) feastregistry.Store {
		return registryfile.Open(filepath.Join(t.TempDir(), "registry.db"), nil)
	},
	"SQLite": func(t *testing.T) feastregistry.Store {
		r := sqlite.OpenRegistry(filepath.Join(t.TempDir(), "registry.db"))
		t.Cleanup(func() { r.Close() })
		return r
	},
	"PostgreSQL": func(t *testing.T) feastregistry.Store {
		d := storetest.Postgres(t).Database(t)
		db, err := postgres.Open(t.Context(), postgres.Config{Host: d.Host, Port: d.Port, Database: d.Name, User: d.User, Password: d.Password})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		return db.Registry()
	},
}

// TestEveryMethod calls each method of the service by the stubs of Feast's SDK,
// on a registry of each kind.
func TestEveryMethod(t *testing.T) {
	for name, open := range kinds {
		t.Run(name, func(t *testing.T) {
			address := start(t, registryapi.Options{Store: open(t)})
			if got := string(storetest.RunPython(t, runFile, filepath.Join("testdata", "stubs.py"), address)); got != "55\n" {
				t.Errorf("methods called: %s", got)
			}
		})
	}
}
