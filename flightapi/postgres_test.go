package flightapi_test

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/asof-dev/asof/flightapi"
	"github.com/asof-dev/asof/postgres"
	"github.com/asof-dev/asof/registryfile"
	"github.com/asof-dev/asof/storetest"
)

// TestSDKOverPostgres has Feast's SDK ask its own store over a database, and
// ours over the same.
func TestSDKOverPostgres(t *testing.T) {
	d := storetest.Postgres(t).Database(t)
	db, err := postgres.Open(t.Context(), postgres.Config{Host: d.Host, Port: d.Port, Database: d.Name, User: d.User, Password: d.Password})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	folder := t.TempDir()
	address := start(t, flightapi.Options{Registry: registryfile.Open(filepath.Join(folder, "registry.db"), nil), Project: "fleet", Store: db.Offline(), Warehouse: db.Warehouse(), Dir: folder})
	where, err := json.Marshal(map[string]any{"Host": d.Host, "Port": d.Port, "Name": d.Name, "User": d.User, "Password": d.Password})
	if err != nil {
		t.Fatal(err)
	}
	printed := string(storetest.RunPython(t, runFile, filepath.Join("testdata", "check_postgres.py"), folder, address, string(where)))
	checks(t, printed, 6, "saved dataset")
}
