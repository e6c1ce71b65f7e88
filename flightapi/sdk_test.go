//go:build duckdb_arrow

package flightapi_test

import (
	"path/filepath"
	"testing"

	"github.com/asof-dev/asof/duckdb"
	"github.com/asof-dev/asof/flightapi"
	"github.com/asof-dev/asof/registryfile"
	"github.com/asof-dev/asof/storetest"
)

// serveFolder serves the folder that a script will make a repository in.
func serveFolder(t *testing.T) (folder, address string) {
	t.Helper()
	folder = t.TempDir()
	warehouse, err := duckdb.OpenWarehouse(filepath.Join(folder, "warehouse"))
	if err != nil {
		t.Fatal(err)
	}
	store, err := duckdb.OpenOffline(duckdb.Options{Dir: folder, Warehouse: warehouse})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return folder, start(t, flightapi.Options{Registry: registryfile.Open(filepath.Join(folder, "registry.db"), nil), Project: "fleet", Store: store, Dir: folder, Warehouse: warehouse})
}

// TestSDK has Feast's SDK ask its own store and our server the same.
func TestSDK(t *testing.T) {
	folder, address := serveFolder(t)
	printed := string(storetest.RunPython(t, runFile, filepath.Join("testdata", "check.py"), "testdata", folder, address))
	checks(t, printed, 44, "validate")
}

// TestOlderSDK has the SDK before DoExchange ask.
func TestOlderSDK(t *testing.T) {
	folder, address := serveFolder(t)
	printed := string(storetest.RunPythonOf(t, storetest.OlderFeastPython(t), runFile, filepath.Join("testdata", "check_older.py"), "testdata", folder, address))
	checks(t, printed, 8, "errors")
}
