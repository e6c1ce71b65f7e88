package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqlite"
	"github.com/asof-dev/asof/storetest"
)

func TestRegistry(t *testing.T) {
	storetest.Registry(t, func(t *testing.T) func() asof.Registry {
		path := filepath.Join(t.TempDir(), "data", "registry.db")
		return func() asof.Registry {
			r := sqlite.OpenRegistry(path)
			t.Cleanup(func() { _ = r.Close() })
			return r
		}
	})
}
