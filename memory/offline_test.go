package memory_test

import (
	"testing"

	"github.com/asof-dev/asof/storetest"
)

func TestOffline(t *testing.T) {
	storetest.Offline(t, storetest.MemoryOffline)
}
