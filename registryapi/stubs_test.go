package registryapi_test

import (
	"path/filepath"
	"testing"

	"github.com/asof-dev/asof/registryapi"
	"github.com/asof-dev/asof/storetest"
)

// TestEveryMethod calls each method of the service by the stubs of Feast's SDK,
// on a registry of each kind.
func TestEveryMethod(t *testing.T) {
	for name, place := range places(t) {
		t.Run(name, func(t *testing.T) {
			address := start(t, registryapi.Options{Store: storeAt(t, place)})
			if got := string(storetest.RunPython(t, runFile, filepath.Join("testdata", "stubs.py"), address)); got != "55\n" {
				t.Errorf("methods called: %s", got)
			}
		})
	}
}
