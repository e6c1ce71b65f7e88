package memory_test

import (
	"testing"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/storetest"
)

func TestRegistry(t *testing.T) {
	storetest.Registry(t, func(*testing.T) func() asof.Registry {
		r := memory.NewRegistry(nil)
		return func() asof.Registry { return r }
	})
}
