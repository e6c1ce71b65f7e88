package registryfile_test

import (
	"path/filepath"
	"testing"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/registryfile"
	"github.com/asof-dev/asof/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

func TestRegistry(t *testing.T) {
	storetest.Registry(t, func(t *testing.T) func() asof.Registry {
		path := filepath.Join(t.TempDir(), "data", "registry.db")
		return func() asof.Registry { return registryfile.Open(path, nil) }
	})
}
