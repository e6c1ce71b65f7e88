package registryapi_test

import (
	"path/filepath"
	"testing"

	"github.com/asof-dev/asof/storetest"
)

// TestEveryMethod calls each method of the service by the stubs of Feast's SDK.
func TestEveryMethod(t *testing.T) {
	address, _ := startFile(t)
	if got := string(storetest.RunPython(t, runFile, filepath.Join("testdata", "stubs.py"), address)); got != "55\n" {
		t.Errorf("methods called: %s", got)
	}
}
